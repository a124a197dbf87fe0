import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { type Child, startChild } from '../../src/local/stack/child.ts';
import { FaultyProxy } from '../tools/faulty-proxy.ts';
import { eventually } from '../tools/poll.ts';
import type { Fate, MessageFaults } from './message-faults.ts';
import type { Answer, Order, Report, UserRequest, WorkerOptions } from './protocol.ts';

export interface FleetOptions extends Omit<WorkerOptions, 'name' | 'databaseUrl'> {
  readonly databaseUrl: string;
  /** Each worker writes `worker-<n>.log` here. */
  readonly logFolder: string;
}

type State = 'down' | 'starting' | 'up' | 'frozen';

/** Longer than a worker is frozen: only a dead one's client goes elsewhere. */
const answerLimitMs = 6000;
const startTries = 10;

/** One place of the fleet: the worker that fills it now, and its way to the database. */
class Berth {
  readonly name: string;
  /** What struck here that only the worker itself can tell of. */
  readonly struck: (Fate | 'kill at' | 'freeze at')[] = [];
  /** How the worker ended when nobody killed it. */
  readonly ownEnds: string[] = [];
  readonly #options: FleetOptions;
  readonly #proxy: FaultyProxy;
  readonly #onReport: (report: Report) => void;
  #child: Child<object> | null = null;
  #state: State = 'down';
  #startedAt = 0;
  #onFreeze: (() => void) | null = null;
  #faults: MessageFaults | null = null;

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

  get pid(): number | undefined {
    return this.#child?.process.pid;
  }

  get proxy(): FaultyProxy {
    return this.#proxy;
  }

  /** Starts the worker; tries again, as what supervises a worker does, while the database is locked or cut off. */
  async start(): Promise<void> {
    this.#state = 'starting';
    this.#startedAt = Date.now();
    const child = await this.#launch(startTries);
    child.process.on('message', (report: Report) => {
      if (report.kind === 'fates') this.struck.push(...report.fates);
      else if (report.kind === 'freezing') this.#freezing();
      else this.#onReport(report);
    });
    this.#child = child;
    this.#state = 'up';
    this.order({ kind: 'messages', faults: this.#faults });
    void child.exited.then((code) => this.#ended(child, code));
  }

  #freezing(): void {
    this.struck.push('freeze at');
    if (this.#onFreeze) this.#onFreeze();
    // It struck when nobody waited for it any more.
    else void this.freeze(200);
  }

  /** Takes the place of a worker that is gone without having been told to: at an instant, or by a fault of its own. */
  #ended(child: Child<object>, code: number | null): void {
    if (this.#child !== child) return;
    if (child.process.signalCode === 'SIGKILL') this.struck.push('kill at');
    else this.ownEnds.push(`${this.name} ended by itself with code ${code}`);
    this.#child = null;
    this.#state = 'down';
    this.start().catch((error: unknown) => this.ownEnds.push(`${this.name} did not start again: ${String(error)}`));
  }

  async #launch(tries: number): Promise<Child<object>> {
    const { logFolder, databaseUrl, ...rest } = this.#options;
    const url = new URL(databaseUrl);
    url.port = String(this.#proxy.port);
    const options: WorkerOptions = { ...rest, databaseUrl: url.href, name: this.name };
    try {
      return await startChild<object>({
        name: this.name,
        entry: new URL('./worker.ts', import.meta.url),
        options: { ...options },
        output: join(logFolder, `${this.name}.log`),
      });
    } catch (error) {
      if (tries === 1) throw error;
      await wait(100);
      return this.#launch(tries - 1);
    }
  }

  /** Message faults from now on, also for the successors of the worker. */
  setFaults(faults: MessageFaults | null): void {
    this.#faults = faults;
    this.order({ kind: 'messages', faults });
  }

  order(order: Order): void {
    if (this.#state === 'up' && this.#child?.process.connected) this.#child.process.send(order, () => {});
  }

  /** SIGKILL now; resolves when the process is gone. */
  async kill(): Promise<void> {
    const child = this.#child;
    if (!child) return;
    this.#child = null;
    this.#state = 'down';
    child.process.kill('SIGKILL');
    await child.exited;
  }

  /** SIGKILL and a successor after `downMs`; nothing, and false, when somebody else is about to do so. */
  async replace(downMs: number): Promise<boolean> {
    if (this.#state !== 'up' && this.#state !== 'frozen') return false;
    await this.kill();
    await wait(downMs);
    await this.start();
    return true;
  }

  /** SIGSTOP for so long; false when there is nobody to stop. */
  async freeze(ms: number): Promise<boolean> {
    const child = this.#child;
    if (this.#state !== 'up' || !child) return false;
    this.#state = 'frozen';
    child.process.kill('SIGSTOP');
    await wait(ms);
    if (this.#child !== child) return true;
    child.process.kill('SIGCONT');
    this.#state = 'up';
    return true;
  }

  /** Resolves when the worker of this moment is gone, or after `ms`. */
  async goneWithin(ms: number): Promise<void> {
    await Promise.race([this.#child?.exited, wait(ms, undefined, { ref: false })]);
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
    const child = this.#child;
    this.#child = null;
    this.#state = 'down';
    await child?.stop(10_000);
  }

  async close(): Promise<void> {
    await this.kill();
    await this.#proxy.close();
  }
}

export type { Berth };

/** The workers of one arena. */
export class Fleet {
  readonly #options: FleetOptions;
  readonly #berths: Berth[] = [];
  readonly #answers = new Map<number, (answer: Answer) => void>();
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

  setFaults(faults: MessageFaults | null): void {
    for (const berth of this.#berths) berth.setFaults(faults);
  }

  /** Resolves when every worker of `count` is up. */
  async ready(count: number): Promise<void> {
    const wanted = this.#berths.slice(0, count);
    await eventually(() => wanted.every(({ state }) => state === 'up'), { timeoutMs: 30_000 });
  }

  /** How workers ended by themselves since this was last asked. */
  takeOwnEnds(): string[] {
    return this.#berths.flatMap(({ ownEnds }) => ownEnds.splice(0));
  }

  /** What struck the workers, as far as only they can tell, since this was last asked. */
  takeStruck(): (Fate | 'kill at' | 'freeze at')[] {
    return this.#berths.flatMap(({ struck }) => struck.splice(0));
  }

  /** Hands a request to one worker; `answer` is null when none came. */
  async ask(berth: Berth, request: UserRequest): Promise<{ correlationId: string; answer: Answer | null }> {
    this.#lastId += 1;
    const id = this.#lastId;
    const heard = new Promise<Answer>((resolve) => this.#answers.set(id, resolve));
    berth.order({ kind: 'request', id, before: Date.now() + 1000, ...request });
    const died = berth.goneWithin(answerLimitMs).then(() => null);
    const answer = await Promise.race([heard, died]);
    this.#answers.delete(id);
    return { correlationId: `chaos-${id}`, answer };
  }

  async stop(): Promise<void> {
    await Promise.all(this.#berths.map((berth) => berth.stop()));
  }

  async close(): Promise<void> {
    await Promise.all(this.#berths.map((berth) => berth.close()));
  }

  #heard(report: Report): void {
    if (report.kind === 'answer') this.#answers.get(report.id)?.(report.answer);
  }
}
