import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Moments, merged, momentsOf } from '../../infrastructure/gdal/operations/moments.ts';

/** By the definition. */
function expected(values: readonly number[]): Moments {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return { count: values.length, minimum: Math.min(...values), maximum: Math.max(...values), mean, squares };
}

function assertClose(found: Moments | null, values: readonly number[]): void {
  assert.ok(found);
  for (const [name, value] of Object.entries(expected(values)) as [keyof Moments, number][]) {
    assert.ok(
      Math.abs(found[name] - value) <= 1e-9 * Math.max(1, Math.abs(value)),
      `${name} ${found[name]}, not ${value}`,
    );
  }
}

const values = Array.from({ length: 1000 }, (_, index) => (index * 37) % 251);
const mask = Uint8Array.from(values, (_, index) => (index % 3 === 0 ? 0 : 255));
const valid = values.filter((value, index) => index % 3 !== 0 && value !== 7);

test('moments of valid values, of bytes and of other types', () => {
  for (const type of [Uint8Array, Int16Array, Float32Array, Float64Array]) {
    assertClose(momentsOf(type.from(values), mask, 7), valid);
    assertClose(momentsOf(type.from(values), null, null), values);
    assert.equal(momentsOf(type.from([7, 7]), null, 7), null);
    assert.equal(momentsOf(type.from([1, 2]), Uint8Array.of(0, 0), null), null);
  }
  const special = [Number.NaN, 1, Number.POSITIVE_INFINITY, 3, Number.NEGATIVE_INFINITY];
  assertClose(momentsOf(Float64Array.from(special), null, Number.NaN), [1, 3]);
});

test('a small spread far from zero keeps its digits, also over many windows', () => {
  const far = values.map((value) => 1e9 + value / 1000);
  let all: Moments | null = null;
  for (let start = 0; start < far.length; start += 100) {
    all = merged(all, momentsOf(Float64Array.from(far.slice(start, start + 100)), null, null));
  }
  const { mean, squares } = expected(far);
  assert.ok(all && Math.abs(all.mean - mean) < 1e-6 && Math.abs(all.squares / squares - 1) < 1e-6);
  assert.deepEqual(merged(all, null), all);
});
