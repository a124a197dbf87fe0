/** A progress bar, e.g. `[######------]  52%`. */
export function bar(fraction: number, width = 28): string {
  const filled = Math.round(Math.min(1, Math.max(0, fraction)) * width);
  const percent = `${Math.floor(fraction * 100)}`.padStart(3);
  return `[${'#'.repeat(filled)}${'-'.repeat(width - filled)}] ${percent}%`;
}

/** Writes lines that replace each other on a terminal, and are printed once each where there is none (CI, a file). */
export class LiveLine {
  readonly #terminal = process.stdout.isTTY === true;
  #shown = '';

  update(text: string): void {
    if (!this.#terminal || text === this.#shown) return;
    process.stdout.write(`\r\x1b[2K${text}`);
    this.#shown = text;
  }

  /** Leaves the last text on the screen. */
  done(text: string): void {
    process.stdout.write(this.#terminal ? `\r\x1b[2K${text}\n` : `${text}\n`);
    this.#shown = '';
  }
}
