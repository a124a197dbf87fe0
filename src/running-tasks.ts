/** The tasks that this process works on, so that closing it can wait for them. */
export class RunningTasks {
  readonly #running = new Set<Promise<void>>();

  run(work: Promise<void>): Promise<void> {
    this.#running.add(work);
    const forget = () => void this.#running.delete(work);
    work.then(forget, forget);
    return work;
  }

  /** Resolves when none runs any more, or after `limitMs`. */
  async settled(limitMs: number): Promise<void> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const limit = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, limitMs);
    });
    await Promise.race([Promise.allSettled(this.#running), limit]);
    clearTimeout(timer);
  }
}
