/** The ways a message can end; each is a state of its own on the wire. */
export type Outcome = 'complete' | 'abandon' | 'defer' | 'deadLetter';

/**
 * Lets only one kind of outcome per turn of the event loop through to one link. rhea merges the dispositions of
 * neighbouring deliveries that it writes in one turn into a range, and gives the whole range the first one's outcome: an
 * abandon next to a complete would be completed, and the message lost.
 */
export class SettlementGate {
  #open: Outcome | null = null;
  #waiting: { readonly outcome: Outcome; readonly go: () => void }[] = [];

  /** Calls `settle` as soon as its outcome may pass, and answers what it answers. */
  pass<T>(outcome: Outcome, settle: () => Promise<T>): Promise<T> {
    if (this.#waiting.length === 0 && (this.#open === null || this.#open === outcome)) {
      this.#openFor(outcome);
      return settle();
    }
    return new Promise((resolve, reject) => {
      this.#waiting.push({ outcome, go: () => settle().then(resolve, reject) });
    });
  }

  #openFor(outcome: Outcome): void {
    if (this.#open === null) setImmediate(() => this.#nextTurn());
    this.#open = outcome;
  }

  #nextTurn(): void {
    this.#open = null;
    const first = this.#waiting[0];
    if (!first) return;
    this.#openFor(first.outcome);
    const passing = this.#waiting.filter((waiting) => waiting.outcome === first.outcome);
    this.#waiting = this.#waiting.filter((waiting) => waiting.outcome !== first.outcome);
    for (const { go } of passing) go();
  }
}
