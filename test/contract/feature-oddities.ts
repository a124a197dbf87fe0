import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import pg from 'pg';
import type { JsonObject, JsonValue } from '../../core/json.ts';
import type { FeatureQuery } from '../../core/ports/feature-collections.ts';
import { openPostgisFeatures, type PostgisFeatures } from '../../infrastructure/postgis/feature-collections.ts';
import type { FeatureDatabase } from './feature-collections.ts';

interface Feature extends JsonObject {
  readonly id: string | number;
  readonly geometry: { readonly type: string; readonly coordinates: JsonValue } | null;
  readonly properties: JsonObject;
}

const tables = [
  'CREATE SCHEMA geo',
  'CREATE TABLE geo.unmeasured (id integer PRIMARY KEY, geom geometry(PointZ, 4326))',
  `INSERT INTO geo.unmeasured VALUES (1, ST_SetSRID(ST_MakePoint(1, 2, 'NaN'), 4326)), (2, ST_SetSRID(ST_MakePoint('NaN', 2, 3), 4326)),
    (3, ST_SetSRID(ST_MakePoint(1, 2, '-Infinity'), 4326)), (4, 'SRID=4326;POINT Z (1 2 3)')`,
  'CREATE TABLE geo.lost (id integer PRIMARY KEY, geom geometry(Point, 32633))',
  `INSERT INTO geo.lost VALUES (1, 'SRID=32633;POINT(500000 5000000)'), (2, 'SRID=32633;POINT(-1.7e308 -1.7e308)'),
    (3, 'SRID=32633;POINT(1e30 0)'), (4, NULL)`,
  'CREATE TABLE geo.turned (id integer PRIMARY KEY, geom geometry(Polygon, 4326))',
  "INSERT INTO geo.turned VALUES (1, 'SRID=4326;POLYGON((0 0, 0 1, 1 1, 1 0, 0 0))')",
  'CREATE TABLE geo.solid (id integer PRIMARY KEY, geom geometry(PolyhedralSurfaceZ, 4326))',
  "INSERT INTO geo.solid VALUES (1, 'SRID=4326;POLYHEDRALSURFACE Z (((0 0 0, 0 0 1, 0 1 0, 0 0 0)))')",
  `CREATE TABLE geo.parameters (
    id integer PRIMARY KEY, "limit" integer, bbox text, datetime text, f text, code text, cursor text, geom geometry(Point, 4326)
  )`,
  "INSERT INTO geo.parameters VALUES (1, 7, 'a', 'b', 'c', 'd', 'e', 'SRID=4326;POINT(1 2)')",
  `CREATE TABLE geo.endless (id integer PRIMARY KEY, seen timestamptz, share float8, geom geometry(Point, 4326))`,
  `INSERT INTO geo.endless VALUES (1, 'infinity', 'NaN', 'SRID=4326;POINT(1 2)'), (2, '-infinity', 'Infinity', NULL),
    (3, '0044-03-15 BC', 1e308, NULL), (4, '2024-01-01', 0, NULL)`,
  'CREATE TABLE geo.codes (code uuid PRIMARY KEY, geom geometry(Point, 4326))',
  `INSERT INTO geo.codes SELECT ('00000000-0000-4000-8000-' || lpad(n::text, 12, '0'))::uuid, NULL FROM generate_series(1, 5) AS n`,
  'CREATE TABLE geo.names (name text COLLATE "C" PRIMARY KEY, geom geometry(Point, 4326))',
  `INSERT INTO geo.names SELECT name, NULL FROM unnest(ARRAY['a', 'B', 'ä', 'a.b', '%2E', '', ' ', '''', '"', 'Ω']) AS name`,
];

