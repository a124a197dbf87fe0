import type { z } from 'zod';
import type { ErrorRecord } from './errors.ts';
import type { FanInHandler, Handler } from './handler.ts';
import type { JsonObject } from './json.ts';
import type { FailurePolicy, Parallelism, StageRecord } from './ports/state-store.ts';
import type { StageResults } from './results.ts';
import type { Services } from './services.ts';

/** One task of a stage, as its plan asks for it. Keys are unique within the stage and end up in the task's id. */
export interface PlannedTask<Input> {
  readonly key: string;
  readonly input: Input;
}

/** A plan's answer: any iterable, also an async generator, so that a large stage need not be one array. */
export type Plan<Input> =
  | Iterable<PlannedTask<Input>>
  | AsyncIterable<PlannedTask<Input>>
  | Promise<Iterable<PlannedTask<Input>>>;

export interface JobInfo {
  readonly id: string;
  readonly type: string;
  readonly run: number;
}

export interface PlanContext<Params> {
  readonly params: Params;
  readonly job: JobInfo;
  /** For plans that read what no result could hold. A plan may run more than once; one answer is stored. */
  readonly services: Services;
}

export interface FanOutContext<Params, Results, Previous> extends PlanContext<Params> {
  readonly previous: StageResults<Previous>;
  /** Every earlier stage's results by the stage's name. */
  readonly results: ResultsByStage<Results>;
}

export type ResultsByStage<Results> = { readonly [Name in keyof Results]: StageResults<Results[Name]> };

export interface FinalizeContext<Params, Results> extends PlanContext<Params> {
  readonly results: ResultsByStage<Results>;
  /** What each stage did: counts and real times. */
  readonly stages: readonly StageRecord[];
  /** The first `most` failed tasks of a stage whose policy is `continue`, in task order. */
  readonly failures: (stage: keyof Results & string, most: number) => Promise<readonly TaskFailure[]>;
}

/** A task that failed for good. `number` is its place in its stage (from 0), `key` what the plan called it. */
export interface TaskFailure {
  readonly number: number;
  readonly key: string;
  readonly error: ErrorRecord;
}

type Finalize<Params, Results, Result> = (context: FinalizeContext<Params, Results>) => Result | Promise<Result>;

export interface StageOptions {
  /** What a failed task means. `fail` (default): the job fails. `continue`: the rest goes on. */
  readonly onFailure?: FailurePolicy;
}

export interface RunRef {
  readonly jobId: string;
  readonly run: number;
}

/** What a run keeps outside of the engine's store while it works; see `temporaryBlobs` for those in blob storage. */
export interface TemporaryParts {
  /** Removes it for a run and all before it; does nothing where there is none. */
  remove(run: RunRef, services: Services): Promise<void>;
  /** Runs that have something there; the engine passes over those that are not over. */
  leftBehind(services: Services, limit: number): Promise<readonly RunRef[]>;
}

export interface JobSpec<P extends z.ZodObject> {
  readonly description: string;
  /** A strict object is made of it: unknown parameters are errors. */
  readonly parameters: P;
  /** Other names it is submitted under. */
  readonly aliases?: readonly string[];
  /** Parameters that do not make another job, e.g. hello_world's failure_rate. */
  readonly notPartOfId?: readonly (keyof z.output<P> & string)[];
  /** Throws CONTAINER_NOT_FOUND, FILE_NOT_FOUND, … before anything is stored or queued. */
  readonly checkResources?: (params: z.output<P>, services: Services, job: { readonly id: string }) => Promise<void>;
  /** Removed when a run ends, however it ends; upkeep removes what a worker died before. */
  readonly temporary?: TemporaryParts;
  /** Hours from a run's first task to its end, after which the job fails with TIMEOUT. Default 24. */
  readonly timeLimitHours?: number;
}

/** A complete job type as the engine sees it: types erased, shapes checked by the schemas at run time. */
export interface JobDefinition {
  readonly complete: true;
  readonly name: string;
  readonly description: string;
  readonly aliases: readonly string[];
  readonly parameters: z.ZodObject;
  readonly notPartOfId: readonly string[];
  readonly checkResources: (params: never, services: Services, job: { readonly id: string }) => Promise<void>;
  readonly temporary: TemporaryParts | null;
  readonly timeLimitHours: number;
  readonly stages: readonly StageDefinition[];
  /** What `finalize` returns, for docs and tests; null: not said. The engine adds job_type before it and its tail after it. */
  readonly result: z.ZodType | null;
  readonly finalize: (context: FinalizeContext<never, never>) => JsonObject | Promise<JsonObject>;
}

export interface StageDefinition {
  readonly number: number;
  readonly name: string;
  readonly parallelism: Parallelism;
  readonly onFailure: FailurePolicy;
  readonly handler: Handler | FanInHandler;
  /** The stage whose results a fan-in receives. */
  readonly reads: number;
  readonly plan: (context: FanOutContext<never, never, never>) => Plan<unknown>;
}

/**
 * A job type under construction. Each method returns a new builder that knows the results of the stages so far, so a
 * plan that reads a field its predecessor does not return is a compile error. Without `finalize` it is not a
 * `JobDefinition` and cannot be listed.
 */
export class JobBuilder<P extends z.ZodObject, Results extends Record<string, unknown>, Previous> {
  readonly name: string;
  readonly #spec: JobSpec<P>;
  readonly #stages: readonly StageDefinition[];

