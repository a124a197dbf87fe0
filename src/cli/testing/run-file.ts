import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { setTimeout as wait } from 'node:timers/promises';
import { projectRoot } from '../setup/paths.ts';
import { eventsDescriptor, type TestEvent } from './events.ts';
import { endLeftovers, killAll, markVariable } from './leaks.ts';
import { type Outcome, outcomeOf, type ProcessEnd } from './outcome.ts';

/** For a test that names no limit of its own. */
const testLimitMs = 120_000;
/**
 * A file in which nothing begins or ends for so long has stopped, or an open handle keeps it alive. Well above what the
 * longest test takes, which on a busy machine is several minutes; a test that hangs has a limit of its own.
 */
const silenceLimitMs = 900_000;
const outputLines = 200;

export interface FileRun {
  readonly outcome: Outcome;
  /** The end of what the file printed; worth showing when it failed. */
  readonly output: string;
}

export interface FileOptions {
  readonly env?: NodeJS.ProcessEnv;
  readonly silenceLimitMs?: number;
  /** Ends the run at once, with everything it has started. */
  readonly signal?: AbortSignal;
}

/** Runs one test file in a process and a process group of its own, and ends whatever it leaves behind. */
export async function runTestFile(path: string, options: FileOptions = {}): Promise<FileRun> {
  const mark = randomUUID();
  const child = launch(path, { ...process.env, ...options.env, [markVariable]: mark });
  const group = child.pid;
  if (group === undefined) throw new Error(`${path} could not be started`);
  const abort = () => killAll(group, mark);
  options.signal?.addEventListener('abort', abort);
  try {
    const output = collectOutput(child);
    const closed = once(child, 'close');
    const { events, end } = await follow(child, options.silenceLimitMs ?? silenceLimitMs, abort);
    const leftovers = await endLeftovers(group, mark);
    await Promise.race([closed, wait(1_000, undefined, { ref: false })]);
    return { outcome: withLeftovers(outcomeOf(events, end), leftovers), output: output.join('\n') };
  } finally {
    options.signal?.removeEventListener('abort', abort);
  }
}

function launch(path: string, env: NodeJS.ProcessEnv): ChildProcess {
  const reporter = join(import.meta.dirname, 'reporter.ts');
  const args = ['--disable-warning=ExperimentalWarning', `--test-timeout=${testLimitMs}`, '--test-reporter', reporter];
  const stdio: 'pipe'[] = Array.from({ length: eventsDescriptor }, () => 'pipe');
  return spawn(process.execPath, [...args, '--test-reporter-destination', 'stdout', path], {
    cwd: projectRoot,
    // Set where this itself runs under `node --test`, whose reporter would take ours over.
    env: { ...env, NODE_TEST_CONTEXT: undefined },
    detached: true,
    stdio: ['ignore', ...stdio],
  });
}

/** Reads the events until the process is gone, and ends a process that falls silent. */
async function follow(
  child: ChildProcess,
  limitMs: number,
  abort: () => void,
): Promise<{ events: TestEvent[]; end: ProcessEnd }> {
  const events: TestEvent[] = [];
  let problem: string | null = null;
  const silent = setTimeout(() => {
    problem = `Nothing happened for ${limitMs / 1000} s: a test hangs, or an open handle keeps the process alive.`;
    abort();
  }, limitMs);
  const read = onLines(child.stdio[eventsDescriptor] as Readable, (line) => {
    silent.refresh();
    events.push(JSON.parse(line) as TestEvent);
  });
  const [exitCode, signal] = (await once(child, 'exit')) as [number | null, NodeJS.Signals | null];
  clearTimeout(silent);
  await read;
  return { events, end: { exitCode, signal, problem } };
}

function collectOutput(child: ChildProcess): readonly string[] {
  const lines: string[] = [];
  const keep = (line: string) => {
    lines.push(line);
    if (lines.length > outputLines) lines.shift();
  };
  for (const stream of [child.stdout, child.stderr]) if (stream) void onLines(stream, keep);
  return lines;
}

async function onLines(stream: Readable, use: (line: string) => void): Promise<void> {
  for await (const line of createInterface({ input: stream })) use(line);
}

function withLeftovers(outcome: Outcome, leftovers: readonly string[]): Outcome {
  if (leftovers.length === 0) return outcome;
  const detail = `It left processes running, which were ended:\n${leftovers.join('\n')}`;
  return { ...outcome, failures: [...outcome.failures, { name: 'the file itself', detail }] };
}
