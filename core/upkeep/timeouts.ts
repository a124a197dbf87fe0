import { CoreMachineError, type ErrorRecord } from '../errors.ts';
import { closeStageIfDone, failJob, taskFailure } from '../machine/close-stage.ts';
import type { Engine } from '../machine/engine.ts';
import type { HeldTask } from '../ports/upkeep-store.ts';
import { endAttempt } from './end-attempt.ts';
import { done, outcome, type UpkeepOutcome, upkeepBatch } from './report.ts';

/** A living worker keeps its handler's limit itself; this is for one that renews its lease and does not come to that. */
const patienceMs = 60_000;

/**
 * Fails jobs and tasks that take longer than they declare, with TIMEOUT. What cannot be done after one was failed, because
 * something is away, is left to the run `stages`, and keeps no other waiting.
 */
export async function timeouts(engine: Engine): Promise<UpkeepOutcome> {
  const failures: unknown[] = [];
  const jobs = await overdueJobs(engine, failures);
  const tasks = await overdueTasks(engine, failures);
  const actions = [...jobs.actions, ...tasks.actions];
  return outcome({ scanned: jobs.scanned + tasks.scanned, fixed: actions.length, actions }, failures);
}

async function overdueJobs(engine: Engine, failures: unknown[]): Promise<{ scanned: number; actions: string[] }> {
  const limits = engine.registry.definitions.map(({ name, timeLimitHours }) => ({
    name,
    limitMs: timeLimitHours * 3_600_000,
  }));
  const longest = Math.max(0, ...limits.map(({ limitMs }) => limitMs));
  const overdue = await engine.store.findOverdueJobs(limits, longest, upkeepBatch);
  const actions: string[] = [];
  for (const job of overdue) {
    const message = `the job took longer than the limit of ${job.jobType}`;
    const error = new CoreMachineError('TIMEOUT', message).toRecord();
    // False for one that has ended or moved on since it was found.
    if (await done(failJob(engine, job, job, error), failures)) actions.push(`failed job ${job.jobId}`);
  }
  return { scanned: overdue.length, actions };
}

async function overdueTasks(engine: Engine, failures: unknown[]): Promise<{ scanned: number; actions: string[] }> {
  const handlers = engine.registry.definitions.flatMap(({ stages }) => stages.map(({ handler }) => handler));
  const limitOf = new Map(handlers.map(({ name, limits }) => [name, limits.timeoutSeconds * 1000 + patienceMs]));
  const limits = [...limitOf].map(([name, limitMs]) => ({ name, limitMs }));
  const overdue = await engine.store.findOverdueTasks(limits, upkeepBatch);
  const error = new CoreMachineError('TIMEOUT', "the task took longer than its handler's limit").toRecord();
  const actions: string[] = [];
  for (const task of overdue) {
    if (!(await endAttempt(engine, task, 'failed', error))) continue;
    actions.push(`failed task ${task.task} of job ${task.jobId} stage ${task.stage}`);
    await engine.instants('result-stored', task);
    await done(goOn(engine, task, error), failures);
  }
  return { scanned: overdue.length, actions };
}

/** What the failed task means to its job. */
async function goOn(engine: Engine, task: HeldTask, error: ErrorRecord): Promise<void> {
  const job = await engine.store.getJob(task.jobId);
  const stage = (await engine.store.getStages(task.jobId, task.run)).find(({ number }) => number === task.stage);
  if (job && stage?.policy === 'fail') await failJob(engine, job, task, taskFailure(task.stageName, task.key, error));
  else await closeStageIfDone(engine, task);
}