  constructor(name: string, spec: JobSpec<P>, stages: readonly StageDefinition[]) {
    this.name = name;
    this.#spec = spec;
    this.#stages = stages;
  }

  /** Tasks known from the parameters: one or many. */
  stage<N extends string, I extends z.ZodType, O extends z.ZodType>(
    name: N,
    handler: Handler<I, O>,
    plan: (context: PlanContext<z.output<P>>) => Plan<z.input<I>>,
    options: StageOptions = {},
  ): JobBuilder<P, Results & Record<N, z.output<O>>, z.output<O>> {
    return this.#with(name, 'single', handler, plan, options);
  }

  /** Tasks made from the results of earlier stages. */
  fanOut<N extends string, I extends z.ZodType, O extends z.ZodType>(
    name: N,
    handler: Handler<I, O>,
    plan: (context: FanOutContext<z.output<P>, Results, Previous>) => Plan<z.input<I>>,
    options: StageOptions = {},
  ): JobBuilder<P, Results & Record<N, z.output<O>>, z.output<O>> {
    return this.#with(name, 'fan_out', handler, plan, options);
  }

  /**
   * One task that receives all results of the previous stage. `input` gives what else it needs; returning null skips
   * it: the stage completes with no task.
   */
  fanIn<N extends string, I extends z.ZodType, O extends z.ZodType, Q extends z.ZodType>(
    name: N,
    handler: FanInHandler<I, O, Q> & (Previous extends z.output<Q> ? unknown : { readonly previous: never }),
    input: (context: FanOutContext<z.output<P>, Results, Previous>) => z.input<I> | null | Promise<z.input<I> | null>,
    options: StageOptions = {},
  ): JobBuilder<P, Results & Record<N, z.output<O>>, z.output<O>> {
    return this.#with(name, 'fan_in', handler, onePlan(name, input), options);
  }

  /**
   * The same with the results of an earlier stage than the previous one. When a run takes over results of another, it
   * is compared by its input alone: put in what changes with the results, such as their count.
   */
  fanInOf<
    S extends keyof Results & string,
    N extends string,
    I extends z.ZodType,
    O extends z.ZodType,
    Q extends z.ZodType,
  >(
    stage: S,
    name: N,
    handler: FanInHandler<I, O, Q> & (Results[S] extends z.output<Q> ? unknown : { readonly previous: never }),
    input: (context: FanOutContext<z.output<P>, Results, Previous>) => z.input<I> | null | Promise<z.input<I> | null>,
    options: StageOptions = {},
  ): JobBuilder<P, Results & Record<N, z.output<O>>, z.output<O>> {
    const reads = this.#stages.findIndex((earlier) => earlier.name === stage) + 1;
    return this.#with(name, 'fan_in', handler, onePlan(name, input), { ...options, reads });
  }

  /**
   * Builds the job's result once all stages are done. May run more than once; only one answer is stored. With a schema
   * the result is documented, and `build` has to return what it says; `runJob` also refuses what it does not say.
   */
  finalize(build: Finalize<z.output<P>, Results, JsonObject>): JobDefinition;
  finalize<R extends z.ZodType>(result: R, build: Finalize<z.output<P>, Results, z.input<R>>): JobDefinition;
  finalize(...given: [z.ZodType, unknown] | [unknown]): JobDefinition {
    const [result, build] = given.length === 2 ? given : [null, given[0]];
    const { description, parameters, aliases = [], notPartOfId = [], checkResources = async () => {} } = this.#spec;
    const { timeLimitHours = 24, temporary = null } = this.#spec;
    return {
      complete: true,
      name: this.name,
      description,
      aliases,
      parameters: parameters.strict(),
      notPartOfId,
      checkResources,
      temporary,
      timeLimitHours,
      stages: this.#stages,
      result,
      // Typed by the two signatures.
      finalize: build as JobDefinition['finalize'],
    };
  }

  #with<R extends Record<string, unknown>, O>(
    name: string,
    parallelism: Parallelism,
    handler: unknown,
    plan: unknown,
    options: StageOptions & { readonly reads?: number },
  ): JobBuilder<P, R, O> {
    const stage: StageDefinition = {
      number: this.#stages.length + 1,
      name,
      parallelism,
      onFailure: options.onFailure ?? 'fail',
      // The typed methods above are the only callers; erased here, checked by the schemas at run time.
      handler: handler as Handler | FanInHandler,
      reads: options.reads ?? this.#stages.length,
      plan: plan as StageDefinition['plan'],
    };
    return new JobBuilder<P, R, O>(this.name, this.#spec, [...this.#stages, stage]);
  }
}

/** One task, or none where `input` gives null. */
function onePlan<Context, Input>(name: string, input: (context: Context) => Input | null | Promise<Input | null>) {
  return async (context: Context) => {
    const given = await input(context);
    return given === null ? [] : [{ key: name, input: given }];
  };
}

/** Begins a job type: `defineJob(name, spec).stage(…).fanOut(…).fanIn(…).finalize(…)`. */
export function defineJob<P extends z.ZodObject>(
  name: string,
  spec: JobSpec<P>,
  // biome-ignore lint/complexity/noBannedTypes: no stage yet, so no results
): JobBuilder<P, {}, never> {
  return new JobBuilder(name, spec, []);
}
