import { z } from 'zod';
import { defineFanInHandler, defineHandler } from '../../core/handler.ts';
import { defineJob, type JobDefinition } from '../../core/job.ts';
import { type Log, type LogFields, silentLog } from '../../core/log.ts';
import { CoreMachine } from '../../core/machine/core-machine.ts';
import type { Engine } from '../../core/machine/engine.ts';
import { MemoryQueue } from '../../core/testing/memory-queue.ts';
import { MemoryStateStore } from '../../core/testing/memory-state-store.ts';
import { memoryEngine } from '../../core/testing/run-job.ts';

/** A clock that only moves when told to. */
export class ManualClock {
  #time = Date.UTC(2030, 0, 1);
  readonly now = () => this.#time;
  advance(ms: number): void {
    this.#time += ms;
  }
}

export interface Bench {
  readonly machine: CoreMachine;
  readonly store: MemoryStateStore;
  readonly queue: MemoryQueue;
  readonly clock: ManualClock;
  readonly events: { readonly event: string; readonly fields: LogFields }[];
  submit(jobType: string, body?: unknown, force?: boolean): Promise<string>;
  /** Handles messages that are due until none is; answers how many. */
  drain(): Promise<number>;
  /** Drains, jumping ahead to scheduled messages, until the queue is empty. */
  drainAll(): Promise<void>;
}

/** The real engine on in-memory ports with a clock the test moves. */
export function bench(jobs: readonly JobDefinition[], overrides: Partial<Engine> = {}): Bench {
  const clock = new ManualClock();
  const store = new MemoryStateStore(clock.now);
  const queue = new MemoryQueue(clock.now);
  const events: Bench['events'] = [];
  const machine = new CoreMachine({
    ...memoryEngine(jobs),
    store,
    queue,
    now: clock.now,
    log: recordingLog(events),
    ...overrides,
  });
  const drain = async () => {
    let handled = 0;
    for (let next = queue.take(); next; next = queue.take()) {
      if (next.queue === 'jobs') await machine.handleJobMessage(next.message.body);
      else await machine.handleTaskMessage(next.message.body);
      handled += 1;
    }
    return handled;
  };
  return {
    machine,
    store,
    queue,
    clock,
    events,
    drain,
    async submit(jobType, body = {}, force = false) {
      return (await machine.submit({ jobType, body, force, correlationId: 'test' })).job.jobId;
    },
    async drainAll() {
      for (let due = queue.nextDue(); due !== null; due = queue.nextDue()) {
        clock.advance(Math.max(0, due - clock.now()));
        await drain();
      }
    },
  };
}

function recordingLog(events: Bench['events'], bound: LogFields = {}): Log {
  const record = (event: string, fields: LogFields = {}) =>
    void events.push({ event, fields: { ...bound, ...fields } });
  return {
    ...silentLog,
    info: record,
    warn: record,
    error: record,
    with: (fields) => recordingLog(events, { ...bound, ...fields }),
  };
}

const number = z.object({ value: z.number() });

/** A handler whose behaviour the test gives. */
export function numberHandler(
  name: string,
  run: (value: number, attempt: number, signal: AbortSignal) => Promise<number> | number,
) {
  return defineHandler(name, {
    description: 'for tests',
    input: number,
    output: number,
    run: async ({ value }, { task, signal }) => ({ value: await run(value, task.attempt, signal) }),
  });
}

export const sumHandler = defineFanInHandler('sum', {
  description: 'adds up all results of the stage before',
  input: z.object({ start: z.number() }),
  previous: number,
  output: number,
  async run({ start }, previous) {
    let value = start;
    for await (const { output } of previous) value += output.value;
    return { value };
  },
});

/** n tasks, then their sum: parameters {n}; the result is {sum, numbers}. */
export function sumJob(
  work: ReturnType<typeof numberHandler>,
  options: { readonly onFailure?: 'fail' | 'continue'; readonly name?: string } = {},
): JobDefinition {
  return defineJob(options.name ?? 'sum_job', {
    description: 'for tests',
    parameters: z.object({ n: z.int().min(0).default(3), label: z.string().optional() }),
    notPartOfId: ['label'],
  })
    .stage(
      'work',
      work,
      ({ params }) => Array.from({ length: params.n }, (_, value) => ({ key: `n${value}`, input: { value } })),
      { onFailure: options.onFailure ?? 'fail' },
    )
    .fanIn('sum', sumHandler, () => ({ start: 0 }))
    .finalize(async ({ results }) => ({
      sum: (await results.sum.first())?.output.value ?? null,
      numbers: (await results.work.all()).map(({ output }) => output.value),
    }));
}

/** The death of a worker at a named instant. */
export class Crash extends Error {}

/** Drains like a host does: a handler of a message that throws loses the message (the harshest case). */
export async function drainLosing(b: Bench): Promise<void> {
  for (let due = b.queue.nextDue(); due !== null; due = b.queue.nextDue()) {
    b.clock.advance(Math.max(0, due - b.clock.now()));
    await b.drain().catch((error: unknown) => {
      if (!(error instanceof Crash)) throw error;
    });
  }
}
