import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { extname } from 'node:path';
import { childEnvironment } from './child-environment.ts';
import { ErrorFile } from './error-file.ts';
import type { Failure, OperationName, Reply, Request, Usage } from './protocol.ts';

/** The child's program: `.ts` from the sources, `.js` from a build. */
const program = new URL(`./child${extname(import.meta.url)}`, import.meta.url);

export type Outcome =
  | { readonly type: 'done'; readonly output: unknown; readonly reports: Failure['reports']; readonly usage: Usage }
  | { readonly type: 'failed'; readonly failure: Failure; readonly usage: Usage }
  /** The process ended under the request; `started` is false when it had not taken it up. */
  | { readonly type: 'died'; readonly reason: string; readonly lastWords: string; readonly started: boolean };

interface Current {
  readonly id: number;
  readonly settle: (outcome: Outcome) => void;
  readonly onProgress: (fraction: number) => void;
  started: boolean;
}

/** One child process. It does not keep the parent alive unless it has work. */
export class GdalProcess {
  readonly #child: ChildProcess;
  readonly #errors: ErrorFile;
  readonly #exited: Promise<unknown>;
  #current: Current | null = null;
  #ended = false;

  constructor(options: { cacheMb: number; tempFolder: string }) {
    this.#errors = new ErrorFile(options.tempFolder);
    this.#child = fork(program, [], {
      env: childEnvironment(process.env, options.cacheMb),
      // What operations leave behind in V8 dies young: 2,000,000 rows take 200 MiB with this, 280 without, and no longer.
      execArgv: ['--disable-warning=ExperimentalWarning', '--max-semi-space-size=4'],
      serialization: 'advanced',
      stdio: ['ignore', 'ignore', this.#errors.fd, 'ipc'],
      // Its own process group: Ctrl-C is for the host, which then ends its work in order.
      detached: true,
    });
    this.#exited = once(this.#child, 'exit').catch(() => {});
    this.#child.on('message', (reply) => this.#receive(reply as Reply));
    this.#child.on('exit', (code, signal) => this.#end(`it ended with ${signal ?? `code ${code}`}`));
    this.#child.on('error', (error) => this.#end(error.message));
    this.#keepParentAlive(false);
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  get ended(): boolean {
    return this.#ended;
  }

  /** Never rejects, except with what `onProgress` throws. One request at a time. */
  run(request: Request<OperationName>, onProgress: (fraction: number) => void): Promise<Outcome> {
    const { promise, resolve, reject } = Promise.withResolvers<Outcome>();
    const guarded = (fraction: number) => {
      try {
        onProgress(fraction);
      } catch (error) {
        reject(error);
      }
    };
    this.#current = { id: request.id, settle: resolve, onProgress: guarded, started: false };
    this.#keepParentAlive(true);
    if (this.#ended) this.#settle({ type: 'died', reason: 'it had ended', lastWords: '', started: false });
    else this.#child.send(request, (error) => error && this.#end(error.message));
    return promise;
  }

  /** Kills the process and waits until it is gone. */
  async kill(): Promise<void> {
    // Without a process id it never came to life.
    if (this.#ended || this.#child.pid === undefined) return;
    this.#child.ref();
    this.#child.kill('SIGKILL');
    await this.#exited;
  }

  #receive(reply: Reply): void {
    const current = this.#current;
    if (!current || reply.id !== current.id) return;
    if (reply.type === 'started') current.started = true;
    else if (reply.type === 'progress') current.onProgress(reply.fraction);
    else this.#settle(reply);
  }

  #settle(outcome: Outcome): void {
    const current = this.#current;
    this.#current = null;
    this.#keepParentAlive(false);
    current?.settle(outcome);
  }

  #end(reason: string): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#settle({
      type: 'died',
      reason,
      lastWords: this.#errors.tail(),
      started: this.#current?.started ?? false,
    });
    this.#errors.close();
  }

  #keepParentAlive(keep: boolean): void {
    const parts = [this.#child, this.#child.channel];
    for (const part of parts) {
      if (keep) part?.ref();
      else part?.unref();
    }
  }
}
