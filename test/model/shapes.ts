import { AsyncLocalStorage } from 'node:async_hooks';
import { z } from 'zod';
import { CoreMachineError } from '../../core/errors.ts';
import { defineFanInHandler, defineHandler, type TaskContext } from '../../core/handler.ts';
import { defineJob, type JobDefinition } from '../../core/job.ts';

/** A handler's run as one step: it takes its turn like a statement. */
export interface HandlerSteps {
  handlerStep(label: string): Promise<void>;
}

/** The world whose engine is running. Definitions are made once: making schemas is slow. */
export const currentWorld = new AsyncLocalStorage<HandlerSteps>();

/** A job as the checks know it: what is planned, what fails for good. */
export interface Shape {
  readonly name: string;
  readonly definition: JobDefinition;
  readonly stages: readonly StageShape[];
  /** A client also submits with force, at any time. */
  readonly force?: boolean;
  /** One worker is at all task messages, and dies as a whole; else each has a worker of its own. */
  readonly together?: boolean;
}

export interface StageShape {
  readonly kind: 'work' | 'sum';
  readonly tasks: number;
  readonly policy: 'fail' | 'continue';
  /** Numbers of the tasks that fail for good in every attempt. */
  readonly failing: readonly number[];
}

/** What task `number` of a stage of work returns. */
export function taskValue(stage: number, number: number): number {
  return 100 * stage + number;
}

/** `attempt` shows which attempt wrote a stored result. */
const output = z.object({ value: z.int(), attempt: z.int() });
export type ModelOutput = z.output<typeof output>;

async function step({ task }: TaskContext): Promise<void> {
  await currentWorld.getStore()?.handlerStep(`handler s${task.stage}.t${task.number} attempt ${task.attempt}`);
}

const work = defineHandler('work', {
  description: 'returns what its place says, or fails for good',
  input: z.object({ fails: z.boolean() }),
  output,
  async run({ fails }, context) {
    await step(context);
    const { stage, number, attempt } = context.task;
    if (fails) throw new CoreMachineError('RASTER_UNSUPPORTED', 'fails for good');
    return { value: taskValue(stage, number), attempt };
  },
});

const sum = defineFanInHandler('sum', {
  description: 'adds up the stage before',
  input: z.object({}),
  previous: output,
  output,
  async run(_, previous, context) {
    await step(context);
    let value = 0;
    for await (const { output: one } of previous) value += one.value;
    return { value, attempt: context.task.attempt };
  },
});

const parameters = z.object({});

function plan({ tasks, failing }: StageShape) {
  return Array.from({ length: tasks }, (_, number) => ({
    key: `t${number}`,
    input: { fails: failing.includes(number) },
  }));
}

function workStage(tasks: number, policy: 'fail' | 'continue' = 'fail', failing: readonly number[] = []): StageShape {
  return { kind: 'work', tasks, policy, failing };
}

const sumStage: StageShape = { kind: 'sum', tasks: 1, policy: 'fail', failing: [] };
const noSum: StageShape = { ...sumStage, tasks: 0 };

/** One stage of work. */
function flat(name: string, stage: StageShape): Shape {
  const definition = defineJob(name, { description: 'for the model', parameters })
    .stage('work', work, () => plan(stage), { onFailure: stage.policy })
    .finalize(async ({ results }) => ({ values: [(await results.work.all()).map((one) => one.output.value)] }));
  return { name, definition, stages: [stage] };
}

/** Work, then its sum; without the sum when the second stage has no task. */
function fanIn(name: string, stages: readonly [StageShape, StageShape]): Shape {
  const [first, second] = stages;
  const definition = defineJob(name, { description: 'for the model', parameters })
    .stage('work', work, () => plan(first), { onFailure: first.policy })
    .fanIn('sum', sum, () => (second.tasks === 0 ? null : {}))
    .finalize(async ({ results }) => ({
      values: [
        (await results.work.all()).map((one) => one.output.value),
        (await results.sum.all()).map((one) => one.output.value),
      ],
    }));
  return { name, definition, stages };
}

/** One task, then as many as it says, then their sum. */
function fanOut(name: string, stages: readonly [StageShape, StageShape, StageShape]): Shape {
  const [first, second] = stages;
  const definition = defineJob(name, { description: 'for the model', parameters })
    .stage('first', work, () => plan(first))
    .fanOut('work', work, async ({ previous }) => {
      const { value } = await previous.only();
      return plan(second).slice(0, value - taskValue(1, 0) + second.tasks);
    })
    .fanIn('sum', sum, () => ({}))
    .finalize(async ({ results }) => ({
      values: [
        (await results.first.all()).map((one) => one.output.value),
        (await results.work.all()).map((one) => one.output.value),
        (await results.sum.all()).map((one) => one.output.value),
      ],
    }));
  return { name, definition, stages };
}

export const shapes = {
  one: flat('one', workStage(1)),
  two: flat('two', workStage(2)),
  fanIn: fanIn('fan_in', [workStage(2), sumStage]),
  fanOut: fanOut('fan_out', [workStage(1), workStage(2), sumStage]),
  empty: fanIn('empty', [workStage(0), noSum]),
  emptyMiddle: fanIn('empty_middle', [workStage(0), sumStage]),
  failing: fanIn('failing', [workStage(2, 'fail', [1]), sumStage]),
  goesOn: fanIn('goes_on', [workStage(2, 'continue', [0]), sumStage]),
  allFail: flat('all_fail', workStage(2, 'continue', [0, 1])),
  forced: { ...fanIn('forced', [workStage(2, 'fail'), sumStage]), force: true },
  twoTogether: { ...flat('two_together', workStage(2)), together: true },
  threeTogether: { ...fanIn('three_together', [workStage(3), sumStage]), together: true },
  failingTogether: { ...fanIn('failing_together', [workStage(2, 'fail', [1]), sumStage]), together: true },
} as const satisfies Record<string, Shape>;
