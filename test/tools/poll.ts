import { setTimeout as wait } from 'node:timers/promises';

export interface PollOptions {
  /** How long to go on. Default 10 s. */
  readonly timeoutMs?: number;
  readonly intervalMs?: number;
}

type Nothing = undefined | null | false;

/**
 * Calls until the answer is something other than undefined, null or false, and no error, and returns it.
 * @throws the last error, or one that shows the last answer, when the time is over.
 */
export async function eventually<T>(
  ask: () => T | Nothing | Promise<T | Nothing>,
  options: PollOptions = {},
): Promise<T> {
  const { timeoutMs = 10_000, intervalMs = 25 } = options;
  const deadline = Date.now() + timeoutMs;
  for (;;) {
    const { answer, error } = await attempt(ask);
    if (error === undefined && answer !== undefined && answer !== null && answer !== false) return answer;
    if (Date.now() >= deadline) {
      throw error ?? new Error(`not so within ${timeoutMs} ms; the last answer was ${String(answer)}`);
    }
    await wait(intervalMs);
  }
}

async function attempt<T>(ask: () => T | Promise<T>): Promise<{ answer?: T; error?: unknown }> {
  try {
    return { answer: await ask() };
  } catch (error) {
    return { error };
  }
}
