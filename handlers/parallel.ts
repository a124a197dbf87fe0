/** Works on several values at the same time and answers in their order, with no more than `width` under way. */
export async function* inOrder<T, R>(
  values: AsyncIterable<T>,
  width: number,
  work: (value: T) => Promise<R>,
): AsyncGenerator<R> {
  const running: Promise<R>[] = [];
  try {
    for await (const value of values) {
      const begun = work(value);
      // Heard when its turn comes; a rejection before that is not an unhandled one.
      begun.catch(() => {});
      running.push(begun);
      const first = running.length < width ? undefined : running.shift();
      if (first) yield await first;
    }
    for (let next = running.shift(); next; next = running.shift()) yield await next;
  } finally {
    // Whoever stops early leaves no work behind.
    await Promise.allSettled(running);
  }
}
