/**
 * The named instants between two systems. A test that wants to know what a crash there does makes the process die at
 * one; production passes nothing.
 */
export const instantNames = [
  'job-stored',
  'job-published',
  'stage-planned',
  'tasks-published',
  'task-claimed',
  'handler-done',
  'result-stored',
  'retry-stored',
  'stage-advanced',
  'result-built',
  'job-finished',
  'callback-called',
  // Of upkeep: tasks are marked as sent again, and not sent yet.
  'tasks-taken',
  // Dead workers are forgotten and their leases have ended, and nothing has been done about it yet. Of no job.
  'workers-buried',
] as const;

export type InstantName = (typeof instantNames)[number];

export type Instants = (
  name: InstantName,
  where: { readonly jobId: string; readonly stage: number },
) => void | Promise<void>;
