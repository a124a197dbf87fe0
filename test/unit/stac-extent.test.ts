import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { JsonObject } from '../../core/json.ts';
import { grownExtent } from '../../infrastructure/pgstac/extent.ts';

const found = {
  spatial: { bbox: [[10, 20, 30, 40]] },
  temporal: { interval: [['2020-01-01T00:00:00+00:00', '2021-01-01T00:00:00+00:00']] },
};
const box = (declared: JsonObject | undefined) => (grownExtent(declared, found).spatial as JsonObject).bbox;
const interval = (declared: JsonObject | undefined) => (grownExtent(declared, found).temporal as JsonObject).interval;
const withBox = (...bbox: number[][]) => ({ spatial: { bbox } });
const withInterval = (...times: (string | null)[]) => ({ temporal: { interval: [times] } });

test('an extent that is missing or empty becomes what was found', () => {
  assert.deepEqual(grownExtent(undefined, found), found);
  assert.deepEqual(grownExtent({ spatial: { bbox: [] } }, found), found);
});

test('boxes grow on the side that is exceeded', () => {
  assert.deepEqual(box(withBox([12, 18, 28, 38])), [[10, 18, 30, 40]]);
  assert.deepEqual(box(withBox([0, 0, 90, 90])), [[0, 0, 90, 90]]);
});

test('only the first box, which stands for the whole, grows', () => {
  assert.deepEqual(box(withBox([12, 22, 28, 38], [1, 2, 3, 4])), [
    [10, 20, 30, 40],
    [1, 2, 3, 4],
  ]);
});

test('boxes with heights lose them, and one over the antimeridian becomes the whole band', () => {
  assert.deepEqual(box(withBox([12, 22, 0, 28, 38, 100])), [[10, 20, 30, 40]]);
  assert.deepEqual(box(withBox([170, 25, -170, 45])), [[-180, 20, 180, 45]]);
});

test('intervals grow, and an open end stays open', () => {
  assert.deepEqual(interval(withInterval('2020-06-01T00:00:00Z', '2022-01-01T00:00:00Z')), [
    ['2020-01-01T00:00:00.000Z', '2022-01-01T00:00:00.000Z'],
  ]);
  assert.deepEqual(interval(withInterval(null, '2020-02-01T00:00:00Z')), [[null, '2021-01-01T00:00:00.000Z']]);
});

test('what else the extent says is kept', () => {
  assert.deepEqual(grownExtent({ note: 'x', spatial: { crs: 'y' } }, found), {
    ...found,
    note: 'x',
    spatial: { crs: 'y', ...found.spatial },
  });
});
