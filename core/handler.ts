import type { z } from 'zod';
import { retryPolicy } from './limits.ts';
import type { Log } from './log.ts';
import type { StageResults } from './results.ts';
import type { Services } from './services.ts';

/** What a handler knows of the task it works on, and how it talks to the engine while it works. */
export interface TaskContext {
  readonly job: { readonly id: string; readonly type: string; readonly run: number };
  readonly task: {
    readonly id: string;
    readonly key: string;
    /** Place in the stage, from 0. */
    readonly number: number;
    readonly stage: number;
    /** 1 for the first execution in this run. */
    readonly attempt: number;
  };
  /** Aborted when the job is cancelled, the lease is lost or the time limit is reached: stop, clean up, throw. */
  readonly signal: AbortSignal;
  /** Reports how far the work is, 0-1; stored with the next heartbeat. */
  readonly progress: (fraction: number) => void;
  readonly log: Log;
  readonly services: Services;
}

export interface HandlerLimits {
  /** Executions of one task within a run, the first included. Default 4. */
  readonly attempts: number;
  /** Seconds one execution may take before it is aborted with TIMEOUT. Default 1800. */
  readonly timeoutSeconds: number;
}

interface HandlerSpec<I extends z.ZodType, O extends z.ZodType> {
  readonly description: string;
  /** What the stage's plan gives each task. */
  readonly input: I;
  /** What is stored, and what later stages and `finalize` see. */
  readonly output: O;
  readonly limits?: Partial<HandlerLimits>;
}

/** One unit of work. It must be idempotent: it may run again after it has done everything but report so. */
export interface Handler<I extends z.ZodType = z.ZodType, O extends z.ZodType = z.ZodType> {
  readonly kind: 'task';
  readonly name: string;
  readonly description: string;
  readonly input: I;
  readonly output: O;
  readonly limits: HandlerLimits;
  run(input: z.output<I>, context: TaskContext): Promise<z.input<O>>;
}

/** The one task of a fan-in stage: it also receives all results of the previous stage, streamed. */
export interface FanInHandler<
  I extends z.ZodType = z.ZodType,
  O extends z.ZodType = z.ZodType,
  P extends z.ZodType = z.ZodType,
> {
  readonly kind: 'fan_in';
  readonly name: string;
  readonly description: string;
  readonly input: I;
  readonly output: O;
  readonly previous: P;
  readonly limits: HandlerLimits;
  run(input: z.output<I>, previous: StageResults<z.output<P>>, context: TaskContext): Promise<z.input<O>>;
}

export function defineHandler<I extends z.ZodType, O extends z.ZodType>(
  name: string,
  spec: HandlerSpec<I, O> & { run(input: z.output<I>, context: TaskContext): Promise<z.input<O>> },
): Handler<I, O> {
  return { kind: 'task', name, ...spec, limits: withDefaults(spec.limits) };
}

export function defineFanInHandler<I extends z.ZodType, O extends z.ZodType, P extends z.ZodType>(
  name: string,
  spec: HandlerSpec<I, O> & {
    /** The output schema of the handlers of the previous stage. */
    readonly previous: P;
    run(input: z.output<I>, previous: StageResults<z.output<P>>, context: TaskContext): Promise<z.input<O>>;
  },
): FanInHandler<I, O, P> {
  return { kind: 'fan_in', name, ...spec, limits: withDefaults(spec.limits) };
}

function withDefaults(limits: Partial<HandlerLimits> = {}): HandlerLimits {
  return { attempts: retryPolicy.maxAttempts, timeoutSeconds: 1800, ...limits };
}
