import assert from 'node:assert/strict';
import { CoreMachineError, type ErrorCode } from '../../core/errors.ts';
import { isObject } from '../../core/json.ts';
import type { CoreMachine } from '../../core/machine/core-machine.ts';
import type { JobCompletion } from '../../core/machine/engine.ts';
import type { MemoryQueue } from '../../core/testing/memory-queue.ts';
import type { MemoryStateStore } from '../../core/testing/memory-state-store.ts';
import type { UpkeepRun } from '../../core/upkeep/index.ts';
import type { Core } from './core.ts';
import { steppedMachine } from './ports.ts';
import type { Letter, Operation, Process } from './process.ts';
import { currentWorld, type HandlerSteps, type Shape } from './shapes.ts';
import { timeZero, VirtualTime } from './virtual-time.ts';

/** `lost-before`: it is not done and its caller gets an error. `lost-after`: it is done, and so. */
export type Outcome = 'done' | 'lost-before' | 'lost-after';

const unavailable = {
  store: 'DATABASE_UNAVAILABLE',
  queue: 'QUEUE_UNAVAILABLE',
  handler: 'STORAGE_UNAVAILABLE',
  callback: 'STORAGE_UNAVAILABLE',
} as const satisfies Record<Operation['kind'], ErrorCode>;

const lostText = 'lost by the model';

/** A wrong state of the world, found by a check. */
export class Violation extends Error {}

/**
 * Everything of one schedule: the real engine's processes, the store and the queue in memory, the letters on their way
 * and the clock. Nothing moves but by the methods here, one step at a time.
 */
export class World implements HandlerSteps {
  readonly shape: Shape;
  readonly time: VirtualTime;
  readonly store: MemoryStateStore;
  readonly queue: MemoryQueue;
  readonly processes: Process[] = [];
  readonly operations: Operation[] = [];
  readonly letters: Letter[] = [];
  /** Ids of all messages ever sent: what duplicate detection remembers. */
  readonly sentIds: string[] = [];
  readonly completions: (JobCompletion & { readonly run: number })[] = [];
  /** Stages whose advance a worker believes to be its own, as `run/stage`. */
  readonly advances: string[] = [];
  readonly trace: string[] = [];
  /** How the store answered, e.g. `claimTask busy`. */
  readonly answers = new Set<string>();
  /** What processes threw without having been made to. */
  readonly unexpected: unknown[] = [];
  cancelled: 'no' | 'asked' | 'told' = 'no';
  readonly #core: Core;
  /** Of the one worker that is at all task messages; null: each has a worker of its own. */
  #lastOut: InstanceType<Core['LastOut']> | null;
  #running: Process | null = null;

  constructor(core: Core, shape: Shape) {
    this.#core = core;
    this.shape = shape;
    this.#lastOut = shape.together ? new core.LastOut() : null;
    this.time = new VirtualTime(() => this.running);
    const now = () => this.time.now;
    this.store = new core.MemoryStateStore(now);
    this.queue = new core.MemoryQueue(now);
    this.letters.push({ kind: 'submit', body: null, label: 'submit' });
    if (shape.force) this.letters.push({ kind: 'force', body: null, label: 'submit with force' });
  }

