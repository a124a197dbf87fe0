import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { type Child, startChild } from '../../src/local/stack/child.ts';
import { FaultyProxy } from '../tools/faulty-proxy.ts';
import type { Order, Report, SubmitOrder, WorkerOptions } from './protocol.ts';

export interface FleetOptions extends Omit<WorkerOptions, 'name' | 'databaseUrl'> {
  readonly databaseUrl: string;
  /** Each worker writes `worker-<n>.log` here. */
  readonly logFolder: string;
}

type Submission = Pick<SubmitOrder, 'jobType' | 'body'>;
type State = 'down' | 'starting' | 'up' | 'frozen';

/** Longer than a worker is frozen: only a dead one's client goes elsewhere. */
const answerLimitMs = 6000;

/** One place of the fleet: the worker that fills it now, and its way to the database. */
class Berth {
  readonly name: string;
  readonly #options: FleetOptions;
  readonly #proxy: FaultyProxy;
  readonly #onReport: (report: Report) => void;
  #child: Child<object> | null = null;
  #state: State = 'down';
  #startedAt = 0;
  #onFreeze: (() => void) | null = null;

  constructor(name: string, options: FleetOptions, proxy: FaultyProxy, onReport: (report: Report) => void) {
    this.name = name;
    this.#options = options;
    this.#proxy = proxy;
    this.#onReport = onReport;
  }

  get state(): State {
    return this.#state;
  }

  get startedAt(): number {
    return this.#startedAt;
  }

  get proxy(): FaultyProxy {
    return this.#proxy;
  }

  async start(): Promise<void> {
    this.#state = 'starting';
    this.#startedAt = Date.now();
    const { logFolder, databaseUrl, ...rest } = this.#options;
    const url = new URL(databaseUrl);
    url.port = String(this.#proxy.port);
    const options: WorkerOptions = { ...rest, databaseUrl: url.href, name: this.name };
    for (let tries = 1; ; tries += 1) {
      try {
        this.#child = await startChild<object>({
          name: this.name,
          entry: new URL('./worker.ts', import.meta.url),
          options: { ...options },
          output: join(logFolder, `${this.name}.log`),
        });
        break;
      } catch (error) {
        // A worker may start while the database is locked or its connections are being cut; what supervises it tries again.
        if (tries === 10) throw error;
        await wait(100);
      }
    }
    this.#child.process.on('message', (report: Report) => {
      if (report.kind !== 'freezing') this.#onReport(report);
      else if (this.#onFreeze) this.#onFreeze();
      // It struck when nobody waited for it any more.
      else void this.freeze(200);
    });
    this.#state = 'up';
  }

  order(order: Order): void {
    if (this.#state === 'up' && this.#child?.process.connected) this.#child.process.send(order, () => {});
  }

  /** SIGKILL now; resolves when the process is gone. */
  async kill(): Promise<void> {
    if (!this.#child) return;
    this.#state = 'down';
    this.#child.process.kill('SIGKILL');
    await this.#child.exited;
    this.#child = null;
  }

  /** SIGKILL and a successor after `downMs`; nothing when somebody else is about to do so. */
  async replace(downMs: number): Promise<void> {
    if (this.#state !== 'up' && this.#state !== 'frozen') return;
    await this.kill();
    await wait(downMs);
    await this.start();
  }

  async freeze(ms: number): Promise<void> {
    const child = this.#child;
    if (this.#state !== 'up' || !child) return;
    this.#state = 'frozen';
    child.process.kill('SIGSTOP');
    await wait(ms);
    if (this.#child !== child) return;
    child.process.kill('SIGCONT');
    this.#state = 'up';
  }

  /** Resolves when the worker has killed itself at the instant it was told of; false when that does not come in time. */
  async diesWithin(ms: number): Promise<boolean> {
    const exited = this.#child?.exited.then(() => true) ?? Promise.resolve(false);
    return Promise.race([exited, wait(ms, false)]);
  }

  async freezesWithin(ms: number): Promise<boolean> {
    const froze = new Promise<boolean>((resolve) => {
      this.#onFreeze = () => resolve(true);
    });
    const answer = await Promise.race([froze, wait(ms, false)]);
    this.#onFreeze = null;
    return answer;
  }

  async stop(): Promise<void> {
    await this.#child?.stop(10_000);
    this.#child = null;
    this.#state = 'down';
  }

  async close(): Promise<void> {
    await this.kill();
    await this.#proxy[Symbol.asyncDispose]();
  }
}

export type { Berth };

/** The workers of one arena. */
export class Fleet {
  readonly #options: FleetOptions;
  readonly #berths: Berth[] = [];
  readonly #answers = new Map<number, (report: Report) => void>();
  #lastId = 0;

  constructor(options: FleetOptions) {
    this.#options = options;
  }

  get berths(): readonly Berth[] {
    return this.#berths;
  }

  berth(number: number): Berth {
    const berth = this.#berths[number];
    if (!berth) throw new Error(`there is no worker ${number}`);
    return berth;
  }

  /** Starts and ends workers until there are `count`. */
  async resize(count: number): Promise<void> {
    while (this.#berths.length < count) {
      const proxy = await FaultyProxy.to(Number(new URL(this.#options.databaseUrl).port));
      const name = `worker-${this.#berths.length}`;
      this.#berths.push(new Berth(name, this.#options, proxy, (report) => this.#heard(report)));
    }
    const wanted = this.#berths.slice(0, count);
    const spare = this.#berths.slice(count);
    await Promise.all([
      ...wanted.filter(({ state }) => state === 'down').map((berth) => berth.start()),
      ...spare.map((berth) => berth.kill()),
    ]);
  }

  /** To every worker that runs; one that starts later must be told by whoever starts it. */
  order(order: Order): void {
    for (const berth of this.#berths) berth.order(order);
  }

  /** As a client does: asks one worker, and another one when no answer comes. Resolves with the job's id. */
  async submit(first: number, job: Submission): Promise<string> {
    for (let tries = 0; tries < 60; tries += 1) {
      const berth = this.berth((first + tries) % this.#berths.length);
      if (berth.state === 'up') {
        const report = await this.#ask(berth, job);
        if (report?.kind === 'submitted') return report.jobId;
      }
      await wait(100);
    }
    throw new Error(`no worker takes a job ${job.jobType}`);
  }

  async stop(): Promise<void> {
    await Promise.all(this.#berths.map((berth) => berth.stop()));
  }

  async close(): Promise<void> {
    await Promise.all(this.#berths.map((berth) => berth.close()));
  }

  async #ask(berth: Berth, job: Submission): Promise<Report | null> {
    this.#lastId += 1;
    const id = this.#lastId;
    const answer = new Promise<Report>((resolve) => this.#answers.set(id, resolve));
    const { jobType, body } = job;
    berth.order({ kind: 'submit', id, jobType, body, before: Date.now() + 1000 });
    const died = berth.diesWithin(answerLimitMs).then(() => null);
    const report = await Promise.race([answer, died]);
    this.#answers.delete(id);
    return report;
  }

  #heard(report: Report): void {
    if (report.kind !== 'freezing') this.#answers.get(report.id)?.(report);
  }
}
