import pg from 'pg';
import { type RunningService, startService } from '../../testing/service.ts';

/** What a database server did in some time. */
export interface DatabaseWork {
  readonly statements: number;
  /** Transactions that wrote: each costs a flush of the log, alone or shared. */
  readonly commits: number;
  readonly walBytes: number;
  /** Pages written whole to the log, because it was their first change after a checkpoint. */
  readonly fullPages: number;
}

/** The role that contestants sign in with; the bench's own questions are of another one and not counted. */
const role = 'contestant';

/** A PostgreSQL server of the bench's own, durable as a default installation is, with pg_stat_statements. */
export class BenchServer {
  readonly #service: RunningService;
  readonly #client: pg.Client;
  readonly pid: number;
  readonly version: string;

  private constructor(service: RunningService, client: pg.Client, pid: number, version: string) {
    this.#service = service;
    this.#client = client;
    this.pid = pid;
    this.version = version;
  }

  static async start(): Promise<BenchServer> {
    const env = { COREMACHINE_TEST_DURABLE: '1', COREMACHINE_TEST_PRELOAD: 'pg_stat_statements' };
    const service = await startService('postgres', env);
    const client = new pg.Client({ connectionString: service.address });
    await client.connect();
    await client.query(`CREATE EXTENSION pg_stat_statements`);
    await client.query(`CREATE ROLE ${role} LOGIN PASSWORD '${role}'`);
    const { rows } = await client.query<{ pid: string; version: string }>(
      `SELECT pg_read_file('postmaster.pid') AS pid, current_setting('server_version') AS version`,
    );
    return new BenchServer(service, client, Number.parseInt(rows[0]?.pid ?? '', 10), rows[0]?.version ?? '');
  }

  /** A database owned by the contestants' role: its URL for them, and one for the bench itself. */
  async createDatabase(name: string): Promise<{ readonly url: string; readonly watchUrl: string }> {
    await this.#client.query(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`);
    await this.#client.query(`CREATE DATABASE ${name} OWNER ${role}`);
    const watchUrl = new URL(this.#service.address);
    watchUrl.pathname = `/${name}`;
    const url = new URL(watchUrl);
    url.username = role;
    url.password = role;
    return { url: url.href, watchUrl: watchUrl.href };
  }

  async dropDatabase(name: string): Promise<void> {
    await this.#client.query(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`);
  }

  /** So that no contestant's run pays for the writing back of another's. */
  async checkpoint(): Promise<void> {
    await this.#client.query('CHECKPOINT');
  }

  async work(): Promise<DatabaseWork> {
    const { rows } = await this.#client.query<{ statements: string; commits: string; wal: string; pages: string }>(
      `SELECT (SELECT coalesce(sum(wal_fpi), 0) FROM pg_stat_statements
                WHERE toplevel AND userid = '${role}'::regrole) AS pages,
              (SELECT coalesce(sum(calls), 0) FROM pg_stat_statements
                WHERE toplevel AND userid = '${role}'::regrole) AS statements,
              pg_snapshot_xmax(pg_current_snapshot())::text::bigint AS commits,
              pg_current_wal_insert_lsn() - '0/0' AS wal`,
    );
    const row = rows[0];
    return {
      statements: Number(row?.statements),
      commits: Number(row?.commits),
      walBytes: Number(row?.wal),
      fullPages: Number(row?.pages),
    };
  }

  /** The most frequent statements since the last call, for the profile. */
  async topStatements(limit: number): Promise<readonly { calls: number; milliseconds: number; query: string }[]> {
    const { rows } = await this.#client.query<{ calls: string; ms: number; query: string }>(
      `SELECT calls, total_exec_time AS ms, left(regexp_replace(query, '\\s+', ' ', 'g'), 110) AS query
         FROM pg_stat_statements WHERE toplevel AND userid = '${role}'::regrole
        ORDER BY total_exec_time DESC LIMIT ${limit}`,
    );
    return rows.map(({ calls, ms, query }) => ({ calls: Number(calls), milliseconds: ms, query }));
  }

  async resetStatements(): Promise<void> {
    await this.#client.query('SELECT pg_stat_statements_reset()');
  }

  async stop(): Promise<void> {
    await this.#client.end();
    await this.#service.stop();
  }
}
