/** One completed task's result. `number` is the task's place in its stage (from 0), `key` what the plan called it. */
export interface StageResult<Output> {
  readonly number: number;
  readonly key: string;
  readonly output: Output;
}

/**
 * Reads one page of completed results with `number > after`, in the order of their numbers; empty at the end. At most
 * `limit`, and fewer where they are large.
 */
export type ResultPager<Output> = (after: number, limit: number) => Promise<readonly StageResult<Output>[]>;

/** Small results come 500 at once. Pages begin small and grow, because a store may have to measure all it was asked for. */
const pageRows = { first: 64, most: 500 } as const;

/**
 * The results of one stage's completed tasks, in task order. They are read from the store as they are asked for, a page
 * at a time, so that iterating a hundred thousand of them takes constant memory.
 */
export class StageResults<Output> implements AsyncIterable<StageResult<Output>> {
  readonly #page: ResultPager<Output>;
  readonly #count: (() => Promise<number>) | undefined;

  /** `count`: how many there are, where that is known without reading them. */
  constructor(page: ResultPager<Output>, count?: () => Promise<number>) {
    this.#page = page;
    this.#count = count;
  }

  async *[Symbol.asyncIterator](): AsyncIterator<StageResult<Output>> {
    let after = -1;
    for (let limit: number = pageRows.first; ; ) {
      const page = await this.#page(after, limit);
      if (page.length === 0) return;
      yield* page;
      after = page[page.length - 1]?.number ?? after;
      // One that was cut short tells how many of the next have room.
      limit = Math.min(2 * page.length, pageRows.most);
    }
  }

  /** All of them at once: for stages known to be small. */
  async all(): Promise<StageResult<Output>[]> {
    return Array.fromAsync(this);
  }

  /** How many there are. */
  async count(): Promise<number> {
    if (this.#count) return this.#count();
    let count = 0;
    for await (const _ of this) count += 1;
    return count;
  }

  /** The first completed result; undefined when no task completed. */
  async first(): Promise<StageResult<Output> | undefined> {
    return (await this.#page(-1, 1))[0];
  }

  /** The output of a stage that has exactly one task. */
  async only(): Promise<Output> {
    const first = await this.first();
    if (!first) throw new Error('the stage has no completed task');
    return first.output;
  }
}
