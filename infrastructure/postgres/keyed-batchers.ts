import { Batcher, type BatcherOptions } from './batcher.ts';

interface Kept<Item, Outcome> {
  readonly batcher: Batcher<Item, Outcome>;
  calls: number;
}

/** A batcher of its own for each key in use, so that what waits for one key does not hold up another. */
export class KeyedBatchers<Item, Outcome> {
  readonly #optionsOf: (key: string) => BatcherOptions<Item, Outcome>;
  readonly #kept = new Map<string, Kept<Item, Outcome>>();

  constructor(optionsOf: (key: string) => BatcherOptions<Item, Outcome>) {
    this.#optionsOf = optionsOf;
  }

  async do(key: string, item: Item): Promise<Outcome> {
    const kept = this.#kept.get(key) ?? { batcher: new Batcher(this.#optionsOf(key)), calls: 0 };
    this.#kept.set(key, kept);
    kept.calls += 1;
    try {
      return await kept.batcher.do(item);
    } finally {
      kept.calls -= 1;
      if (kept.calls === 0) this.#kept.delete(key);
    }
  }
}
