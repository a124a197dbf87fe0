import { CoreMachineError } from '../errors.ts';
import type { Engine } from '../machine/engine.ts';
import { repeatMark, taskMessage } from '../messages.ts';
import type { TaskRef } from '../ports/state-store.ts';
import { endAttempt } from './end-attempt.ts';
import { type UpkeepReport, upkeepBatch } from './report.ts';
import { unansweredMs } from './republish.ts';

/** Whose last run failed: tasks may be marked as sent that were not, and the next run sends all there are. */
const owing = new WeakSet<Engine>();

export function owesLeases(engine: Engine): boolean {
  return owing.has(engine);
}

/**
 * Tasks whose worker stopped renewing: the claim of a new message takes them over, or fails them when used up. While
 * that message waits for a worker no other is sent, unless the run before failed.
 */
export async function leases(engine: Engine): Promise<UpkeepReport> {
  const owed = owing.has(engine);
  try {
    const report = await sendExpired(engine, owed ? 0 : unansweredMs);
    // One that was under way when another failed has not seen to what that one left.
    if (owed) owing.delete(engine);
    return report;
  } catch (error) {
    owing.add(engine);
    throw error;
  }
}

async function sendExpired(engine: Engine, patienceMs: number): Promise<UpkeepReport> {
  const expired = await engine.store.takeExpiredLeases(patienceMs, upkeepBatch);
  const error = new CoreMachineError('CANCELLED', 'the job ended and the worker was lost').toRecord();
  const repeat = repeatMark();
  const live = expired.filter((task) => !task.orphaned);
  const cancelled: typeof live = [];
  for (const task of expired.filter(({ orphaned }) => orphaned)) {
    if (await endAttempt(engine, task, 'cancelled', error)) cancelled.push(task);
  }
  if (live[0]) await engine.instants('tasks-taken', live[0]);
  await engine.queue.sendTaskMessages(
    live.map((task) => taskMessage(task, task.correlationId, { attempt: task.attempt + 1, repeat })),
  );
  const actions = [
    ...cancelled.map((task) => `cancelled ${nameOf(task)}`),
    ...live.map((task) => `sent ${nameOf(task)}`),
  ];
  return { scanned: expired.length, fixed: actions.length, actions };
}

function nameOf({ task, jobId, stage }: TaskRef): string {
  return `task ${task} of job ${jobId} stage ${stage}`;
}
