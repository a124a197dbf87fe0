/** What every task of every contestant is given, and what it stores as its result. */
export const payload = 'x'.repeat(200);

/** Tasks worked on at the same time in the one worker process. */
export const concurrency = 64;

/** What a worker process is asked to submit; it answers with the ids that `done` is asked with. */
export type Workload =
  | { readonly kind: 'fan'; readonly label: string; readonly n: number; readonly taskMs: number }
  | { readonly kind: 'many'; readonly label: string; readonly jobs: number; readonly n: number }
  | { readonly kind: 'one'; readonly label: string };

/** Tasks of a workload, the first and the last of each job included. */
export function taskCount(workload: Workload): number {
  switch (workload.kind) {
    case 'fan':
      return workload.n + 2;
    case 'many':
      return workload.jobs * (workload.n + 2);
    case 'one':
      return 1;
  }
}

/** A label for each job of a workload. */
export function jobLabels(workload: Workload): string[] {
  const { label } = workload;
  return workload.kind === 'many'
    ? Array.from({ length: workload.jobs }, (_, number) => `${label}#${number}`)
    : [label];
}

/** A task that does nothing, n at once that take `taskMs`, and one that reads their results. */
export function fan(label: string, n: number, taskMs = 0): Workload {
  return { kind: 'fan', label, n, taskMs };
}
