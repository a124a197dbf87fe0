import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import pg from 'pg';
import type { Box, FeatureQuery } from '../../core/ports/feature-collections.ts';
import { openPostgisFeatures } from '../../infrastructure/postgis/feature-collections.ts';
import { pageStatement } from '../../infrastructure/postgis/statements.ts';
import { findTable } from '../../infrastructure/postgis/tables.ts';
import { windowsOf } from '../../infrastructure/postgis/windows.ts';
import type { Query } from '../../infrastructure/postgres/database.ts';
import { createTestDatabase } from '../tools/postgres.ts';

const rows = 500_000;

interface Plan {
  readonly 'Node Type': string;
  readonly 'Index Name'?: string;
  readonly 'Index Cond'?: string;
  readonly 'Actual Rows': number;
  readonly 'Shared Hit Blocks': number;
  readonly 'Shared Read Blocks': number;
  readonly Plans?: readonly Plan[];
}

describe(`plans of pages of tables with ${rows} rows`, () => {
  let database: Awaited<ReturnType<typeof createTestDatabase>>;
  let client: pg.Client;
  const run: Query = async (text, values = []) => (await client.query(text, [...values])).rows;

  before(async () => {
    database = await createTestDatabase();
    client = new pg.Client({ connectionString: database.url });
    await client.connect();
    // Twice the same points: in lon/lat with one key column, in UTM with two.
    await client.query(`
      CREATE SCHEMA geo;
      CREATE TABLE geo.big (id bigint PRIMARY KEY, name text, geom geometry(Point, 4326) NOT NULL, seen timestamptz, class integer);
      INSERT INTO geo.big SELECT n, 'row ' || n, ST_SetSRID(ST_MakePoint(6 + n % 1000 * 0.006, 45 + n / 1000 * 0.01), 4326),
          '2024-01-01T00:00:00Z'::timestamptz + n * interval '1 minute', n * 79 % 5000
        FROM generate_series(1, ${rows}) AS n;
      CREATE TABLE geo.cells (cell bigint NOT NULL, grid text NOT NULL, geom geometry(Point, 32632) NOT NULL, UNIQUE (cell, grid));
      INSERT INTO geo.cells SELECT id / 2, 'grid ' || id % 2, ST_Transform(geom, 32632) FROM geo.big;
      CREATE INDEX big_seen ON geo.big (seen);
      CREATE INDEX big_class ON geo.big (class);
      CREATE INDEX big_geom ON geo.big USING gist (geom);
      CREATE INDEX cells_geom ON geo.cells USING gist (geom)`);
    await client.query('VACUUM ANALYZE geo.big');
    await client.query('VACUUM ANALYZE geo.cells');
  });
  after(async () => {
    await client?.end();
    await database?.drop();
  });

  const plan = async (id: string, query: FeatureQuery) => {
    const table = await findTable(run, { schemas: ['geo'], style: 'table' }, id);
    assert.ok(table);
    const windows = await windowsOf(run, query.boxes ?? [], table.geometry.srid);
    const { text, values } = pageStatement(table, query, windows);
    const [row] = await run<{ 'QUERY PLAN': readonly { Plan: Plan }[] }>(
      `EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) ${text}`,
      values,
    );
    const top = row?.['QUERY PLAN'][0]?.Plan;
    assert.ok(top);
    return {
      nodes: nodesOf(top),
      blocks: top['Shared Hit Blocks'] + top['Shared Read Blocks'],
      rows: top['Actual Rows'],
    };
  };

  test('page 1 and page 1000 read the key’s index from where the page begins, and no more rows than they show', async () => {
    for (const [id, index, after] of [
      ['big', 'big_pkey', [String(rows - 500)]],
      ['cells', 'cells_cell_grid_key', [String((rows - 500) / 2), 'grid 0']],
    ] as const) {
      for (const query of [{ limit: 500 }, { limit: 500, after: [...after] }]) {
        const { nodes, blocks } = await plan(id, query);
        const scans = nodes.filter(
          (node) => node['Node Type'].includes('Scan') && node['Node Type'] !== 'Subquery Scan',
        );
        const [scan] = scans.filter((node) => node['Index Name']);
        assert.equal(scan?.['Index Name'], index);
        assert.ok(!nodes.some((node) => /Seq Scan|Sort/.test(node['Node Type'])), JSON.stringify(nodes));
        assert.equal('after' in query, scan?.['Index Cond'] !== undefined);
        assert.ok((scan?.['Actual Rows'] ?? rows) <= 501);
        assert.ok(blocks < 600, `${id}: ${blocks} blocks`);
      }
    }
  });

  test('a bbox goes through the GiST index: lon/lat, UTM, two boxes', async () => {
    const small: Box = [8.001, 46.001, 8.02, 46.02];
    const other: Box = [10.001, 47.001, 10.02, 47.02];
    for (const [id, index] of [
      ['big', 'big_geom'],
      ['cells', 'cells_geom'],
    ] as const) {
      for (const boxes of [[small], [small, other]]) {
        const { nodes, blocks, rows: found } = await plan(id, { limit: 100, boxes });
        assert.ok(
          nodes.some((node) => node['Index Name'] === index),
          `${id}: ${JSON.stringify(nodes)}`,
        );
        assert.ok(!nodes.some((node) => node['Node Type'] === 'Seq Scan'));
        const meets = boxes.map(
          (box) => `ST_Intersects(ST_Transform(geom, 4326), ST_MakeEnvelope(${box.join(', ')}, 4326))`,
        );
        const [counted] = await run<{ n: number }>(
          `SELECT count(*)::int AS n FROM geo.${id} WHERE ${meets.join(' OR ')}`,
        );
        assert.ok(found >= 5 * boxes.length);
        assert.equal(found, counted?.n);
        assert.ok(blocks < 300, `${id}: ${blocks} blocks`);
      }
    }
  });

  test('where a geometry may be null the index is read for those as well: never the table', async () => {
    await client.query('ALTER TABLE geo.cells ALTER geom DROP NOT NULL');
    try {
      const { nodes } = await plan('cells', { limit: 100, boxes: [[8.001, 46.001, 8.02, 46.02]] });
      assert.ok(nodes.some((node) => node['Index Cond'] === '(geom IS NULL)'));
      assert.ok(!nodes.some((node) => node['Node Type'] === 'Seq Scan'));
    } finally {
      await client.query('ALTER TABLE geo.cells ALTER geom SET NOT NULL');
    }
  });

  test('a bbox over everything pages by the key', async () => {
    const { nodes, blocks } = await plan('big', { limit: 100, boxes: [[-180, -90, 180, 90]], after: ['250000'] });
    assert.ok(nodes.some((node) => node['Index Name'] === 'big_pkey'));
    assert.ok(blocks < 300, String(blocks));
  });

  test('a property and a time go through their indexes, alone, with a bbox, and on later pages', async () => {
    const time = { start: '2024-03-01T00:00:00Z', end: '2024-03-01T02:00:00Z' };
    const after = [String(rows / 4)];
    for (const [query, index, condition] of [
      [{ properties: { class: '4711' } }, 'big_class', 'class = 4711'],
      [{ properties: { class: '4711' }, after }, 'big_class', `class = 4711 AND id > ${after}`],
      [{ time }, 'big_seen', `seen BETWEEN '${time.start}' AND '${time.end}'`],
      [{ time, properties: { name: 'row 86500' } }, 'big_seen', `name = 'row 86500'`],
      [{ time, boxes: [[6, 45, 12, 50]] }, 'big_seen', `seen BETWEEN '${time.start}' AND '${time.end}'`],
      [{ properties: { class: '4711' }, boxes: [[6, 45, 12, 50]] }, 'big_class', 'class = 4711'],
    ] as const) {
      const { nodes, blocks, rows: found } = await plan('big', { limit: 200, ...query } as FeatureQuery);
      const scans = nodes.map((node) => node['Index Name'] ?? node['Node Type']);
      assert.ok(scans.includes(index), `${condition}: ${scans}`);
      assert.ok(!scans.includes('Seq Scan'), `${condition}: ${scans}`);
      assert.ok(blocks < 600, `${condition}: ${blocks} blocks`);
      const [counted] = await run<{ n: number }>(`SELECT count(*)::int AS n FROM geo.big WHERE ${condition}`);
      assert.deepEqual([found, found > 0], [counted?.n, true], condition);
    }
  });

  test('the extent of a large table comes from its index, exact or a little larger, in few blocks', async () => {
    const features = openPostgisFeatures({
      database: { url: database.url },
      schemas: ['geo'],
      style: 'table',
      statementTimeoutMs: 1000,
    });
    try {
      for (const id of ['big', 'cells']) {
        const [west = 0, south = 0, east = 0, north = 0] = (await features.describe(id)).extent.box ?? [];
        assert.ok(west <= 6 && west > 5.5 && east >= 11.994 && east < 12.5, `${id}: ${west} ${east}`);
        assert.ok(south <= 45 && south > 44.5 && north >= 50 && north < 50.5, `${id}: ${south} ${north}`);
      }
    } finally {
      await features.close();
    }
    const statement = 'SELECT ST_EstimatedExtent($1, $2, $3)';
    const [row] = await run<{ 'QUERY PLAN': readonly { Plan: Plan }[] }>(
      `EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) ${statement}`,
      ['geo', 'big', 'geom'],
    );
    const top = row?.['QUERY PLAN'][0]?.Plan;
    assert.ok(top && top['Shared Hit Blocks'] + top['Shared Read Blocks'] < 100);
  });
});

function nodesOf(plan: Plan): Plan[] {
  return [plan, ...(plan.Plans ?? []).flatMap(nodesOf)].map(({ Plans: _plans, ...node }) => node);
}
