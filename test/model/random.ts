/** Numbers in [0, 1) that follow from the seed: the xorshift generator of G. Marsaglia, 32 bits of state. */
export function randomNumbers(seed: number): () => number {
  let state = Math.imul(seed + 1, 0x9e3779b1) | 1;
  const next = () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
  // Neighbouring seeds begin with states that look alike.
  for (let round = 0; round < 8; round += 1) next();
  return next;
}