  /** The process whose code runs now; there is never more than one. */
  get running(): Process {
    assert.ok(this.#running, 'no process runs');
    return this.#running;
  }

  get jobId(): string | null {
    return this.store.rows().jobs[0]?.record.jobId ?? null;
  }

  /** A handler's run. */
  handlerStep(label: string): Promise<void> {
    return this.park(this.running, 'handler', label, async () => {});
  }

  park<T>(process: Process, kind: Operation['kind'], label: string, effect: () => Promise<T>): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      const operation = { process, kind, label, effect, resolve: resolve as (value: unknown) => void, reject };
      this.operations.push(operation);
    });
  }

  async perform(operation: Operation, outcome: Outcome): Promise<void> {
    const { process, label } = operation;
    this.operations.splice(this.operations.indexOf(operation), 1);
    this.#running = process;
    let text = outcome === 'done' ? '' : outcome;
    let value: unknown;
    try {
      if (outcome !== 'lost-before') value = await operation.effect();
      if (outcome === 'done') text = shortly(value);
      if (outcome === 'done') operation.resolve(value);
      else operation.reject(new CoreMachineError(unavailable[operation.kind], lostText));
    } catch (thrown) {
      text = `throws ${shortly(thrown)}`;
      operation.reject(thrown);
    }
    this.say(process.name, clipped(text ? `${clipped(label)} -> ${text}` : label));
    process.history.push(`${this.time.now - timeZero} ${label} ${text}`);
    this.#note(label, value);
    await this.#quiet();
  }

  async fire(timer: VirtualTime['timers'][number]): Promise<void> {
    this.say(timer.owner.name, 'timer');
    timer.owner.history.push(`${this.time.now - timeZero} timer`);
    this.#running = timer.owner;
    this.time.fire(timer);
    await this.#quiet();
  }

  /** Hands a letter to a worker; `keep` leaves a copy on its way. */
  async deliver(letter: Letter, keep = false): Promise<void> {
    if (!keep) this.drop(letter);
    await this.#start(letter.label, letter, (machine) => currentWorld.run(this, () => this.#handle(machine, letter)));
  }

  drop(letter: Letter): void {
    this.letters.splice(this.letters.indexOf(letter), 1);
  }

  async upkeep(run: UpkeepRun): Promise<Process> {
    return this.#start(`upkeep ${run}`, null, async (machine, process) => {
      process.report = await machine.upkeep(run);
    });
  }

  async cancel(): Promise<void> {
    const { jobId } = this;
    assert.ok(jobId, 'there is a job to cancel');
    this.cancelled = 'asked';
    await this.#start('cancel', null, async (machine) => {
      await machine.cancel(jobId);
      this.cancelled = 'told';
    });
  }

  /** None of its worker's code ever runs again; its letters come again. */
  crash(process: Process): void {
    const isTask = ({ state, letter }: Process) => state === 'running' && letter?.kind === 'tasks';
    const wholeWorker = this.#lastOut !== null && isTask(process);
    for (const one of wholeWorker ? this.processes.filter(isTask) : [process]) this.#crash(one);
    if (wholeWorker) this.#lastOut = new this.#core.LastOut();
  }

  #crash(process: Process): void {
    process.state = 'crashed';
    this.time.forget(process);
    const kept = this.operations.filter((operation) => operation.process !== process);
    this.operations.splice(0, Infinity, ...kept);
    if (process.letter) this.letters.push(process.letter);
  }

  /** Moves the clock to `time`; scheduled messages that become due are on their way. */
  advance(time: number): void {
    this.time.now = Math.max(this.time.now, time);
    this.collect();
  }

  /** Takes what is due out of the queue: from now on it may be delivered in any order. */
  collect(): void {
    for (let next = this.queue.take(); next; next = this.queue.take()) {
      const { queue: kind, message } = next;
      const task = kind === 'tasks' ? `.t${message.body.task}` : '';
      const label = `${kind === 'jobs' ? 'job' : 'task'} r${message.body.run}.s${message.body.stage}${task}`;
      this.letters.push({ kind, body: message.body, label });
    }
  }

  say(who: string, what: string): void {
    this.trace.push(`${String((this.time.now - timeZero) / 1000).padStart(8)}s  ${who.padEnd(20)} ${what}`);
  }

  async #start(
    what: string,
    letter: Letter | null,
    body: (machine: CoreMachine, process: Process) => Promise<void>,
  ): Promise<Process> {
    const name = `${this.processes.length + 1}:${what}`;
    const process: Process = { name, letter, state: 'running', frozen: false, history: [], report: null };
    this.processes.push(process);
    this.say(name, 'begins');
    this.#running = process;
    const machine = steppedMachine(this.#core, this, process, this.#lastOut ?? new this.#core.LastOut());
    body(machine, process).then(
      () => this.#end(process, 'done'),
      (error: unknown) => this.#end(process, 'failed', error),
    );
    await this.#quiet();
    return process;
  }

  #end(process: Process, state: 'done' | 'failed', error?: unknown): void {
    process.state = state;
    this.say(process.name, state === 'done' ? 'ends' : `throws ${shortly(error)}`);
    if (state === 'done') return;
    const code = error instanceof CoreMachineError ? error.code : null;
    if (code === 'JOB_NOT_ACTIVE' || code === 'JOB_ACTIVE') return;
    if (process.letter) this.letters.push(process.letter);
    if (!(error instanceof CoreMachineError && error.message === lostText)) {
      this.unexpected.push(error);
    }
  }

  async #handle(machine: CoreMachine, { kind, body }: Letter): Promise<void> {
    if (kind === 'jobs') return machine.handleJobMessage(body);
    if (kind === 'tasks') return machine.handleTaskMessage(body);
    const jobType = this.shape.definition.name;
    await machine.submit({ jobType, body: {}, force: kind === 'force', correlationId: 'model' });
  }

  /** Waits until every process has parked or ended: then nothing moves by itself any more. */
  async #quiet(): Promise<void> {
    do await new Promise((resolve) => setImmediate(resolve));
    while (this.processes.some((process) => process.state === 'running' && !this.#isParked(process)));
    this.#running = null;
    this.collect();
  }

  #note(label: string, value: unknown): void {
    const method = label.split('(')[0];
    if (typeof value === 'string' || typeof value === 'boolean') this.answers.add(`${method} ${value}`);
    else if (isObject(value)) this.answers.add(`${method} ${value.kind ?? value.outcome ?? ''}`.trim());
    else if (Array.isArray(value)) this.answers.add(`${method} ${value.length > 0 ? 'some' : 'none'}`);
  }

  #isParked(process: Process): boolean {
    return this.operations.some((operation) => operation.process === process);
  }
}

const longest = 180;

function clipped(text: string): string {
  const short = text.replace(/"jobId":"[0-9a-f]{64}",/g, '');
  return short.length > longest ? `${short.slice(0, longest)}…` : short;
}

function shortly(value: unknown): string {
  if (value instanceof CoreMachineError) return value.code;
  if (value instanceof Error) return value.stack ?? value.message;
  return value === undefined ? '' : JSON.stringify(value);
}
