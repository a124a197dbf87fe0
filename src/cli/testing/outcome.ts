import type { TestEnded, TestEvent } from './events.ts';

export interface Failure {
  /** Suites and test, joined by ` > `. */
  readonly name: string;
  readonly detail: string;
}

export interface Skip {
  readonly name: string;
  readonly reason: string;
}

/** What one test file, or one check, came to. */
export interface Outcome {
  readonly passed: number;
  readonly failures: readonly Failure[];
  readonly skips: readonly Skip[];
}

/** How a test file's process ended. `problem` is set when it did not end by itself. */
export interface ProcessEnd {
  readonly exitCode: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly problem: string | null;
}

const summaryLines = /^(tests|suites|pass|fail|cancelled|skipped|todo|duration_ms) /;

/** Counts a file's tests. Whatever else is wrong with the file counts as one more failure, named after the process. */
export function outcomeOf(events: readonly TestEvent[], end: ProcessEnd): Outcome {
  let passed = 0;
  const failures: Failure[] = [];
  const skips: Skip[] = [];
  const path: string[] = [];
  for (const event of events) {
    if (event.type === 'start') path.splice(event.nesting, Number.POSITIVE_INFINITY, event.name);
    if (event.type !== 'pass' && event.type !== 'fail') continue;
    const name = [...path.slice(0, event.nesting), event.name].join(' > ');
    const verdict = judge(event);
    if (verdict.kind === 'passed') passed += 1;
    if (verdict.kind === 'failed') failures.push({ name, detail: verdict.detail });
    if (verdict.kind === 'skipped') skips.push({ name, reason: verdict.reason });
  }
  const known = passed + failures.length + skips.length;
  const wrong = processProblem(events, end, known, failures.length);
  if (wrong !== null) failures.push({ name: 'the file itself', detail: wrong });
  return { passed, failures, skips };
}

type Verdict =
  | { readonly kind: 'passed' | 'uncounted' }
  | { readonly kind: 'failed'; readonly detail: string }
  | { readonly kind: 'skipped'; readonly reason: string };

function judge(event: TestEnded): Verdict {
  if (isSet(event.todo)) return { kind: 'failed', detail: 'A test marked todo proves nothing: finish or remove it.' };
  if (isSet(event.skip)) return judgeSkip(event.skip);
  if (event.type === 'pass') return { kind: event.kind === 'suite' ? 'uncounted' : 'passed' };
  // The subtests that failed are counted and shown themselves.
  if (event.failureType === 'subtestsFailed') return { kind: 'uncounted' };
  return { kind: 'failed', detail: event.error ?? 'It failed without an error.' };
}

function judgeSkip(skip: string | boolean | undefined): Verdict {
  if (typeof skip === 'string' && skip.trim() !== '') return { kind: 'skipped', reason: skip };
  return { kind: 'failed', detail: 'Skipped without a reason: say why, as in { skip: "no network here" }.' };
}

/** Node reports an unmarked test with undefined, and `{ skip: false }` or an empty text with those. */
function isSet(mark: string | boolean | undefined): boolean {
  return mark !== undefined && mark !== false;
}

function processProblem(events: readonly TestEvent[], end: ProcessEnd, tests: number, failures: number): string | null {
  if (end.problem !== null) return end.problem;
  if (!events.some((event) => event.type === 'summary')) {
    return `It ended with ${how(end)} and no account of its tests: it has none, does not load, or left early.`;
  }
  if (tests === 0) return 'It has no tests.';
  if (end.exitCode === 0 || failures > 0) return null;
  const said = events.flatMap((event) => (event.type === 'diagnostic' ? [event.message] : []));
  return [`Its tests passed, but it ended with ${how(end)}.`, ...said.filter((line) => !summaryLines.test(line))].join(
    '\n',
  );
}

function how(end: ProcessEnd): string {
  return end.signal ?? `exit code ${end.exitCode}`;
}
