export class DeadlineError extends Error {
  override readonly name = 'DeadlineError';
}

/** Rejects with DeadlineError when `promise` is not settled in time; what becomes of it later is ignored. */
export async function withDeadline<T>(promise: Promise<T>, limitMs: number, what: string): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new DeadlineError(`${what} took longer than ${limitMs} ms`)), limitMs);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** True when `promise` settled in time, whatever its outcome. */
export async function settledWithin(promise: Promise<unknown>, limitMs: number): Promise<boolean> {
  const ended = promise.then(
    () => {},
    () => {},
  );
  return withDeadline(ended, limitMs, '').then(
    () => true,
    () => false,
  );
}