/** Values, names and geometries that jobs of ours do not make, but tables of others have. */
export function featureOdditiesContract(name: string, start: () => Promise<FeatureDatabase>): void {
  describe(`odd features on ${name}`, () => {
    let database: FeatureDatabase;
    let features: PostgisFeatures;
    before(async () => {
      database = await start();
      const client = new pg.Client({ connectionString: database.url });
      await client.connect();
      for (const statement of tables) await client.query(statement);
      await client.end();
      const options = { schemas: ['geo'], style: 'table', statementTimeoutMs: 10_000 } as const;
      features = openPostgisFeatures({ database: { url: database.url }, ...options });
    });
    after(async () => {
      await features?.close();
      await database?.close();
    });

    const page = async (id: string, query: Partial<FeatureQuery> = {}) =>
      (await features.page(id, { limit: 100, ...query })).features.map((text) => JSON.parse(text) as Feature);
    const ids = async (id: string, query: Partial<FeatureQuery> = {}) => (await page(id, query)).map((one) => one.id);
    const coordinates = async (id: string) => (await page(id)).map(({ geometry }) => geometry?.coordinates ?? null);

    test('numbers that GeoJSON has not: no height, or no geometry', async () => {
      assert.deepEqual(await coordinates('unmeasured'), [[1, 2], null, [1, 2], [1, 2, 3]]);
    });

    test('coordinates that are none in their system: no geometry; the others are found', async () => {
      const [first, ...others] = await coordinates('lost');
      assert.ok(Array.isArray(first) && Math.abs(Number(first[1]) - 45.153) < 0.01);
      assert.deepEqual(others, [null, null, null]);
      assert.deepEqual(await ids('lost', { boxes: [[-180, -90, 180, 90]] }), [1, 4]);
      assert.deepEqual(await ids('lost', { boxes: [[14.9, 45.1, 15.1, 45.2]] }), [1, 4]);
    });

    test('outer rings are counterclockwise', async () => {
      const ring = [
        [0, 0],
        [1, 0],
        [1, 1],
        [0, 1],
        [0, 0],
      ];
      assert.deepEqual(await coordinates('turned'), [[ring]]);
    });

    test('a geometry that cannot be shown is an error of its own', async () => {
      await assert.rejects(features.page('solid', { limit: 10 }), { code: 'FEATURE_UNREADABLE' });
      await assert.rejects(features.feature('solid', '1'), { code: 'FEATURE_UNREADABLE' });
      assert.ok((await features.list()).some(({ id }) => id === 'solid'));
    });

    test('columns that are called like parameters are properties', async () => {
      const [one] = await page('parameters', { properties: { limit: '7' } });
      assert.deepEqual(one?.properties, { id: 1, limit: 7, bbox: 'a', datetime: 'b', f: 'c', code: 'd', cursor: 'e' });
    });

    test('infinite times and numbers are texts, and in their place in time', async () => {
      const properties = (await page('endless')).map(({ properties: { seen, share } }) => [seen, share]);
      assert.deepEqual(properties.slice(0, 2), [
        ['infinity', 'NaN'],
        ['-infinity', 'Infinity'],
      ]);
      assert.deepEqual(await ids('endless', { time: { start: '2024-01-01T00:00:00Z', end: null } }), [1, 4]);
      assert.deepEqual(await ids('endless', { time: { start: null, end: '2000-01-01T00:00:00Z' } }), [2, 3]);
      assert.deepEqual((await features.describe('endless')).extent.interval, [null, null]);
    });

    test('ids of UUIDs and texts: each feature by its own, pages in their order', async () => {
      for (const id of ['codes', 'names']) {
        const all = await ids(id);
        for (const one of all) {
          const found = JSON.parse(await features.feature(id, String(one))) as Feature;
          assert.equal(found.id, one);
        }
        const paged: string[] = [];
        for (let next: readonly string[] | null | undefined; next !== null; ) {
          const some = await features.page(id, { limit: 3, ...(next && { after: next }) });
          paged.push(...some.features.map((text) => String((JSON.parse(text) as Feature).id)));
          next = some.next;
        }
        assert.deepEqual(paged, all);
        assert.equal(new Set(all).size, id === 'codes' ? 5 : 10);
      }
      for (const wrong of ['1', 'x', `00000000-0000-4000-8000-000000000001'`, '']) {
        await assert.rejects(features.feature('codes', wrong), { code: 'FEATURE_NOT_FOUND' }, wrong);
      }
      await assert.rejects(features.feature('names', 'a\0'), { code: 'FEATURE_NOT_FOUND' });
    });
  });
}
