/** Does `work` for 0 … count - 1, `atOnce` of them at the same time. */
export async function inTurns(
  count: number,
  atOnce: number,
  work: (number: number) => Promise<unknown>,
): Promise<void> {
  let next = 0;
  const lane = async () => {
    while (next < count) {
      const number = next;
      next += 1;
      await work(number);
    }
  };
  await Promise.all(Array.from({ length: Math.min(atOnce, count) }, lane));
}
