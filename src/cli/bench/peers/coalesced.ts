interface Waiting<Item> {
  readonly item: Item;
  resolve(): void;
  reject(error: unknown): void;
}

/** Stores in one go what comes while the last go is under way: what a careful user of a queue writes for himself. */
export class Coalesced<Item> {
  readonly #store: (items: readonly Item[]) => Promise<void>;
  #waiting: Waiting<Item>[] = [];
  #busy = false;

  constructor(store: (items: readonly Item[]) => Promise<void>) {
    this.#store = store;
  }

  add(item: Item): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ item, resolve, reject });
      if (!this.#busy) void this.#drain();
    });
  }

  async #drain(): Promise<void> {
    this.#busy = true;
    await Promise.resolve();
    while (this.#waiting.length > 0) {
      const together = this.#waiting;
      this.#waiting = [];
      try {
        await this.#store(together.map(({ item }) => item));
        for (const one of together) one.resolve();
      } catch (error) {
        for (const one of together) one.reject(error);
      }
    }
    this.#busy = false;
  }
}
