import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, test } from 'node:test';
import pg from 'pg';
import type { JsonObject } from '../../core/json.ts';
import { silentLog } from '../../core/log.ts';
import type { StacCollection, StacItem } from '../../core/ports/catalogue.ts';
import { openCatalogue } from '../../infrastructure/pgstac/catalogue.ts';
import { fullItem, slimItem } from '../../infrastructure/pgstac/slim.ts';
import { createTestDatabase } from '../tools/postgres.ts';

const database = await createTestDatabase({ template: 'pgstac' });
const pool = new pg.Pool({ connectionString: database.url, options: '-c search_path=pgstac,public', max: 2 });
after(async () => {
  await pool.end();
  await database.drop();
});

const read = (name: string) =>
  readFileSync(new URL(`../fixtures/stac/${name}`, import.meta.url), 'utf8')
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as JsonObject);

const [naip] = read('naip-collection.ndjson') as unknown as StacCollection[];
const naipItems = read('naip-items.ndjson') as unknown as StacItem[];

const place = { geometry: { type: 'Point', coordinates: [1, 2] }, bbox: [1, 2, 1, 2], type: 'Feature' } as const;
const times = { datetime: '2026-01-01T00:00:00Z' };
const odd = {
  ...{ type: 'Collection', id: 'odd', stac_version: '1.1.0', description: 'odd', license: 'other', links: [] },
  extent: { spatial: { bbox: [[1, 2, 1, 2]] }, temporal: { interval: [[times.datetime, null]] } },
  item_assets: {
    data: { title: 'Data', roles: ['data'], bands: [{ name: 'b1', unit: 'm' }, { name: 'b2' }], none: null, deep: {} },
    other: { title: 'Other' },
    list: [1, 2, { a: 1, b: null }],
  },
} as unknown as StacCollection;

/** What base items and items can have, have not, or have otherwise. */
const oddAssets: readonly JsonObject[] = [
  {},
  { data: {} },
  { data: null, other: { title: 'Other' } },
  {
    data: { title: 'Data', roles: ['data'], bands: [{ name: 'b1' }, { name: 'b2', unit: 'm' }], none: null, deep: {} },
  },
  { data: { title: 'Another', roles: ['data', 'visual'], bands: [], deep: { a: null, b: [null, { c: null }] } } },
  { data: 'text', other: [], list: [1, 3, { a: 1, b: 2 }] },
  { list: [1, 2, { a: 1, b: null }], more: { 'file:size': 1e21, ratio: 0.1, text: 'größe 日本 "quoted"' } },
];
const oddItems = oddAssets.map((assets, index) => ({
  ...{ ...place, id: `odd-${index}`, collection: 'odd', stac_version: index === 2 ? '1.0.0' : '1.1.0', links: [] },
  ...{ properties: { ...times, empty: null, nested: { a: null, b: 1 } }, assets },
})) as unknown as StacItem[];

for (const [name, collection, items] of [
  ['a hundred real items', naip, naipItems],
  ['items that differ from their base item in every way', odd, oddItems],
] as const) {
  test(`${name} are stored as pgSTAC stores them, and read as it reads them`, async () => {
    assert.ok(collection);
    const catalogue = await openCatalogue({ pool, log: silentLog, flavour: 'pgstac' });
    await catalogue.ensureCollection(collection);
    const own = items.map((item) => ({ ...item, collection: collection.id }));
    const { rows } = await pool.query<{ base: JsonObject; slim: JsonObject }>(
      `SELECT c.base_item AS base, content_slim(item) AS slim FROM collections c, jsonb_array_elements($2::jsonb) item
       WHERE c.id = $1`,
      [collection.id, JSON.stringify(own)],
    );
    assert.equal(rows.length, own.length);
    for (const [index, item] of own.entries()) {
      assert.deepEqual(slimItem(item, rows[index]?.base ?? null).content, rows[index]?.slim, item.id);
    }
    await catalogue.upsertItems(collection.id, own);
    const stored = await pool.query<{ stored: JsonObject; base: JsonObject; full: JsonObject; fits: boolean }>(
      `SELECT content_nonhydrated(i) AS stored, c.base_item AS base, get_item(i.id, i.collection) AS full,
         (i.content, i.datetime, i.end_datetime, i.geometry, i.private)
           IS NOT DISTINCT FROM (d.content, d.datetime, d.end_datetime, d.geometry, d.private) AS fits
       FROM jsonb_array_elements($1::jsonb) item, LATERAL content_dehydrate(item) d
       JOIN items i ON i.id = d.id AND i.collection = d.collection JOIN collections c ON c.id = i.collection`,
      [JSON.stringify(own)],
    );
    assert.equal(stored.rows.length, own.length);
    for (const { stored: item, base, full, fits } of stored.rows) {
      assert.ok(fits, `the row of ${full.id} is the one that pgSTAC would have made`);
      assert.deepEqual(fullItem(item, base), full);
    }
  });
}
