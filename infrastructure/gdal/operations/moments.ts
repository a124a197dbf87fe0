/** Count, range, mean and spread of a set of values. */
export interface Moments {
  readonly count: number;
  readonly minimum: number;
  readonly maximum: number;
  readonly mean: number;
  /** Sum of the squared distances from the mean. */
  readonly squares: number;
}

/** Of the finite values that are not nodata, where the mask (null: everywhere) is not 0; null when there are none. */
export function momentsOf(
  values: ArrayLike<number>,
  mask: ArrayLike<number> | null,
  nodata: number | null,
): Moments | null {
  if (values instanceof Uint8Array && (mask === null || mask instanceof Uint8Array)) {
    return momentsOfCounts(countsOf(values, mask), nodata);
  }
  let [count, minimum, maximum, sum, squares] = [0, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 0, 0];
  // Distances from any of the values instead of from zero, so that the squares keep their digits.
  let origin = 0;
  for (let index = 0; index < values.length; index += 1) {
    const value = values[index] ?? Number.NaN;
    if (value === nodata || (mask !== null && mask[index] === 0) || !Number.isFinite(value)) continue;
    if (count === 0) origin = value;
    count += 1;
    if (value < minimum) minimum = value;
    if (value > maximum) maximum = value;
    const distance = value - origin;
    sum += distance;
    squares += distance * distance;
  }
  if (count === 0) return null;
  return { count, minimum, maximum, mean: origin + sum / count, squares: Math.max(0, squares - (sum * sum) / count) };
}

/** How often each byte occurs: several times quicker than the moments of each pixel. */
function countsOf(values: Uint8Array, mask: Uint8Array | null): Float64Array {
  // Invalid pixels are counted in the second half, without a branch.
  const both = new Uint32Array(512);
  for (let index = 0; index < values.length; index += 1) {
    const invalid = mask !== null && mask[index] === 0 ? 256 : 0;
    const slot = invalid + (values[index] ?? 0);
    both[slot] = (both[slot] ?? 0) + 1;
  }
  return Float64Array.from(both.subarray(0, 256));
}

function momentsOfCounts(counts: Float64Array, nodata: number | null): Moments | null {
  const found = Array.from(counts, (count, value) => ({ count, value })).filter(
    ({ count, value }) => count > 0 && value !== nodata,
  );
  const [first, last] = [found[0], found.at(-1)];
  if (!first || !last) return null;
  const count = found.reduce((sum, one) => sum + one.count, 0);
  const mean = found.reduce((sum, one) => sum + one.count * one.value, 0) / count;
  const squares = found.reduce((sum, one) => sum + one.count * (one.value - mean) ** 2, 0);
  return { count, minimum: first.value, maximum: last.value, mean, squares };
}

/** Moments of two sets taken together (Chan, Golub, LeVeque 1979). */
export function merged(one: Moments | null, other: Moments | null): Moments | null {
  if (!one || !other) return one ?? other;
  const count = one.count + other.count;
  const apart = other.mean - one.mean;
  return {
    count,
    minimum: Math.min(one.minimum, other.minimum),
    maximum: Math.max(one.maximum, other.maximum),
    mean: one.mean + (apart * other.count) / count,
    squares: one.squares + other.squares + (apart * apart * one.count * other.count) / count,
  };
}
