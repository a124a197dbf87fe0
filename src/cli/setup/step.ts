/** Runs a slow piece of set-up: one line that says what it does, completed by the seconds it took. */
export async function step<T>(title: string, work: () => Promise<T>): Promise<T> {
  process.stderr.write(`${title} … `);
  const start = performance.now();
  try {
    const result = await work();
    process.stderr.write(`${((performance.now() - start) / 1000).toFixed(0)} s\n`);
    return result;
  } catch (error) {
    process.stderr.write('failed\n');
    throw error;
  }
}

/** A line that is worth knowing and no error. */
export function note(text: string): void {
  process.stderr.write(`${text}\n`);
}
