/** What was opened so far, to be closed in the opposite order: at the end, or where a later part cannot be opened. */
export class Opened {
  readonly #closers: (() => Promise<unknown>)[] = [];

  add(close: () => Promise<unknown>): void {
    this.#closers.push(close);
  }

  /** Closes all of it; what cannot be closed keeps nothing else from it. */
  async close(): Promise<void> {
    for (let close = this.#closers.pop(); close; close = this.#closers.pop()) await close().catch(() => {});
  }
}
