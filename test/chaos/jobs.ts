import { setTimeout as wait } from 'node:timers/promises';
import { z } from 'zod';
import { CoreMachineError } from '../../core/errors.ts';
import { defineFanInHandler, defineHandler, type TaskContext } from '../../core/handler.ts';
import { defineJob, type JobDefinition } from '../../core/job.ts';
import type { StageResults } from '../../core/results.ts';
import { type TemporaryBlobs, temporaryBlobs } from '../../core/temporary-blobs.ts';
import type { Execution, Ledger } from './ledger.ts';

/** Where handlers put one small blob each. */
export const blobContainer = 'chaos';

/** What a task is told to do; a trial computes from it what must come out. */
export const workSchema = z.strictObject({
  value: z.int(),
  ms: z.int().min(0),
  /** `permanent`: an error that no retry helps. `exhausting`: a retryable one, every time. */
  end: z.enum(['ok', 'permanent', 'exhausting']).default('ok'),
  /** The first run in which a permanent error is none: somebody has put right what caused it. */
  mendsIn: z.int().optional(),
  /** Fails retryably so many times before it ends. */
  failures: z.int().min(0).default(0),
  /** Leaves a blob of this name. */
  blob: z.string().optional(),
  /** Keeps a temporary blob while it works. */
  part: z.boolean().optional(),
});
export type Work = z.input<typeof workSchema>;

const doneSchema = z.object({ value: z.int(), attempt: z.int(), worker: z.string() });

/** More than any adversary takes away: what a worker's death costs must not end a task. */
const endless = { attempts: 1000, timeoutSeconds: 60 } as const;
export const exhaustedAttempts = 3;

/** The value a task makes of its input. */
export function worked(value: number): number {
  return (value * 31 + 7) % 1_000_003;
}

/** Whether a task fails for good in this run of its job. */
export function failsIn({ end, mendsIn = Infinity }: Work, run: number): boolean {
  return end === 'permanent' && run < mendsIn;
}

const listSchema = z.object({ seed: z.int(), name: z.string(), tasks: z.array(workSchema).max(100) });
const seedSchema = z.object({ seed: z.int(), name: z.string(), width: z.int().min(0).max(100), ms: z.int() });
const finalizeSchema = listSchema.extend({ finalizeFailures: z.int(), finalizeMs: z.int() });

/**
 * The job types of the suite; their handlers write down in `ledger` what they do, and keep their temporary blobs in
 * `partsContainer`.
 */
export function chaosJobs(ledger: Ledger, partsContainer: string): readonly JobDefinition[] {
  const parts = temporaryBlobs({ container: partsContainer });
  const { work, exhausting, gather } = handlers(ledger, parts);
  const keyed = (tasks: readonly Work[]) => tasks.map((input, index) => ({ key: `t${index}`, input }));
  const onward = async function* (previous: StageResults<z.output<typeof doneSchema>>, ms: number) {
    for await (const { number, output } of previous) yield { key: `t${number}`, input: { value: output.value, ms } };
  };

  const wide = defineJob('chaos_wide', { description: 'One task, many, one', parameters: seedSchema })
    .stage('scatter', work, ({ params }) => keyed([{ value: params.seed, ms: 5 }]))
    .fanOut('work', work, async ({ params, previous }) => {
      const { value } = await previous.only();
      return keyed(Array.from({ length: params.width }, (_, index) => ({ value: value + index, ms: params.ms })));
    })
    .fanIn('gather', gather, () => ({}))
    .finalize(async ({ results }) => ({ sum: (await results.gather.only()).value }));

  const deep = defineJob('chaos_deep', { description: 'Eight stages of a few tasks', parameters: seedSchema })
    .stage('s1', work, ({ params }) =>
      keyed(Array.from({ length: params.width }, (_, index) => ({ value: params.seed + index, ms: params.ms }))),
    )
    .fanOut('s2', work, ({ params, previous }) => onward(previous, params.ms))
    .fanOut('s3', work, ({ params, previous }) => onward(previous, params.ms))
    .fanOut('s4', work, ({ params, previous }) => onward(previous, params.ms))
    .fanOut('s5', work, ({ params, previous }) => onward(previous, params.ms))
    .fanOut('s6', work, ({ params, previous }) => onward(previous, params.ms))
    .fanOut('s7', work, ({ params, previous }) => onward(previous, params.ms))
    .fanOut('s8', work, ({ params, previous }) => onward(previous, params.ms))
    .finalize(async ({ results }) => ({ sum: await sumOf(results.s8) }));

  const strict = defineJob('chaos_strict', {
    description: 'A failed task fails the job',
    parameters: listSchema,
    temporary: parts,
  })
    .stage('work', work, ({ params }) => keyed(params.tasks))
    .fanIn('gather', gather, () => ({}))
    .finalize(async ({ results }) => ({ sum: (await results.gather.only()).value }));

  const lenient = defineJob('chaos_lenient', { description: 'The rest goes on', parameters: listSchema })
    .stage('work', work, ({ params }) => keyed(params.tasks), { onFailure: 'continue' })
    .fanIn('gather', gather, () => ({}))
    .finalize(async ({ results }) => ({ sum: (await results.gather.only()).value }));

  const exhausted = defineJob('chaos_exhausted', { description: 'Attempts run out', parameters: listSchema })
    .stage('work', exhausting, ({ params }) => keyed(params.tasks))
    .finalize(() => ({}));

  const empty = defineJob('chaos_empty', { description: 'Stages without a task', parameters: seedSchema })
    .stage('begin', work, ({ params }) => keyed([{ value: params.seed, ms: params.ms }]))
    .fanOut('nothing', work, () => [])
    .fanIn('skipped', gather, () => null)
    .finalize(async ({ results }) => ({ sum: await sumOf(results.begin) }));

  const unplannable = defineJob('chaos_unplannable', { description: 'A plan that throws', parameters: seedSchema })
    .stage('begin', work, ({ params }) => keyed([{ value: params.seed, ms: params.ms }]))
    .fanOut('never', work, () => {
      throw new CoreMachineError('PLAN_INVALID', 'this plan throws');
    })
    .finalize(() => ({}));

  const finalized = defineJob('chaos_finalized', {
    description: 'Work at the end',
    parameters: finalizeSchema,
    temporary: parts,
  })
    .stage('work', work, ({ params }) => keyed(params.tasks))
    .finalize(async ({ params, job, results }) => {
      const execution = { jobId: job.id, run: job.run, stage: 1, task: -1, attempt: 1 };
      await failOnDemand(ledger, execution, params.finalizeFailures);
      await wait(params.finalizeMs);
      return { sum: await sumOf(results.work) };
    });

  return [wide, deep, strict, lenient, exhausted, empty, unplannable, finalized];
}

