import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import pg from 'pg';
import type { JsonObject, JsonValue } from '../../core/json.ts';
import type { FeatureQuery } from '../../core/ports/feature-collections.ts';
import {
  openPostgisFeatures,
  type PostgisFeatures,
  type PostgisFeaturesOptions,
} from '../../infrastructure/postgis/feature-collections.ts';
import { makeFeatureTables } from '../tools/feature-tables.ts';

/** With its schema, because the table's name has a dot. */
const oddTable = `geo.it's "odd"; DROP TABLE geo.places --`;

export interface FeatureDatabase {
  /** With PostGIS. */
  readonly url: string;
  close(): Promise<void>;
}

/** What every database behind the features API must do. */
export function featureCollectionsContract(name: string, start: () => Promise<FeatureDatabase>): void {
  describe(`features on ${name}`, () => {
    let database: FeatureDatabase;
    let features: PostgisFeatures;
    const open = (options: Partial<PostgisFeaturesOptions> = {}) =>
      openPostgisFeatures({
        database: { url: database.url },
        schemas: ['geo', 'h3'],
        style: 'table',
        statementTimeoutMs: 10_000,
        ...options,
      });
    before(async () => {
      database = await start();
      await makeFeatureTables(database.url);
      features = open();
    });
    after(async () => {
      await features?.close();
      await database?.close();
    });

    const sql = async (text: string) => {
      const client = new pg.Client({ connectionString: database.url });
      await client.connect();
      try {
        return (await client.query(text)).rows as Record<string, unknown>[];
      } finally {
        await client.end();
      }
    };
    const parsed = (texts: readonly string[]) => texts.map((text) => JSON.parse(text) as Feature);
    const page = async (id: string, query: Partial<FeatureQuery> = {}) => {
      const { features: texts, next } = await features.page(id, { limit: 1000, ...query });
      return { features: parsed(texts), next };
    };
    const ids = async (id: string, query: Partial<FeatureQuery> = {}) =>
      (await page(id, query)).features.map((feature) => feature.id);
    const all = async (id: string, limit: number, query: Partial<FeatureQuery> = {}) => {
      const found: Feature[] = [];
      let pages = 0;
      for (let next: readonly string[] | null | undefined; next !== null; pages += 1) {
        const one: Awaited<ReturnType<typeof page>> = await page(id, { ...query, limit, ...(next && { after: next }) });
        found.push(...one.features);
        next = one.next;
      }
      return { found, pages };
    };

    test('lists tables and views that have a declared SRID and something to page by, by id', async () => {
      const found = (await features.list()).map(({ id }) => id).sort();
      const expected = ['places', 'fields', 'nokey', 'odd', 'some_places', oddTable, 'grids', 'h3.grids'];
      assert.deepEqual(found, expected.sort());
      const qualified = open({ style: 'schema.table' });
      try {
        const names = (await qualified.list()).map(({ id }) => id);
        assert.ok(names.includes('geo.places') && names.includes('h3.grids') && !names.includes('places'));
        assert.equal((await qualified.describe('geo.places')).id, 'geo.places');
        await assert.rejects(qualified.describe('places'), { code: 'COLLECTION_NOT_FOUND' });
      } finally {
        await qualified.close();
      }
    });

    test('a name in two schemas is the first one’s; schema.table is always understood', async () => {
      assert.equal((await features.describe('grids')).schema, 'geo');
      assert.equal((await features.describe('h3.grids')).schema, 'h3');
      assert.equal((await features.describe('geo.places')).id, 'places');
      const turned = open({ schemas: ['h3', 'geo'] });
      try {
        assert.equal((await turned.describe('grids')).schema, 'h3');
        assert.equal((await turned.describe('geo.grids')).id, 'geo.grids');
      } finally {
        await turned.close();
      }
    });

    test('describes columns, key, SRID, time and extent', async () => {
      const places = await features.describe('places');
      assert.deepEqual(places.columns.slice(0, 3), [
        { name: 'id', type: 'bigint' },
        { name: 'name', type: 'text' },
        { name: 'size', type: 'integer' },
      ]);
      assert.ok(!places.columns.some(({ name: column }) => column === 'geom'));
      assert.deepEqual(
        [places.description, places.geometryType, places.srid, places.idColumns, places.timeColumn],
        ['Some places', 'Point', 4326, ['id'], 'seen'],
      );
      const [west = 0, south = 0, east = 0, north = 0] = places.extent.box ?? [];
      assert.ok(
        west <= 0 &&
          west > -0.1 &&
          south <= 0 &&
          south > -0.1 &&
          east >= 24 &&
          east < 24.1 &&
          north >= 9 &&
          north < 9.1,
      );
      assert.deepEqual(places.extent.interval, ['2024-01-01T00:00:00Z', '2024-01-11T09:00:00Z']);
      const fields = await features.describe('fields');
      assert.deepEqual(fields.extent.interval, ['2020-01-01T00:00:00Z', '2020-01-20T00:00:00Z']);
      assert.deepEqual((await features.describe('h3.grids')).idColumns, ['grid_id', 'h3_index']);
      assert.deepEqual((await features.describe('nokey')).idColumns, []);
      const view = await features.describe('some_places');
      assert.deepEqual([view.idColumns, view.extent], [['id'], { box: null, interval: null }]);
    });

    test('an extent in another system covers its features in lon/lat, and hardly more', async () => {
      const [west = 0, south = 0, east = 0, north = 0] = (await features.describe('fields')).extent.box ?? [];
      const [exact] = await sql(`SELECT ST_XMin(b) AS w, ST_YMin(b) AS s, ST_XMax(b) AS e, ST_YMax(b) AS n
        FROM (SELECT ST_Extent(ST_Transform(geom, 4326)) AS b FROM geo.fields) AS x`);
      const slack = [
        Number(exact?.w) - west,
        Number(exact?.s) - south,
        east - Number(exact?.e),
        north - Number(exact?.n),
      ];
      assert.ok(
        slack.every((one) => one > -1e-9 && one < 0.001),
        String(slack),
      );
    });

    test('every feature comes once whatever the page size, in the order of the key', async () => {
      for (const [limit, pages] of [
        [1, 250],
        [7, 36],
        [125, 2],
        [249, 2],
        [250, 1],
        [10_000, 1],
      ] as const) {
        const read = await all('places', limit);
        assert.equal(read.pages, pages, `limit ${limit}`);
        assert.deepEqual(
          read.found.map(({ id }) => id),
          Array.from({ length: 250 }, (_, n) => n + 1),
        );
      }
    });

    test('a key of two columns pages and names features; its parts are escaped', async () => {
      const { found } = await all('h3.grids', 3);
      assert.equal(found.length, 40);
      assert.equal(new Set(found.map(({ id }) => id)).size, 40);
      assert.deepEqual(
        found.slice(0, 2).map(({ id }) => id),
        ['a%2Eb%251.599405640254390000', 'a%2Eb%251.599405640254390001'],
      );
      for (const { id } of found.slice(0, 4)) {
        assert.equal((JSON.parse(await features.feature('h3.grids', String(id))) as Feature).id, id);
      }
      for (const id of ['land_res4', 'land_res4.', '1.2.3', 'land_res4.x', '']) {
        await assert.rejects(features.feature('h3.grids', id), { code: 'FEATURE_NOT_FOUND' }, id);
      }
    });

    test('a table without a key is paged by position and has no ids', async () => {
      const { found } = await all('nokey', 4);
      assert.deepEqual(
        found.map(({ properties }) => properties.label),
        Array.from({ length: 25 }, (_, n) => `row ${n + 1}`),
      );
      assert.ok(found.every((feature) => !('id' in feature)));
      await assert.rejects(features.feature('nokey', '(0,1)'), { code: 'FEATURE_NOT_FOUND' });
    });

    test('values are those of the table: 64 bits, decimals, JSON, quotes', async () => {
      const text = await features.feature('places', '4');
      assert.match(text, /"big":9223372036854775003,/);
      assert.match(text, /"price":3\.0001,/);
      const { geometry, properties } = JSON.parse(text) as Feature;
      assert.deepEqual(geometry, { type: 'Point', coordinates: [3, 0] });
      assert.deepEqual(
        [properties.name, properties.share, properties.open, properties.tags, properties.note, properties.seen],
        ['Ort 3', 1, false, { n: 3 }, 'ß"\\3', '2024-01-01T03:00:00+00:00'],
      );
    });

    test('geometries that are null, empty, curved or in another system are valid GeoJSON in lon/lat', async () => {
      const odd = (await page('odd')).features.map(({ geometry }) => geometry);
      assert.deepEqual(odd.slice(0, 3), [
        null,
        { type: 'Point', coordinates: [] },
        { type: 'Point', coordinates: [1, 1, 5] },
      ]);
      assert.equal(odd[4]?.type, 'LineString');
      const [field] = (await page('fields', { limit: 1 })).features;
      const [lon = 0, lat = 0] =
        JSON.stringify(field?.geometry)
          .match(/[\d.]+/g)
          ?.map(Number) ?? [];
      assert.ok(Math.abs(lon - 9) < 0.01 && Math.abs(lat - 49.65) < 0.01);
    });

    test('bbox: only what meets it, over the antimeridian, in other systems, with what has no geometry', async () => {
      assert.deepEqual(await ids('places', { boxes: [[2.5, -1, 4.5, 0.5]] }), [4, 5]);
      assert.deepEqual(await ids('places', { boxes: [[4, 0, 4, 0]] }), [5]);
      assert.deepEqual(await ids('places', { boxes: [[4, 0, 6, 0]] }), [5, 6, 7]);
      assert.deepEqual(await ids('places', { boxes: [[30, 0, 40, 1]] }), []);
      const across = await page('h3.grids', {
        boxes: [
          [178.5, -1, 180, 1],
          [-180, -1, -178.5, 1],
        ],
      });
      assert.equal(across.features.length, 6);
      assert.deepEqual(await ids('fields', { boxes: [[9.0001, 49.6, 9.02, 49.7]] }), [0, 1]);
      assert.deepEqual(
        await ids('fields', { boxes: [[-180, -90, 180, 90]] }),
        Array.from({ length: 20 }, (_, n) => n),
      );
      assert.deepEqual(await ids('odd', { boxes: [[0.5, 0.5, 1.5, 1.5]] }), [1, 3, 4, 5]);
      assert.deepEqual(await ids('odd', { boxes: [[0.9, 0.9, 1.1, 1.1]], heights: [0, 10] }), [1, 3, 5]);
      assert.deepEqual(await ids('places', { boxes: [[4, 0, 4, 0]], heights: [100, 200] }), [5]);
    });

    test('bbox in another system finds exactly what the transformed geometries say', async () => {
      const boxes = [
        [8.9, 49.6, 9.1, 49.7],
        [9.05, 49.648, 9.06, 49.65],
        [-60, -80, 60, 80],
        [9, 40, 9.0124, 60],
        [100, 0, 120, 10],
      ] as const;
      for (const box of boxes) {
        const rows = await sql(`SELECT id FROM geo.fields
          WHERE ST_Intersects(ST_Transform(geom, 4326), ST_MakeEnvelope(${box.join(',')}, 4326)) ORDER BY id`);
        assert.deepEqual(
          await ids('fields', { boxes: [box] }),
          rows.map(({ id }) => id),
          String(box),
        );
      }
    });

    test('time: instants, intervals, open ends, dates; rows without one belong to every interval', async () => {
      const count = async (id: string, start: string | null, end: string | null, endExclusive = false) =>
        (await ids(id, { time: { start, end, endExclusive } })).length;
      assert.equal(await count('places', '2024-01-01T05:00:00Z', '2024-01-01T05:00:00Z'), 1);
      assert.equal(await count('places', '2024-01-01T05:00:00+01:00', '2024-01-01T07:00:00+01:00'), 3);
      assert.equal(await count('places', null, '2024-01-02T00:00:00Z', true), 24);
      assert.equal(await count('places', '2024-01-11T00:00:00Z', null), 10);
      assert.equal(await count('fields', '2020-01-03T00:00:00Z', '2020-01-05T12:00:00Z'), 3);
      assert.equal(await count('nokey', '1900-01-01T00:00:00Z', '1900-01-01T00:00:00Z'), 25);
      await sql('UPDATE geo.fields SET harvested = NULL WHERE id = 0');
      assert.deepEqual(
        await ids('fields', { time: { start: '2020-01-05T00:00:00Z', end: '2020-01-05T00:00:00Z' } }),
        [0, 4],
      );
    });

    test('properties: by the column’s type, together with paging', async () => {
      const by = (properties: Record<string, string>) => ids('places', { properties });
      assert.deepEqual(await by({ name: 'Ort 7' }), [8]);
      assert.deepEqual(await by({ size: '7' }), [8]);
      assert.deepEqual(await by({ big: '9223372036854775007' }), [8]);
      assert.deepEqual(await by({ price: '7.00010' }), [8]);
      assert.deepEqual(await by({ code: '00000000-0000-4000-8000-000000000007' }), [8]);
      assert.deepEqual(await by({ seen: '2024-01-01T08:00:00+01:00' }), [8]);
      assert.deepEqual(await by({ note: 'ß"\\2', open: 'true', size: '12' }), [13]);
      assert.deepEqual(await by({ name: "Ort 7' OR '1'='1" }), []);
      const even = await all('places', 10, { properties: { open: 'true' } });
      assert.deepEqual([even.found.length, even.pages], [125, 13]);
      assert.deepEqual(await ids(oddTable, { properties: { "a'b": 'x', select: '1' } }), ['a/b']);
    });

    test('what is no column, no value of it, or cannot be asked for is an error; all of them in one answer', async () => {
      const wrong = {
        nothing: '1',
        size: '1; DROP TABLE geo.places',
        tags: '{}',
        geom: 'x',
        big: '9223372036854775808',
        share: '1e400',
        open: 'yes',
      };
      await assert.rejects(
        page('places', { properties: wrong }),
        (error: { code: string; details: { path: string }[] }) => {
          assert.equal(error.code, 'INVALID_PARAMETERS');
          assert.deepEqual(error.details.map(({ path }) => path).sort(), Object.keys(wrong).sort());
          return true;
        },
      );
      for (const properties of [
        { name: 'a\0b' },
        { __proto__x: '1' },
        { ctid: '(0,1)' },
        { 'name" = name OR "name': 'x' },
      ]) {
        await assert.rejects(
          page('places', { properties }),
          { code: 'INVALID_PARAMETERS' },
          JSON.stringify(properties),
        );
      }
    });

    test('cursors that are not this collection’s are errors', async () => {
      for (const after of [[], ['x'], ['1', '2'], ["1'; DROP TABLE geo.places"], ['9223372036854775808'], ['']]) {
        await assert.rejects(page('places', { after }), { code: 'INVALID_PARAMETERS' }, JSON.stringify(after));
      }
      await assert.rejects(page('nokey', { after: ['(99999999999,1)'] }), { code: 'INVALID_PARAMETERS' });
      assert.deepEqual(await ids('places', { after: ['9223372036854775807'] }), []);
    });

    test('ids of collections are names and nothing else', async () => {
      const hostile = [
        '',
        '.',
        'geo.',
        '.places',
        'places"',
        "places'--",
        'geo.places; DROP TABLE geo.places',
        '../geo.places',
        'private.secret',
        'pg_catalog.pg_class',
        'geo.plain',
        'unplaced',
        'unkeyed_view',
        'a\0b',
        'PLACES',
        'x'.repeat(10_000),
      ];
      for (const id of hostile) {
        await assert.rejects(features.describe(id), { code: 'COLLECTION_NOT_FOUND' }, id.slice(0, 50));
        await assert.rejects(page(id), { code: 'COLLECTION_NOT_FOUND' }, id.slice(0, 50));
      }
      assert.deepEqual(await ids(oddTable), ['a/b', `ü '"`]);
      assert.equal((JSON.parse(await features.feature(oddTable, 'a/b')) as Feature).properties.select, 1);
      await assert.rejects(features.feature(oddTable, "a/b' OR true --"), { code: 'FEATURE_NOT_FOUND' });
      assert.equal((await sql('SELECT count(*)::int AS n FROM geo.places'))[0]?.n, 250);
    });

    test('a table that is dropped between two pages is not found; one that is replaced goes on', async () => {
      await sql(`CREATE TABLE geo.brief AS SELECT * FROM geo.places; ALTER TABLE geo.brief ADD PRIMARY KEY (id)`);
      const first = await page('brief', { limit: 10 });
      await sql(`DROP TABLE geo.brief; CREATE TABLE geo.brief (id bigint PRIMARY KEY, other text, geom geometry(Point, 4326));
        INSERT INTO geo.brief VALUES (5, 'a', NULL), (11, 'b', NULL)`);
      assert.deepEqual(await ids('brief', { after: first.next ?? [] }), [11]);
      await sql('DROP TABLE geo.brief');
      await assert.rejects(page('brief', { after: first.next ?? [] }), { code: 'COLLECTION_NOT_FOUND' });
    });

    test('a page of large features ends early and goes on', async () => {
      await sql(`CREATE TABLE geo.heavy (id integer PRIMARY KEY, text text, geom geometry(Point, 4326));
        INSERT INTO geo.heavy SELECT n, repeat('x', 3000000), NULL FROM generate_series(1, 20) AS n`);
      const one = await features.page('heavy', { limit: 100 });
      assert.equal(one.features.length, 6);
      const { found, pages } = await all('heavy', 100);
      assert.deepEqual([found.map(({ id }) => id), pages], [Array.from({ length: 20 }, (_, n) => n + 1), 4]);
      await sql('DROP TABLE geo.heavy');
    });

    test('nothing can be written, not even by a view', async () => {
      await sql(`CREATE FUNCTION geo.mischief() RETURNS integer LANGUAGE plpgsql AS 'BEGIN DELETE FROM geo.nokey; RETURN 1; END';
        CREATE VIEW geo.trap AS SELECT geo.mischief() AS id, geom FROM geo.odd`);
      await assert.rejects(page('trap'));
      await sql('DROP VIEW geo.trap');
      assert.equal((await sql('SELECT count(*)::int AS n FROM geo.nokey'))[0]?.n, 25);
    });
  });
}

interface Feature extends JsonObject {
  readonly id: string | number;
  readonly geometry: { readonly type: string; readonly coordinates: JsonValue } | null;
  readonly properties: JsonObject;
}
