import pg from 'pg';

/**
 * What two writers do to each other in pgSTAC; the transaction is undone and the same again may succeed.
 * 23514 and 42P01 are on the list because pgSTAC widens a partition's check constraint, and makes its table, beside
 * the writes of others: https://github.com/stac-utils/pgstac/issues/211 and its Python loader retry the same way.
 */
const passingStates = new Set([
  '40P01', // deadlock
  '40001', // serialisation failure
  '55P03', // a lock was not to be had in time
  '55006', // object in use
  '23514', // outside of the partition's range
  '42P01', // the partition's table does not exist (yet)
]);

const attempts = 10;
const baseMs = 40;
const capMs = 3_000;

/** Runs `work` again, after growing and random waits, as long as it fails by another transaction's fault. */
export async function retried<T>(
  work: () => Promise<T>,
  onRetry: (state: string, attempt: number) => void,
): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await work();
    } catch (error) {
      const state = passingState(error);
      if (state === null || attempt === attempts) throw error;
      onRetry(state, attempt);
      await new Promise((done) => setTimeout(done, waitMs(attempt)));
    }
  }
}

export function passingState(error: unknown): string | null {
  if (!(error instanceof pg.DatabaseError)) return null;
  return error.code !== undefined && passingStates.has(error.code) ? error.code : null;
}

/** Half of the wait is random, so that two that met once do not meet again. */
function waitMs(attempt: number): number {
  const full = Math.min(baseMs * 2 ** (attempt - 1), capMs);
  return full / 2 + Math.random() * (full / 2);
}
