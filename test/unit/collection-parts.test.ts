import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { StacItem } from '../../core/ports/catalogue.ts';
import { tileStems } from '../../handlers/raster/tile-names.ts';
import { commonRender } from '../../handlers/stac/common-render.ts';
import { type Cover, withItem } from '../../handlers/stac/cover.ts';

test('names are flat, and equal ones are told apart by all of the path', () => {
  assert.deepEqual(tileStems(['a/b.tif', 'c.d/e.f.tif', 'x']), ['a_b', 'c.d_e.f', 'x']);
  const names = ['a/b.tif', 'a_b.tif', 'a/b.jp2', 'c.tif'];
  const stems = tileStems(names);
  assert.equal(new Set(stems).size, names.length);
  assert.equal(stems[3], 'c');
  assert.deepEqual(tileStems(names.toReversed()), stems.toReversed(), 'the place in the list does not matter');
});

test('a cover grows in space and time; over the antimeridian it goes round the globe', () => {
  const item = (bbox: readonly number[], properties: Record<string, string>) =>
    ({ type: 'Feature', id: 'x', collection: 'c', bbox, properties }) as StacItem;
  const items = [
    item([10, 50, 11, 51], { datetime: '2020-05-01T00:00:00Z' }),
    item([8, 52, 9, 53], { datetime: '2020-01-01T00:00:00Z', end_datetime: '2021-01-01T00:00:00Z' }),
  ];
  const cover = items.reduce<Cover | null>(withItem, null);
  assert.deepEqual(cover, {
    bbox: [8, 50, 11, 53],
    interval: ['2020-01-01T00:00:00Z', '2021-01-01T00:00:00Z'],
  });
  const fiji = withItem(cover, item([177, -18, -178, -16], { datetime: '2020-05-01T00:00:00Z' }));
  assert.deepEqual(fiji.bbox, [-180, -18, 180, 53]);
});

test('tiles are drawn alike: the widest range of each band', () => {
  const first = {
    bands: [3, 2, 1],
    rescale: [
      [0, 10],
      [5, 9],
      [1, 2],
    ] as const,
  };
  const second = {
    bands: [3, 2, 1],
    rescale: [
      [2, 12],
      [6, 8],
      [0, 1],
    ] as const,
  };
  assert.deepEqual(commonRender(commonRender(null, first), second), {
    bands: [3, 2, 1],
    rescale: [
      [0, 12],
      [5, 9],
      [0, 2],
    ],
  });
  assert.deepEqual(commonRender({}, { rescale: [[0, 1]] }), {});
});