function handlers(ledger: Ledger, parts: TemporaryBlobs) {
  const description = 'does what it is told';
  const work = defineHandler('chaos_work', {
    description,
    input: workSchema,
    output: doneSchema,
    limits: endless,
    run: (input, context) => execute(ledger, parts, input, context),
  });
  const exhausting = defineHandler('chaos_exhausting', {
    description,
    input: workSchema,
    output: doneSchema,
    limits: { ...endless, attempts: exhaustedAttempts },
    run: (input, context) => execute(ledger, parts, input, context),
  });
  const gather = defineFanInHandler('chaos_gather', {
    description: 'adds up',
    input: z.strictObject({}),
    output: doneSchema,
    previous: doneSchema,
    limits: endless,
    async run(_, previous, context) {
      return noted(ledger, context, async () => sumOf(previous));
    },
  });
  return { work, exhausting, gather };
}

async function execute(
  ledger: Ledger,
  parts: TemporaryBlobs,
  input: z.output<typeof workSchema>,
  context: TaskContext,
) {
  return noted(ledger, context, () =>
    context.services.workspace.use(context.task.key, async () => {
      const hasPart = input.part ? await keepPart(parts, context) : async () => true;
      await wait(input.ms, undefined, { signal: context.signal });
      context.progress(0.5);
      await failOnDemand(ledger, executionOf(context), input.end === 'exhausting' ? Infinity : input.failures);
      if (failsIn(input, context.job.run)) {
        throw new CoreMachineError('RASTER_UNSUPPORTED', 'failed for good, as told');
      }
      const value = worked(input.value);
      if (input.blob !== undefined) await leaveBlob(context, input.blob, value);
      if (!(await hasPart())) await ledger.lostPart(executionOf(context));
      return value;
    }),
  );
}

/** Answers how to ask whether it is still there. */
async function keepPart(parts: TemporaryBlobs, { job, task, services }: TaskContext): Promise<() => Promise<boolean>> {
  const folder = parts.folder({ jobId: job.id, run: job.run });
  const ref = { container: parts.container, name: `${folder}${task.stage}-${task.number}-${task.attempt}` };
  await services.blobs.upload(ref, new Uint8Array([1]), { contentType: 'application/octet-stream' });
  return async () => (await services.blobs.properties(ref)) !== null;
}

async function noted(ledger: Ledger, context: TaskContext, run: () => Promise<number>) {
  const execution = executionOf(context);
  await ledger.note(execution, 'began');
  const value = await run();
  await ledger.note(execution, 'done');
  return { value, attempt: execution.attempt, worker: ledger.worker };
}

async function failOnDemand(ledger: Ledger, execution: Execution, times: number): Promise<void> {
  if (times === 0 || (await ledger.failures(execution)) >= times) return;
  await ledger.note(execution, 'failed');
  throw new CoreMachineError('GDAL_FAILED', 'failed for now, as told');
}

async function leaveBlob(context: TaskContext, name: string, value: number): Promise<void> {
  const bytes = new TextEncoder().encode(String(value));
  await context.services.blobs.upload({ container: blobContainer, name }, bytes, { contentType: 'text/plain' });
}

function executionOf({ job, task }: TaskContext): Execution {
  return { jobId: job.id, run: job.run, stage: task.stage, task: task.number, attempt: task.attempt };
}

async function sumOf(results: StageResults<{ readonly value: number }>): Promise<number> {
  let sum = 0;
  for await (const { output } of results) sum += output.value;
  return sum;
}
