import { setTimeout as wait } from 'node:timers/promises';
import pg from 'pg';
import { type Child, startChild } from '../../../local/stack/child.ts';
import type { ServiceBusOptions } from '../../../local/stack/service-bus-process.ts';
import type { Contestant, Standing } from './contestant.ts';
import { cpuSeconds } from './cpu.ts';
import type { BenchServer, DatabaseWork } from './server.ts';
import type { WorkerOptions } from './worker-protocol.ts';
import type { Workload } from './workloads.ts';

/** One run of one workload. */
export interface Run {
  readonly seconds: number;
  /** CPU seconds by process. */
  readonly cpu: Readonly<Record<string, number>>;
  readonly database: DatabaseWork;
}

export const logFile = '.cache/logs/bench-engine.log';

/** A contestant ready to work: its services, its worker process, and the bench's own connection for looking on. */
export class Arena {
  readonly #contestant: Contestant;
  readonly #server: BenchServer;
  readonly #watch: pg.Client;
  readonly #services: readonly Child<{ connectionString: string }>[];
  readonly #options: WorkerOptions;
  readonly #env: Readonly<Record<string, string>>;
  #worker: Child<unknown>;
  #asks = 0;

  private constructor(
    given: Pick<ArenaParts, 'contestant' | 'server' | 'watch' | 'services' | 'options' | 'env' | 'worker'>,
  ) {
    this.#contestant = given.contestant;
    this.#server = given.server;
    this.#watch = given.watch;
    this.#services = given.services;
    this.#options = given.options;
    this.#env = given.env;
    this.#worker = given.worker;
  }

  /** A fresh database, fresh services, a fresh worker. `env` is added to the Node processes' own. */
  static async open(
    contestant: Contestant,
    server: BenchServer,
    env: Readonly<Record<string, string>> = {},
  ): Promise<Arena> {
    const { url, watchUrl } = await server.createDatabase(contestant.id);
    const services = contestant.needs === 'service bus' ? [await startEmulator(env)] : [];
    const options: WorkerOptions = {
      databaseUrl: url,
      serviceBus: services[0]?.ready.connectionString ?? null,
      redisPort: null,
      mode: contestant.mode,
    };
    const worker = await startWorker(contestant, options, env);
    const watch = new pg.Client({ connectionString: watchUrl });
    await watch.connect();
    return new Arena({ contestant, server, watch, services, options, env, worker });
  }

  /** From asking the worker until the last job is done. */
  async run(workload: Workload, pollMs = 5): Promise<Run> {
    await this.#server.checkpoint();
    const [cpu, database] = [await this.#cpu(), await this.#server.work()];
    const started = performance.now();
    await this.submit(workload);
    await this.untilDone(workload.label, pollMs);
    const seconds = (performance.now() - started) / 1000;
    const [cpuAfter, databaseAfter] = [await this.#cpu(), await this.#server.work()];
    return { seconds, cpu: difference(cpuAfter, cpu), database: difference(databaseAfter, database) };
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

  /** Throws when a job failed, or when it takes longer than the limit. */
  async untilDone(label: string, pollMs: number, limitMs = 600_000): Promise<void> {
    const deadline = performance.now() + limitMs;
    for (;;) {
      const { done, failed } = await this.#standing(label);
      if (failed) throw new Error(`${this.#contestant.name}: a job failed; see ${logFile}`);
      if (done) return;
      if (performance.now() > deadline) throw new Error(`${this.#contestant.name}: ${label} is not done in time`);
      await wait(pollMs);
    }
  }

  async killWorker(): Promise<void> {
    this.#worker.process.kill('SIGKILL');
    await this.#worker.exited;
  }

  async restartWorker(): Promise<void> {
    this.#worker = await startWorker(this.#contestant, this.#options, this.#env);
  }

  async close(): Promise<void> {
    await this.#worker.stop();
    await Promise.all(this.#services.map((service) => service.stop()));
    await this.#watch.end();
    await this.#server.dropDatabase(this.#contestant.id);
  }

  async #standing(label: string): Promise<Standing> {
    const { standingSql } = this.#contestant;
    if (standingSql === null) throw new Error('not yet');
    const { rows } = await this.#watch.query<Standing>({ name: 'standing', text: standingSql, values: [label] });
    return rows[0] ?? { done: false, failed: false };
  }

  async #cpu(): Promise<Record<string, number>> {
    const roots: [string, number][] = [
      ['worker', this.#worker.process.pid ?? 0],
      ['PostgreSQL', this.#server.pid],
      ...this.#services.map((service): [string, number] => [service.name, service.process.pid ?? 0]),
    ];
    return Object.fromEntries(await Promise.all(roots.map(async ([name, pid]) => [name, await cpuSeconds(pid)])));
  }
}

interface ArenaParts {
  readonly contestant: Contestant;
  readonly server: BenchServer;
  readonly watch: pg.Client;
  readonly services: readonly Child<{ connectionString: string }>[];
  readonly options: WorkerOptions;
  readonly env: Readonly<Record<string, string>>;
  readonly worker: Child<unknown>;
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

function startWorker(
  contestant: Contestant,
  options: WorkerOptions,
  env: Readonly<Record<string, string>>,
): Promise<Child<unknown>> {
  return startChild({
    name: contestant.id,
    entry: contestant.entry,
    options: { ...options },
    env,
    output: logFile,
  });
}

function difference<T extends object>(after: T, before: T): T {
  const old = new Map(Object.entries(before));
  return Object.fromEntries(Object.entries(after).map(([name, value]) => [name, value - (old.get(name) ?? 0)])) as T;
}
