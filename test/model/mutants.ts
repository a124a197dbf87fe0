import type { Mutant } from './core.ts';

const store = 'testing/memory-state-store.ts';
const idle = 'async () => ({ scanned: 0, fixed: 0, actions: [] })';

/** A guard each, and what its absence does. */
export const mutants: readonly Mutant[] = [
  {
    name: 'no-fencing',
    file: store,
    edits: [["if (task?.status !== 'processing' || task.attempt !== attempt)", "if (task?.status !== 'processing')"]],
    violation: /took the result of attempt/,
  },
  {
    name: 'no-compare-and-set-of-the-stage',
    file: store,
    edits: [
      [
        'const row = this.tables.current(ref);\n    const stage = this.tables.stage(ref);\n    if (!row || !stage || stage',
        'const row = this.tables.jobs.get(ref.jobId);\n    const stage = this.tables.stage(ref);\n    if (!row || !stage || stage',
      ],
    ],
    violation: /two workers advanced|closed twice|moves from|jumps/,
  },
  {
    name: 'no-compare-and-set-of-the-end',
    file: store,
    edits: [
      [
        'const row = this.tables.current(ref);\n    if (!row) return false;\n    const now',
        'const row = this.tables.jobs.get(ref.jobId);\n    if (!row) return false;\n    const now',
      ],
    ],
    violation: /the job moves from/,
  },
  {
    name: 'no-lease-check-in-the-claim',
    file: store,
    edits: [["task.status === 'processing' && task.leaseUntil > now)", 'false)']],
    violation: /is claimed while attempt/,
  },
  {
    // What waits is cancelled with the job's end: only a lease that runs out after it shows that the job was not looked at.
    name: 'no-look-at-the-job-in-the-claim',
    file: store,
    edits: [
      [
        'const job = this.tables.current(ref);\n    const stage = this.tables.stage(ref);\n    if (!task',
        'const job = this.tables.jobs.get(ref.jobId);\n    const stage = this.tables.stage(ref);\n    if (!task',
      ],
    ],
    violation: /is claimed though its job has ended/,
  },
  {
    name: 'no-check-that-the-stage-is-planned',
    file: store,
    edits: [["if (this.tables.stages.has(keyOf(ref))) return 'exists';", '']],
    violation: /task .* (goes|moves|runs)/,
  },
  {
    name: 'a-retry-outlives-its-job',
    file: store,
    edits: [["end.status === 'retrying' && !this.tables.current(ref) ? 'cancelled' : end.status", 'end.status']],
    violation: /closed with .* waiting|open tasks/,
  },
  {
    name: 'last-one-check-before-the-store',
    file: 'machine/run-task.ts',
    edits: [
      [
        '  const stored = await timed(',
        `  const tasks = await engine.store.listTasks(ref.jobId, ref.run, { stage: ref.stage, limit: 1000 });
  const open = ['queued', 'processing', 'retrying'];
  const last = !tasks.some(({ task, status }) => task !== ref.task && open.includes(status));
  const stored = await timed(`,
      ],
      ['  if (claimed.stageTasks > 1) return true;', '  if (claimed.stageTasks > 1) return last;'],
    ],
    violation: /upkeep finds something/,
  },
  {
    name: 'no-last-one-check',
    file: 'machine/close-stage.ts',
    edits: [['if (await engine.store.hasOpenTasks(ref)) return;', '']],
    violation: /open tasks|cancelled for nothing/,
  },
  {
    name: 'callback-marked-before-it-is-made',
    file: 'machine/callback.ts',
    edits: [
      [
        '    await engine.onJobComplete(',
        '    await engine.store.markCallbackDelivered(job.jobId, job.run);\n    await engine.onJobComplete(',
      ],
    ],
    violation: /no callback told/,
  },
  {
    name: 'no-republish',
    file: 'upkeep/index.ts',
    edits: [['(engine: Engine) => republish(engine)', idle]],
    violation: /still/,
  },
  {
    name: 'no-upkeep-of-leases',
    file: 'upkeep/index.ts',
    edits: [['(engine: Engine) => leases(engine)', idle]],
    violation: /still|open tasks/,
  },
  {
    name: 'no-upkeep-of-stages',
    file: 'upkeep/index.ts',
    edits: [['(engine: Engine, patienceMs?: number) => stages(engine, patienceMs)', idle]],
    violation: /still|callback is due/,
  },
];
