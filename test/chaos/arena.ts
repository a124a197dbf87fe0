import { randomUUID } from 'node:crypto';
import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { openBlobStore } from '../../infrastructure/blob/azure-blob-store.ts';
import { migrate } from '../../infrastructure/postgres/migrate.ts';
import { freePort } from '../../src/cli/testing/free-port.ts';
import { type Child, startChild } from '../../src/local/stack/child.ts';
import { createTestDatabase, type TestDatabase } from '../tools/postgres.ts';
import { serviceAddress } from '../tools/services.ts';
import { Fleet } from './fleet.ts';
import type { Mutant } from './hurried-store.ts';
import { blobContainer } from './jobs.ts';

/** How the suite's own connections are called in pg_stat_activity. */
export const refereeName = 'chaos-referee';

interface EmulatorReady {
  readonly connectionString: string;
}

/** The real parts of a trial: a database with its audit, the emulator, the blob store, the workers. */
export class Arena {
  readonly folder: string;
  readonly database: TestDatabase;
  /** The suite's own connections, past all faults. */
  readonly pool: pg.Pool;
  readonly storage: string;
  readonly partsContainer = `chaos-${randomUUID()}`;
  readonly fleet: Fleet;
  readonly #port: number;
  #emulator: Child<EmulatorReady>;
  #emulatorStartedAt = Date.now();

  private constructor(parts: {
    readonly folder: string;
    readonly database: TestDatabase;
    readonly pool: pg.Pool;
    readonly storage: string;
    readonly port: number;
    readonly emulator: Child<EmulatorReady>;
    readonly mutant: Mutant | null;
  }) {
    this.folder = parts.folder;
    this.database = parts.database;
    this.pool = parts.pool;
    this.storage = parts.storage;
    this.#port = parts.port;
    this.#emulator = parts.emulator;
    this.fleet = new Fleet({
      databaseUrl: parts.database.url,
      serviceBus: parts.emulator.ready.connectionString,
      storage: parts.storage,
      partsContainer: this.partsContainer,
      tempFolder: this.tempFolder,
      logFolder: parts.folder,
      mutant: parts.mutant,
    });
  }

  static async open(mutant: Mutant | null): Promise<Arena> {
    const folder = await mkdtemp(join(tmpdir(), 'coremachine-chaos-'));
    await mkdir(join(folder, 'temp'));
    const [database, storage, port] = await Promise.all([
      createTestDatabase({ template: 'empty' }),
      serviceAddress('azurite'),
      freePort(),
    ]);
    await migrate({ url: database.url });
    const pool = new pg.Pool({ connectionString: database.url, application_name: refereeName, max: 6 });
    pool.on('error', () => {});
    await pool.query(await readFile(new URL('./schema.sql', import.meta.url), 'utf8'));
    await openBlobStore({ connection: storage }).ensureContainer(blobContainer);
    const emulator = await startEmulator(port, folder);
    return new Arena({ folder, database, pool, storage, port, emulator, mutant });
  }

  get tempFolder(): string {
    return join(this.folder, 'temp');
  }

  get emulatorStartedAt(): number {
    return this.#emulatorStartedAt;
  }

  /** Ends the emulator with all its messages. */
  async killEmulator(): Promise<void> {
    this.#emulator.process.kill('SIGKILL');
    await this.#emulator.exited;
  }

  /** A new and empty one at the same address. */
  async startEmulator(): Promise<void> {
    this.#emulator = await startEmulator(this.#port, this.folder);
    this.#emulatorStartedAt = Date.now();
  }

  /** Nothing of an earlier trial is left in the database. */
  async clear(): Promise<void> {
    for (;;) {
      try {
        await this.pool.query(
          `TRUNCATE app.jobs, app.stages, app.tasks, app.job_events, app.due_callbacks, app.upkeep_runs, chaos.executions, chaos.lost_parts,
           chaos.callbacks, chaos.runs, chaos.task_moves, chaos.job_moves, chaos.stage_moves`,
        );
        return;
      } catch (error) {
        // The workers' upkeep goes on meanwhile, and takes these tables in another order.
        if (!isDeadlock(error)) throw error;
      }
    }
  }

  /** Stops everything in order. Throws when a worker has left a connection open. `keepLogs` leaves the folder. */
  async close(options: { readonly keepLogs: boolean }): Promise<void> {
    try {
      await this.fleet.stop();
      await this.pool.end();
      await this.database.drop();
    } finally {
      await this.fleet.close();
      await this.#emulator.stop(2000);
      if (!options.keepLogs) await rm(this.folder, { recursive: true, force: true });
    }
  }
}

function isDeadlock(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === '40P01';
}

function startEmulator(port: number, folder: string): Promise<Child<EmulatorReady>> {
  return startChild<EmulatorReady>({
    name: 'emulator',
    entry: new URL('./emulator.ts', import.meta.url),
    options: { port },
    output: join(folder, 'emulator.log'),
  });
}
