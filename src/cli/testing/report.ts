import { indent } from './error-text.ts';
import type { Outcome } from './outcome.ts';

export interface Reported {
  /** A test file's path, or a check's name. */
  readonly title: string;
  readonly outcome: Outcome;
  readonly output: string;
}

/** How much of a failure is shown at once; all of it comes at the end. */
const linesAtOnce = 12;

/** What is printed as soon as a file is done: one line, and the beginning of each failure. */
export function progressText({ title, outcome }: Reported, seconds: number): string {
  const { passed, failures, skips } = outcome;
  const counts = [
    passed > 0 ? `${passed} passed` : '',
    failures.length > 0 ? `${failures.length} failed` : '',
    skips.length > 0 ? `${skips.length} skipped` : '',
  ];
  const mark = failures.length > 0 ? 'FAIL' : 'ok  ';
  const line = `${mark} ${title}  ${counts.filter(Boolean).join(', ')}  ${seconds.toFixed(1)} s`;
  return [line, ...failures.map(({ name, detail }) => indent(`${name}\n${indent(firstLines(detail))}`))].join('\n');
}

/** Every failure in full, every skip with its reason, and the closing line of counts. */
export function closingReport(all: readonly Reported[]): string {
  const failures = all.filter((one) => one.outcome.failures.length > 0).map(failureText);
  const skips = all.flatMap(({ title, outcome }) =>
    outcome.skips.map((skip) => `skipped: ${title}: ${skip.name}: ${skip.reason}`),
  );
  return [...failures, ...skips, closingLine(all)].join('\n');
}

export function failedCount(all: readonly Reported[]): number {
  return sum(all, (outcome) => outcome.failures.length);
}

function closingLine(all: readonly Reported[]): string {
  const passed = sum(all, (outcome) => outcome.passed);
  const skipped = sum(all, (outcome) => outcome.skips.length);
  return `${passed} passed, ${failedCount(all)} failed, ${skipped} skipped`;
}

function firstLines(text: string): string {
  return text.split('\n').slice(0, linesAtOnce).join('\n');
}

function failureText({ title, outcome, output }: Reported): string {
  const parts = outcome.failures.map(({ name, detail }) => `\nFAILED ${title}: ${name}\n${indent(detail)}\n`);
  const printed = output.trim() === '' ? [] : [`    what ${title} printed last:\n${indent(indent(output))}\n`];
  return [...parts, ...printed].join('');
}

function sum(all: readonly Reported[], count: (outcome: Outcome) => number): number {
  return all.reduce((total, { outcome }) => total + count(outcome), 0);
}
