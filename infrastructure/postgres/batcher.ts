export interface BatcherOptions<Item, Outcome> {
  /** Does all items in one go; one outcome an item, in their order. Rejects when nothing was done. */
  readonly run: (items: readonly Item[]) => Promise<readonly Outcome[]>;
  readonly keyOf: (item: Item) => string;
  /** Two items of one key: `share` one place and its outcome in a batch, or `wait` for the next batch. */
  readonly sameKey: 'share' | 'wait';
  readonly maxItems: number;
  /** What an item adds to a batch's size, and how large a batch may be. One item always fits. */
  readonly weightOf?: (item: Item) => number;
  readonly maxWeight?: number;
  /** True for a failure that one item may have caused: each item is then done by itself. */
  readonly isItemError: (error: unknown) => boolean;
}

interface Waiting<Item, Outcome> {
  readonly item: Item;
  resolve(outcome: Outcome): void;
  reject(error: unknown): void;
}

/**
 * Turns many concurrent calls into few statements: what arrives while a batch is under way makes up the next one, which
 * leaves as soon as the first is back. So a lone call is never delayed, and under load the cost of a round trip and a
 * commit is shared. A call never joins a batch that has left already: its outcome could be older than the call.
 */
export class Batcher<Item, Outcome> {
  readonly #options: BatcherOptions<Item, Outcome>;
  #waiting: Waiting<Item, Outcome>[] = [];
  #running = false;

  constructor(options: BatcherOptions<Item, Outcome>) {
    this.#options = options;
  }

  do(item: Item): Promise<Outcome> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ item, resolve, reject });
      if (!this.#running) void this.#drain();
    });
  }

  /** Never rejects: every failure goes to the calls of its batch. */
  async #drain(): Promise<void> {
    this.#running = true;
    // Lets calls made in the same turn of the event loop leave together.
    await Promise.resolve();
    while (this.#waiting.length > 0) await this.#runBatch(this.#takeBatch());
    this.#running = false;
  }

  /** The places of the next batch, each with the calls that share it. */
  #takeBatch(): Waiting<Item, Outcome>[][] {
    const { keyOf, sameKey, maxItems, weightOf = () => 0, maxWeight = 0 } = this.#options;
    const places = new Map<string, Waiting<Item, Outcome>[]>();
    const left: Waiting<Item, Outcome>[] = [];
    let weight = 0;
    for (const call of this.#waiting) {
      const key = keyOf(call.item);
      const place = places.get(key);
      const grown = weight + weightOf(call.item);
      if (place && sameKey === 'share') place.push(call);
      else if (place || places.size >= maxItems || (places.size > 0 && grown > maxWeight)) left.push(call);
      else {
        places.set(key, [call]);
        weight = grown;
      }
    }
    this.#waiting = left;
    return [...places.values()];
  }

  async #runBatch(places: readonly Waiting<Item, Outcome>[][]): Promise<void> {
    try {
      const outcomes = await this.#options.run(places.flatMap(([first]) => (first ? [first.item] : [])));
      places.forEach((calls, index) => {
        for (const call of calls) call.resolve(outcomes[index] as Outcome);
      });
    } catch (error) {
      if (places.length > 1 && this.#options.isItemError(error)) {
        for (const place of places) await this.#runBatch([place]);
        return;
      }
      for (const call of places.flat()) call.reject(error);
    }
  }
}
