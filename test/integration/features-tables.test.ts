import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Box, FeatureQuery } from '../../core/ports/feature-collections.ts';
import { openPostgisFeatures, type PostgisFeatures } from '../../infrastructure/postgis/feature-collections.ts';
import { rowsOf } from '../tools/features-client.ts';
import { createTestDatabase } from '../tools/postgres.ts';

/** Tables that are not like those of our own jobs. */
describe('features of other tables', () => {
  let database: Awaited<ReturnType<typeof createTestDatabase>>;
  let features: PostgisFeatures;
  const sql = (text: string) => rowsOf(database.url, text);

  before(async () => {
    database = await createTestDatabase();
    await sql('CREATE SCHEMA geo');
    features = openPostgisFeatures({
      database: { url: database.url },
      schemas: ['geo'],
      style: 'table',
      statementTimeoutMs: 10_000,
    });
  });
  after(async () => {
    await features?.close();
    await database?.drop();
  });

  const ids = async (id: string, query: Partial<FeatureQuery> = {}) => {
    const { features: texts } = await features.page(id, { limit: 10_000, ...query });
    return texts.map((text) => (JSON.parse(text) as { id?: number }).id);
  };
  const extent = async (id: string) => (await features.describe(id)).extent.box;
  const covers = (box: Box | null, [west, south, east, north]: Box, slack = 1e-3) =>
    box !== null &&
    [west - box[0], south - box[1], box[2] - east, box[3] - north].every((one) => one > -1e-9 && one <= slack);

  test('a partitioned table is one collection; its partitions are none', async () => {
    await sql(`CREATE TABLE geo.parted (id integer, part integer, geom geometry(Point, 4326), PRIMARY KEY (part, id)) PARTITION BY LIST (part);
      CREATE TABLE geo.parted_1 PARTITION OF geo.parted FOR VALUES IN (1);
      CREATE TABLE geo.parted_2 PARTITION OF geo.parted FOR VALUES IN (2);
      INSERT INTO geo.parted SELECT n, 1 + n % 2, ST_SetSRID(ST_MakePoint(n, n), 4326) FROM generate_series(1, 50) AS n`);
    assert.deepEqual(
      (await features.list()).map(({ id }) => id),
      ['parted'],
    );
    assert.deepEqual((await features.describe('parted')).idColumns, ['part', 'id']);
    assert.ok(covers(await extent('parted'), [1, 1, 50, 50]));
    const found: unknown[] = [];
    let next: readonly string[] | null | undefined;
    while (next !== null) {
      const page = await features.page('parted', { limit: 7, ...(next && { after: next }) });
      found.push(...page.features);
      next = page.next;
    }
    assert.equal(new Set(found).size, 50);
  });

  test('extents: empty, all null, a partial index, odd names, a materialised view, dropped columns', async () => {
    await sql(`CREATE TABLE geo.empty (id integer PRIMARY KEY, seen date, geom geometry(Point, 4326));
      CREATE INDEX ON geo.empty USING gist (geom);
      CREATE TABLE geo.nulls (id integer PRIMARY KEY, geom geometry(Point, 4326)); INSERT INTO geo.nulls VALUES (1, NULL);
      CREATE TABLE geo.partial (id integer PRIMARY KEY, geom geometry(Point, 4326));
      INSERT INTO geo.partial SELECT n, ST_SetSRID(ST_MakePoint(n, 0), 4326) FROM generate_series(1, 20) AS n;
      CREATE INDEX ON geo.partial USING gist (geom) WHERE id < 5;
      CREATE TABLE geo."Ä 'q' ""d""" (gone text, id integer PRIMARY KEY, also_gone text, "Géo ""m""" geometry(Point, 4326));
      ALTER TABLE geo."Ä 'q' ""d""" DROP COLUMN gone; ALTER TABLE geo."Ä 'q' ""d""" DROP COLUMN also_gone;
      INSERT INTO geo."Ä 'q' ""d""" VALUES (1, 'SRID=4326;POINT(3 4)'); CREATE INDEX ON geo."Ä 'q' ""d""" USING gist ("Géo ""m""");
      CREATE MATERIALIZED VIEW geo.mat AS SELECT id, geom FROM geo.partial; CREATE UNIQUE INDEX ON geo.mat (id)`);
    assert.deepEqual((await features.describe('empty')).extent, { box: null, interval: null });
    assert.equal(await extent('nulls'), null);
    assert.ok(covers(await extent('partial'), [1, 0, 20, 0]));
    assert.ok(covers(await extent(`Ä 'q' "d"`), [3, 4, 3, 4]));
    assert.deepEqual(await ids(`Ä 'q' "d"`), [1]);
    assert.ok(covers(await extent('mat'), [1, 0, 20, 0]));
    // A unique index is no promise that there are no nulls, and a view's columns are never NOT NULL.
    assert.deepEqual((await features.describe('mat')).idColumns, []);
    assert.equal((await features.page('mat', { limit: 7 })).features.length, 7);
  });

  test('polar, Web Mercator and Pacific systems: extents cover, boxes find what the transformed points say', async () => {
    for (const [srid, where] of [
      [3031, 'lat < -60'],
      [3857, 'lat BETWEEN -80 AND 80'],
      [3832, 'lat BETWEEN -60 AND 60 AND abs(lon) > 100'],
      [2193, 'lon > 166 AND lat BETWEEN -47 AND -35'],
    ] as const) {
      const id = `in_${srid}`;
      await sql(`CREATE TABLE geo.${id} (id integer PRIMARY KEY, geom geometry(Point, ${srid}) NOT NULL);
        INSERT INTO geo.${id} SELECT row_number() OVER (), ST_Transform(ST_SetSRID(ST_MakePoint(lon, lat), 4326), ${srid})
          FROM generate_series(-178, 178, 4) AS lon, generate_series(-88, 88, 4) AS lat WHERE ${where};
        CREATE INDEX ON geo.${id} USING gist (geom); ANALYZE geo.${id}`);
      const box = await extent(id);
      const [exact] = await sql(`SELECT ST_XMin(b) AS w, ST_YMin(b) AS s, ST_XMax(b) AS e, ST_YMax(b) AS n
        FROM (SELECT ST_Extent(ST_Transform(geom, 4326)) AS b FROM geo.${id}) AS x`);
      const data: Box = [Number(exact?.w), Number(exact?.s), Number(exact?.e), Number(exact?.n)];
      assert.ok(box === null || covers(box, data, 360), `${srid}: ${box} ${data}`);
      const boxes: Box[] = [
        [-180, -90, 180, 90],
        [-180, -90, 180, -60],
        [170, -50, 180, -30],
        [-30.5, -20, 40, 89.9],
        [175.9, -46.1, 178.1, -37.9],
        [-170, -85, -100, -60],
      ];
      for (const asked of boxes) {
        const rows = await sql(`SELECT id FROM geo.${id}
          WHERE ST_Intersects(ST_Transform(geom, 4326), ST_MakeEnvelope(${asked.join(', ')}, 4326)) ORDER BY id`);
        assert.deepEqual(
          await ids(id, { boxes: [asked] }),
          rows.map((row) => row.id),
          `${srid}: ${asked}`,
        );
      }
    }
    assert.ok(covers(await extent('in_3857'), [-178, -80, 178, 80], 10));
  });

  test('a matview or table with a broken row answers with an error of its own, and the list goes on', async () => {
    await sql(`CREATE VIEW geo.broken AS SELECT 1 / (id - id) AS id, geom FROM geo.partial`);
    await assert.rejects(features.page('broken', { limit: 10 }));
    assert.ok((await features.list()).some(({ id }) => id === 'broken'));
    await sql('DROP VIEW geo.broken');
  });
});
