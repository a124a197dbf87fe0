import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type TableItemParts, tableItem } from '../../handlers/stac/table-item.ts';
import { stacProblems } from '../tools/stac-validator.ts';

const parts: TableItemParts = {
  itemId: 'geo.roads',
  collectionId: 'system-vectors',
  bbox: [-84.3, 33.8, -75.4, 36.6],
  datetime: '2026-01-02T03:04:05.000Z',
  rowCount: 100,
  columns: [
    { name: 'id', type: 'bigint' },
    { name: 'geom', type: 'geometry(MultiPolygon,4326)', description: 'Geometry' },
  ],
  primaryGeometry: 'geom',
  title: 'geo.roads',
  featuresUrl: 'https://features.example.org/collections/roads',
  schema: 'geo',
  table: 'roads',
};

test('an item of a table is valid STAC with the table extension', async () => {
  const item = tableItem(parts);
  assert.deepEqual(await stacProblems(item), []);
  const properties = item.properties as Record<string, unknown>;
  assert.equal(properties['table:row_count'], 100);
  assert.equal(properties['table:primary_geometry'], 'geom');
  const { data } = item.assets as { data: { href: string } };
  assert.equal(data.href, 'https://features.example.org/collections/roads/items');
});

test('the validator sees a wrong table extension', async () => {
  const item = tableItem(parts);
  const properties = { ...(item.properties as object), 'table:row_count': 'many' };
  assert.notDeepEqual(await stacProblems({ ...item, properties }), []);
});

test('one place is a point, places on one meridian a line, and both are valid', async () => {
  const shapes: [TableItemParts['bbox'], string][] = [
    [[1, 2, 1, 2], 'Point'],
    [[1, 2, 1, 3], 'LineString'],
    [[1, 2, 3, 4], 'Polygon'],
  ];
  for (const [bbox, type] of shapes) {
    const item = tableItem({ ...parts, bbox, featuresUrl: null });
    assert.equal((item.geometry as { type: string }).type, type);
    assert.deepEqual(item.assets, {});
    assert.deepEqual(await stacProblems(item), []);
  }
});
