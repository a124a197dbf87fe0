import { setTimeout as wait } from 'node:timers/promises';
import pg from 'pg';
import { type Child, startChild } from '../../../local/stack/child.ts';
import type { ServiceBusOptions } from '../../../local/stack/service-bus-process.ts';
import type { Contestant, Count } from './contestant.ts';
import { cpuSeconds } from './cpu.ts';
import { type BenchRedis, startRedis } from './redis.ts';
import type { BenchServer, DatabaseWork } from './server.ts';
import type { WorkerOptions } from './worker-protocol.ts';
import { jobLabels, type Workload } from './workloads.ts';

/** One run of one workload. */
export interface Run {
  readonly seconds: number;
  /** CPU seconds by process. */
  readonly cpu: Readonly<Record<string, number>>;
  readonly database: DatabaseWork;
  readonly redisCommands: number;
}

export const logFile = '.cache/logs/bench-engine.log';

interface Parts {
  readonly contestant: Contestant;
  readonly server: BenchServer;
  readonly watch: pg.Client;
  readonly emulator: Child<{ connectionString: string }> | null;
  readonly redis: BenchRedis | null;
  readonly options: WorkerOptions;
  /** Added to the environment of the Node processes. */
  readonly env: Readonly<Record<string, string>>;
}

/** A contestant ready to work: its services, its worker process, and the bench's own connection for looking on. */
export class Arena {
  readonly #parts: Parts;
  #worker: Child<unknown>;
  #asks = 0;

  private constructor(parts: Parts, worker: Child<unknown>) {
    this.#parts = parts;
    this.#worker = worker;
  }

  /** A fresh database, fresh services, a fresh worker. */
  static async open(
    contestant: Contestant,
    server: BenchServer,
    env: Readonly<Record<string, string>> = {},
  ): Promise<Arena> {
    const { url, watchUrl } = await server.createDatabase(contestant.id);
    const emulator = contestant.needs === 'service bus' ? await startEmulator(env) : null;
    const redis = contestant.needs === 'redis' ? await startRedis() : null;
    const options: WorkerOptions = {
      databaseUrl: url,
      serviceBus: emulator?.ready.connectionString ?? null,
      redisPort: redis?.port ?? null,
      mode: contestant.mode,
    };
    const watch = new pg.Client({ connectionString: watchUrl });
    await watch.connect();
    const parts: Parts = { contestant, server, watch, emulator, redis, options, env };
    try {
      return new Arena(parts, await startWorker(parts));
    } catch (error) {
      await closeParts(parts);
      throw error;
    }
  }

  get redisVersion(): string | null {
    return this.#parts.redis?.version ?? null;
  }

  /** From asking the worker until the last job is done. */
  async run(workload: Workload, pollMs = 5): Promise<Run> {
    await this.#parts.server.checkpoint();
    const before = await this.#usage();
    const started = performance.now();
    await this.submit(workload);
    await this.untilDone(workload, pollMs);
    const seconds = (performance.now() - started) / 1000;
    const after = await this.#usage();
    return {
      seconds,
      cpu: difference(after.cpu, before.cpu),
      database: difference(after.database, before.database),
      redisCommands: after.redisCommands - before.redisCommands,
    };
  }

  async submit(workload: Workload): Promise<void> {
    this.#asks += 1;
    const ask = this.#asks;
    const child = this.#worker.process;
    await new Promise<void>((resolve, reject) => {
      const listen = (message: { answer?: number; error?: string }) => {
        if (message.answer !== ask) return;
        child.off('message', listen);
        if (message.error) reject(new Error(message.error));
        else resolve();
      };
      child.on('message', listen);
      child.send({ ask, workload });
    });
  }

  /** Throws when it takes longer than the limit. */
  async untilDone(workload: Workload, pollMs: number, limitMs = 300_000): Promise<void> {
    const jobs = jobLabels(workload).length;
    const deadline = performance.now() + limitMs;
    while ((await this.#finished(workload)) < jobs) {
      if (performance.now() > deadline) throw new Error(`not done after ${limitMs / 1000} s`);
      await wait(pollMs);
    }
  }

  /** Of the tasks in the middle of a fan those that are done; where Redis keeps them, those of all fans so far. */
  async tasksDone(workload: Workload): Promise<number> {
    const { contestant, redis } = this.#parts;
    if (contestant.tasksDone) return this.#count('tasks_done', contestant.tasksDone, workload);
    return (await redis?.members('bull:item:completed')) ?? 0;
  }

  async killWorker(): Promise<void> {
    this.#worker.process.kill('SIGKILL');
    await this.#worker.exited;
  }

  async restartWorker(): Promise<void> {
    this.#worker = await startWorker(this.#parts);
  }

  /** For the bench's own questions to the contestant's database. */
  get watch(): pg.Client {
    return this.#parts.watch;
  }

  async close(): Promise<void> {
    await this.#worker.stop(10_000);
    await closeParts(this.#parts);
  }

  async #finished(workload: Workload): Promise<number> {
    const { contestant, redis } = this.#parts;
    if (contestant.finished) return this.#count('finished', contestant.finished, workload);
    return (await redis?.counter(`bench:done:${workload.label}`)) ?? 0;
  }

  async #count(name: string, { sql, values }: Count, workload: Workload): Promise<number> {
    const { rows } = await this.#parts.watch.query<{ count: string }>({
      name,
      text: sql,
      values: [...values(workload)],
    });
    return Number(rows[0]?.count);
  }

  async #usage(): Promise<{ cpu: Record<string, number>; database: DatabaseWork; redisCommands: number }> {
    const { server, emulator, redis } = this.#parts;
    const roots = {
      worker: this.#worker.process.pid,
      PostgreSQL: server.pid,
      emulator: emulator?.process.pid,
      Redis: redis?.pid,
    };
    const cpu: Record<string, number> = {};
    for (const [name, pid] of Object.entries(roots)) if (pid !== undefined) cpu[name] = await cpuSeconds(pid);
    return { cpu, database: await server.work(), redisCommands: (await redis?.commands()) ?? 0 };
  }
}

async function closeParts({ emulator, redis, watch, server, contestant }: Parts): Promise<void> {
  await emulator?.stop();
  await redis?.stop();
  await watch.end();
  await server.dropDatabase(contestant.id);
}

/** Messages in memory: the service that it stands for keeps them on machines of its own. */
function startEmulator(env: Readonly<Record<string, string>>): Promise<Child<{ connectionString: string }>> {
  return startChild({
    name: 'emulator',
    entry: new URL('../../../local/stack/service-bus-process.ts', import.meta.url),
    options: { port: 0, journal: null } satisfies ServiceBusOptions,
    env,
    output: logFile,
  });
}

function startWorker({ contestant, options, env }: Parts): Promise<Child<unknown>> {
  return startChild({ name: contestant.id, entry: contestant.entry, options: { ...options }, env, output: logFile });
}

function difference<T extends object>(after: T, before: T): T {
  const old = new Map(Object.entries(before));
  return Object.fromEntries(Object.entries(after).map(([name, value]) => [name, value - (old.get(name) ?? 0)])) as T;
}
