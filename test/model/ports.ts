import type { CoreMachine } from '../../core/machine/core-machine.ts';
import type { Engine } from '../../core/machine/engine.ts';
import type { MessageQueue } from '../../core/ports/message-queue.ts';
import type { StateStore } from '../../core/ports/state-store.ts';
import type { Core } from './core.ts';
import type { Process } from './process.ts';
import type { World } from './world.ts';

/** Long enough for a callback to matter, short enough for leases to run out before upkeep takes a message for lost. */
const leaseMs = 30_000;

/**
 * The real engine for one process, on ports that give way before every step. A step is one method of the store: each is
 * one statement in PostgreSQL, or one transaction (submitJob, createStage, finishJob). Of the queue it is one message,
 * though Service Bus takes batches: a worker may die, and a send may fail, between any two. Whoever marks a message as
 * sent goes on at once, and the mark is a step that comes at any time after, or never.
 */
export function steppedMachine(
  core: Core,
  world: World,
  process: Process,
  lastOut: InstanceType<Core['LastOut']>,
): CoreMachine {
  const { shape, time } = world;
  const engine: Engine = {
    ...core.memoryEngine([shape.definition]),
    store: steppedStore(world, process),
    queue: steppedQueue(world, process),
    worker: 'model',
    leaseMs,
    now: () => time.now,
    instants: (name, { stage }) => {
      if (name === 'stage-advanced') world.advances.push(`${world.store.rows().jobs[0]?.record.run}/${stage}`);
    },
    onJobComplete: (completion) =>
      world.park(process, 'callback', `callback ${completion.status}`, async () => {
        const run = world.store.rows().jobs[0]?.record.run ?? 0;
        world.completions.push({ ...completion, run });
      }),
  };
  return new core.CoreMachine(engine, lastOut);
}

/** What the store on PostgreSQL writes after it has answered. */
const lateMarks = new Set<string | symbol>(['markJobPublished', 'markTasksPublished']);

function steppedStore(world: World, process: Process): StateStore {
  return new Proxy<StateStore>(world.store, {
    get(store, name) {
      const method: unknown = Reflect.get(store, name);
      // Its history is beside the protocol: no step of it.
      if (typeof method !== 'function' || name === 'recordUpkeepRun') return method;
      const step = (...args: unknown[]) =>
        world.park(process, 'store', `${String(name)}${describe(args)}`, async () => method.apply(store, args));
      // Also a stage whose worker is at it, so that both are seen to race.
      if (name === 'findStagesToClose') return (_olderThanMs: number, ...rest: unknown[]) => step(0, ...rest);
      if (!lateMarks.has(name)) return step;
      return async (...args: unknown[]) => void step(...args).catch(() => {});
    },
  });
}

function steppedQueue(world: World, process: Process): MessageQueue {
  const send = (id: string, effect: () => Promise<void>) =>
    world.park(process, 'queue', `send ${withoutJob(id)}`, async () => {
      world.sentIds.push(id);
      await effect();
    });
  return {
    async sendJobMessages(messages) {
      for (const message of messages) await send(message.id, () => world.queue.sendJobMessages([message]));
    },
    async sendTaskMessages(messages) {
      for (const message of messages) await send(message.id, () => world.queue.sendTaskMessages([message]));
    },
  };
}

function describe(args: readonly unknown[]): string {
  return `(${args.map((arg) => withoutJob(JSON.stringify(arg))).join(', ')})`;
}

/** There is one job: its id says nothing. */
function withoutJob(text: string): string {
  return text.replace(/"jobId":"[0-9a-f]{64}",?/g, '').replace(/[0-9a-f]{64}:?/g, '');
}
