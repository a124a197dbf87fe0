import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { RequestKind } from './acts.ts';
import type { Try } from './client.ts';
import { lenientJob, strictJob } from './expected.ts';
import { type Run, wrongRuns } from './history.ts';
import { worked } from './jobs.ts';
import type { Answer } from './protocol.ts';

// A job of which one task fails until run 2: cancelled, retried, forced. Then what would be wrong with it.

const { deserved } = strictJob(1, 'j', [
  { value: 1, ms: 0 },
  { value: 2, ms: 0, end: 'permanent', mendsIn: 2 },
]);
const sum = worked(1) + worked(2);
const result = {
  job_type: 'chaos_strict',
  sum,
  stages_completed: 2,
  total_tasks_executed: 3,
  tasks_by_status: { completed: 3, failed: 0 },
};

const runs: readonly Run[] = [
  runOf(1, { status: 'failed', code: 'RASTER_UNSUPPORTED' }),
  runOf(2, { takesOverFrom: 1, status: 'cancelled', code: 'CANCELLED' }),
  runOf(3, { takesOverFrom: 1, status: 'completed', result, tasks: [2, 1] }),
  runOf(4, { status: 'completed', result, tasks: [2, 1] }),
];
const tries: readonly Try[] = [
  tryOf(1, 'submit', began(1)),
  tryOf(2, 'retry', began(2)),
  tryOf(20, 'force', { kind: 'refused', code: 'JOB_ACTIVE' }),
  tryOf(21, 'cancel', { kind: 'cancelled', jobId: 'j', run: 2 }),
  tryOf(22, 'cancel', { kind: 'refused', code: 'JOB_NOT_ACTIVE' }),
  tryOf(3, 'retry', null),
  tryOf(30, 'retry', { kind: 'broke', code: 'DATABASE_UNAVAILABLE' }),
  tryOf(31, 'retry', { kind: 'refused', code: 'NOTHING_TO_RETRY' }),
  tryOf(32, 'submit', { kind: 'stays', jobId: 'j', run: 3 }),
  tryOf(4, 'force', began(4)),
];

function runOf(run: number, change: Partial<Run>): Run {
  const rest = { takesOverFrom: null, status: null, code: null, result: null, tasks: [2] };
  return { jobId: 'j', run, correlationId: `chaos-${run}`, ...rest, ...change };
}

function tryOf(id: number, what: RequestKind, answer: Answer | null): Try {
  return { what, correlationId: `chaos-${id}`, answer };
}

function began(run: number): Answer {
  return { kind: 'began', jobId: 'j', run };
}

/** The history with another run in the place of one, or another request. */
function wrong(change: {
  readonly run?: Partial<Run> & { readonly run: number };
  readonly tries?: readonly Try[];
}): string {
  const changed = runs.map((one) => (one.run === change.run?.run ? { ...one, ...change.run } : one));
  return wrongRuns({ deserved, tries: change.tries ?? tries }, changed).join('\n');
}

const without = (id: number) => tries.filter(({ correlationId }) => correlationId !== `chaos-${id}`);
const replaced = (one: Try) => tries.map((old) => (old.correlationId === one.correlationId ? one : old));

test('a history as it must be has nothing wrong', () => {
  assert.equal(wrong({}), '');
});

test('a cancelled run is right at whatever stage it was, and with none', () => {
  assert.equal(wrong({ run: { run: 2, tasks: [] } }), '');
  assert.equal(wrong({ run: { run: 2, tasks: [2, 1] } }), '');
  assert.match(wrong({ run: { run: 2, tasks: [1] } }), /run 2 has stages of \[1\] tasks/);
  assert.match(wrong({ run: { run: 2, result } }), /run 2 has the result/);
});

test('a cancellation that nobody heard of may have been done, and one that was answered must', () => {
  assert.equal(wrong({ tries: replaced(tryOf(21, 'cancel', null)) }), '');
  assert.match(wrong({ tries: without(21) }), /nobody cancelled run 2/);
  const late = { kind: 'refused', code: 'JOB_NOT_ACTIVE' } as const;
  assert.match(wrong({ tries: replaced(tryOf(21, 'cancel', late)) }), /nobody cancelled run 2/);
  const uncancelled = { run: 2, status: 'completed', code: null, result, tasks: [2, 1] };
  assert.match(wrong({ run: uncancelled }), /was told that it cancelled run 2, which is completed/);
  const twice = [...tries, tryOf(40, 'cancel', { kind: 'cancelled', jobId: 'j', run: 2 })];
  assert.match(wrong({ tries: twice }), /two requests were told that they cancelled run 2/);
});

test('every run is begun by one request, which may begin it then', () => {
  assert.match(wrong({ tries: without(3) }), /run 3 was begun by nobody/);
  assert.match(wrong({ run: { run: 3, correlationId: 'chaos-2' } }), /chaos-2 began more than one run/);
  assert.match(
    wrong({ tries: replaced(tryOf(4, 'submit', began(4))) }),
    /run 4 was begun by submit, the one before being completed/,
  );
  assert.match(wrong({ tries: replaced(tryOf(4, 'cancel', null)) }), /run 4 was begun by cancel/);
  assert.match(wrong({ tries: replaced(tryOf(4, 'force', began(3))) }), /told that it began run 3, and did not/);
  assert.match(wrong({ tries: replaced(tryOf(32, 'submit', { kind: 'stays', jobId: 'j', run: 5 })) }), /told of run 5/);
});

test('a retry takes over from the last run from the start, and nothing else does', () => {
  assert.match(wrong({ run: { run: 3, takesOverFrom: 2 } }), /run 3 takes over from 2, not 1/);
  assert.match(wrong({ run: { run: 4, takesOverFrom: 1 } }), /run 4 takes over from 1, not null/);
});

test('every run that nobody cancelled comes to what its handlers deserve', () => {
  assert.match(wrong({ run: { run: 1, status: 'completed', code: null } }), /run 1 is completed, not failed/);
  assert.match(wrong({ run: { run: 4, status: null } }), /run 4 is null, not completed/);
  assert.match(wrong({ run: { run: 3, result: { ...result, sum: 1 } } }), /run 3 has the result/);
  assert.match(wrong({ run: { run: 4, tasks: [2] } }), /run 4 has stages of \[2\] tasks/);
  assert.match(wrong({ run: { run: 1, code: 'TIMEOUT' } }), /run 1 has the error TIMEOUT/);
});

test('requests are refused by the rules, and break for what is away alone', () => {
  const answered = (what: RequestKind, kind: 'refused' | 'broke', code: string) =>
    wrong({ tries: [...tries, tryOf(50, what, { kind, code })] });
  assert.match(answered('cancel', 'refused', 'JOB_NOT_FOUND'), /cancel was answered with JOB_NOT_FOUND/);
  assert.match(answered('submit', 'refused', 'JOB_ACTIVE'), /submit was answered with JOB_ACTIVE/);
  assert.match(answered('force', 'broke', 'INTERNAL'), /force was answered with INTERNAL/);
});

test('what a lenient job deserves changes as its tasks are mended', () => {
  const job = lenientJob(1, 'j', [
    { value: 1, ms: 0, end: 'permanent', mendsIn: 2 },
    { value: 2, ms: 0, end: 'permanent', mendsIn: 3 },
  ]);
  const ends = [1, 2, 3].map((run) => [job.deserved(run).status, job.deserved(run).result?.sum]);
  assert.deepEqual(ends, [
    ['failed', undefined],
    ['completed_with_errors', worked(1)],
    ['completed', sum],
  ]);
});
