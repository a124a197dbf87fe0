import pg from 'pg';
import { clientConfig, type PostgresConfig } from './client-config.ts';
import { query } from './sql-files.ts';

const sql = { register: query('register_worker'), forget: query('forget_worker') };

/** The first key of the advisory locks that workers hold; the second is the worker's number. */
export const workerLockClass = 0x434d_574b;

const reconnectMs = 250;

/**
 * Tells the other workers that this one lives: a connection of its own that holds the advisory lock of the worker's
 * number. The server lets go of the lock the moment the process dies, and not while it is only frozen. A connection
 * that breaks is made again at once; until then the worker may be taken for dead, which costs double work and no more.
 */
export class WorkerPresence {
  readonly #config: PostgresConfig;
  readonly #worker: string;
  #client: pg.Client | null = null;
  #timer: NodeJS.Timeout | null = null;
  #stopped = false;

  constructor(config: PostgresConfig, worker: string) {
    this.#config = config;
    this.#worker = worker;
  }

  /** Resolves when others can see the worker, or its first try has failed and the next is due. */
  async start(): Promise<void> {
    const client = new pg.Client({ ...clientConfig(this.#config), query_timeout: 10_000, keepAlive: true });
    client.on('error', () => this.#lost(client));
    client.on('end', () => this.#lost(client));
    this.#client = client;
    try {
      await client.connect();
      await this.#enter(client);
    } catch {
      this.#lost(client);
    }
    // Stopped while it was connecting.
    if (this.#stopped) await client.end().catch(() => {});
  }

  /** The worker ends in order. */
  async stop(): Promise<void> {
    this.#stopped = true;
    if (this.#timer) clearTimeout(this.#timer);
    const client = this.#client;
    this.#client = null;
    if (!client) return;
    await client.query(sql.forget, [this.#worker]).catch(() => {});
    await client.end().catch(() => {});
  }

  /** Who is slow between the row and the lock is taken for dead, and its row removed: then it holds a lock in vain. */
  async #enter(client: pg.Client): Promise<void> {
    let number = await this.#register(client);
    for (;;) {
      await client.query('SELECT pg_advisory_lock($1, $2)', [workerLockClass, number]);
      const registered = await this.#register(client);
      if (registered === number) return;
      await client.query('SELECT pg_advisory_unlock($1, $2)', [workerLockClass, number]);
      number = registered;
    }
  }

  async #register(client: pg.Client): Promise<number | undefined> {
    const { rows } = await client.query<{ number: number }>(sql.register, [this.#worker]);
    return rows[0]?.number;
  }

  #lost(client: pg.Client): void {
    if (this.#client !== client) return;
    this.#client = null;
    client.end().catch(() => {});
    if (this.#stopped) return;
    this.#timer = setTimeout(() => void this.start(), reconnectMs);
    this.#timer.unref();
  }
}
