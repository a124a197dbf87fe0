/** The one table of legal moves. SQL enforces it in each statement's WHERE; the contract suite compares the two. */
export const jobMoves = {
  queued: ['processing', 'completed', 'completed_with_errors', 'failed', 'cancelled'],
  processing: ['completed', 'completed_with_errors', 'failed', 'cancelled'],
  completed: ['queued'],
  completed_with_errors: ['queued'],
  failed: ['queued'],
  cancelled: ['queued'],
} as const;

export const taskMoves = {
  queued: ['processing', 'cancelled'],
  processing: ['processing', 'retrying', 'completed', 'failed', 'cancelled'],
  retrying: ['processing', 'cancelled'],
  completed: [],
  failed: [],
  cancelled: [],
} as const;

export type JobStatus = keyof typeof jobMoves;
export type TaskStatus = keyof typeof taskMoves;
export type JobEnd = 'completed' | 'completed_with_errors' | 'failed' | 'cancelled';

export const jobStatuses = Object.keys(jobMoves) as readonly JobStatus[];
export const taskStatuses = Object.keys(taskMoves) as readonly TaskStatus[];

export function isActive(status: JobStatus): status is 'queued' | 'processing' {
  return status === 'queued' || status === 'processing';
}

/** True for a task that can still run: its stage is not complete while one is left. */
export function isOpen(status: TaskStatus): boolean {
  return status === 'queued' || status === 'processing' || status === 'retrying';
}
