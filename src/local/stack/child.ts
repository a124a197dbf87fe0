import { type ChildProcess, fork, type Serializable } from 'node:child_process';
import { open } from 'node:fs/promises';

/** A process of the embedded stack: told its options, says when it is ready, ends when it is told or orphaned. */
export interface Child<Ready> {
  readonly name: string;
  readonly process: ChildProcess;
  readonly ready: Ready;
  /** Resolves when the process has ended, however that came. */
  readonly exited: Promise<number | null>;
  /** The end of what it has written to its file so far; nothing for `inherit`. */
  said(): Promise<string>;
  /** SIGTERM, then SIGKILL after `graceMs`. */
  stop(graceMs?: number): Promise<void>;
}

export interface ChildOptions {
  readonly name: string;
  readonly entry: URL;
  readonly options: Serializable;
  readonly env?: Readonly<Record<string, string>>;
  /** Where its output goes; `inherit` shows it. */
  readonly output: string | 'inherit';
  readonly startLimitMs?: number;
}

/** Forks `entry`, sends it its options and waits for `{ready: …}`. Throws with the end of its output if it dies first. */
export async function startChild<Ready>(options: ChildOptions): Promise<Child<Ready>> {
  // Its own end of the file or the terminal: what it says needs nobody to pass it on, and goes on when this process is gone.
  const file = options.output === 'inherit' ? null : await open(options.output, 'a');
  try {
    const earlier = (await file?.stat())?.size ?? 0;
    const said = async () => (file ? endOf(options.output, earlier) : '');
    const output = file?.fd ?? 'inherit';
    const child = fork(options.entry, [], {
      stdio: ['ignore', output, output, 'ipc'],
      env: { ...process.env, ...options.env },
    });
    const exited = new Promise<number | null>((resolve) => child.once('exit', (code) => resolve(code)));
    child.send(options.options);
    try {
      const ready = await firstReady<Ready>(child, options);
      return {
        name: options.name,
        process: child,
        ready,
        exited,
        said,
        stop: (graceMs) => stop(child, exited, graceMs),
      };
    } catch (error) {
      child.kill('SIGKILL');
      if (error instanceof Error) error.message = `${error.message}\n${await said()}`.trimEnd();
      throw error;
    }
  } finally {
    await file?.close();
  }
}

/** What a process that keeps data gets to close by itself when its parent is gone. */
const orphanLimitMs = 10_000;

let endOrphaned = (): void => process.exit(1);

/** In the child: its options, and the promise to end when the parent does. */
export async function childOptions<Options>(): Promise<Options> {
  process.on('disconnect', () => endOrphaned());
  // A terminal that is gone, or a full disk, would end the process before it has drained or saved.
  for (const output of [process.stdout, process.stderr]) output.on('error', () => {});
  // Ctrl-C and a closed terminal reach the whole process group; the parent decides the order in which its children stop.
  for (const signal of ['SIGINT', 'SIGHUP'] as const) process.on(signal, () => {});
  return new Promise((resolve) => process.once('message', (message) => resolve(message as Options)));
}

/** In the child: tells the parent that it is ready, and runs `close` on SIGTERM. */
export function childReady(ready: Serializable, close: () => Promise<void>): void {
  let closing = false;
  // It may come twice, to the process group and from the parent; without a listener the second would kill.
  process.on('SIGTERM', () => {
    if (closing) return;
    closing = true;
    close().then(
      () => process.exit(0),
      (error: unknown) => {
        console.error(error);
        process.exit(1);
      },
    );
  });
  process.send?.({ ready });
}

/**
 * As `childReady`, for a process that keeps data: it runs `close` also when its parent is gone, so that nothing it has
 * answered for is lost then. The host does not: all that it does may be lost, and what it would drain to is closing.
 */
export function keeperReady(ready: Serializable, close: () => Promise<void>): void {
  endOrphaned = () => {
    setTimeout(() => process.exit(1), orphanLimitMs);
    process.kill(process.pid, 'SIGTERM');
  };
  childReady(ready, close);
}

function firstReady<Ready>(child: ChildProcess, options: ChildOptions): Promise<Ready> {
  const { name, startLimitMs = 90_000 } = options;
  return new Promise((resolve, reject) => {
    const timer = setTimeout(
      () => reject(new Error(`${name} was not ready after ${startLimitMs / 1000} s`)),
      startLimitMs,
    );
    child.once('exit', (code) => {
      clearTimeout(timer);
      reject(new Error(`${name} ended with code ${code} before it was ready`));
    });
    child.on('message', (message: { ready?: Ready }) => {
      if (message.ready === undefined) return;
      clearTimeout(timer);
      resolve(message.ready);
    });
  });
}

/** The last of what was written to a file after its first `earlier` bytes. */
async function endOf(path: string, earlier: number): Promise<string> {
  const file = await open(path);
  try {
    const { size } = await file.stat();
    const start = Math.max(earlier, size - 2000);
    const { buffer, bytesRead } = await file.read(Buffer.alloc(Math.max(0, size - start)), { position: start });
    return buffer.toString('utf8', 0, bytesRead);
  } finally {
    await file.close();
  }
}

async function stop(child: ChildProcess, exited: Promise<number | null>, graceMs = 20_000): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill('SIGTERM');
  const timer = setTimeout(() => child.kill('SIGKILL'), graceMs);
  await exited;
  clearTimeout(timer);
}
