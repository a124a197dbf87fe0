import assert from 'node:assert/strict';
import { rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import type { JsonObject } from '../../core/json.ts';
import { ogr2ogr, samples, vectorJobs } from '../tools/vector-jobs.ts';

const jobs = await vectorJobs();
jobs.stack.beforeClosing(async () => assert.deepEqual(await jobs.leftovers(), []));

const curves: readonly (readonly [string, string, string])[] = [
  ['CURVEPOLYGON', 'MultiPolygon', 'CURVEPOLYGON (CIRCULARSTRING (0 0,4 0,4 4,0 4,0 0))'],
  [
    'CURVEPOLYGON',
    'MultiPolygon',
    'CURVEPOLYGON (COMPOUNDCURVE (CIRCULARSTRING (0 0,2 1,4 0),(4 0,4 4,0 4,0 0)),CIRCULARSTRING (1 2,2 3,3 2,2 1.5,1 2))',
  ],
  ['COMPOUNDCURVE', 'MultiLineString', 'COMPOUNDCURVE (CIRCULARSTRING (0 0,1 1,1 0),(1 0,0 1))'],
  [
    'MULTISURFACE',
    'MultiPolygon',
    'MULTISURFACE (CURVEPOLYGON (CIRCULARSTRING (0 0,4 0,4 4,0 4,0 0)),((9 9,8 9,9 8,9 9)))',
  ],
  ['MULTICURVE', 'MultiLineString', 'MULTICURVE (CIRCULARSTRING (0 0,1 1,2 0),(5 5,6 6))'],
  // Declared as anything.
  ['GEOMETRY', 'MultiLineString', 'CIRCULARSTRING (0 0,1 1,2 0)'],
];

for (const [index, [declared, expected, wkt]] of curves.entries()) {
  test(`${wkt.split(' ')[0]} in a layer of ${declared}: lines, as ogr2ogr makes them`, async () => {
    const name = `curve_${index}`;
    const csv = jobs.path(`${name}.csv`);
    await writeFile(csv, `n,wkt\n${index},"${wkt}"\n`);
    const gpkg = jobs.path(`${name}.gpkg`);
    const reading = ['-oo', 'GEOM_POSSIBLE_NAMES=wkt', '-oo', 'KEEP_GEOM_COLUMNS=NO', '-a_srs', 'EPSG:4326'];
    await ogr2ogr('-f', 'GPKG', '-nlt', declared, ...reading, `${gpkg}.new.gpkg`, csv);
    await rename(`${gpkg}.new.gpkg`, gpkg);
    const result = await jobs.load(gpkg, { table_name: name });
    assert.equal(result.geometry_type, expected);
    await jobs.reference(name, gpkg, ['-nlt', 'CONVERT_TO_LINEAR', '-nlt', 'PROMOTE_TO_MULTI']);
    const [same] = await jobs.sql(
      `SELECT ST_AsBinary(a.geom) = ST_AsBinary(ST_Multi(b.geom)) AS equal, ST_NPoints(a.geom) > 20 AS dense,
         ST_IsValid(a.geom) AS valid FROM geo.${name} a, reference.${name} b`,
    );
    assert.deepEqual(same, { equal: true, dense: true, valid: true });
  });
}

const counties = join(samples, 'nc.gpkg');
let loads = 0;

/** Counties beside what PostGIS makes of their geometries. */
async function compared(geometry_params: JsonObject, expected: string) {
  loads += 1;
  const table = `fixed_${loads}`;
  if (loads === 1) await jobs.load(counties, { table_name: 'as_they_are' });
  const result = await jobs.load(counties, { table_name: table, geometry_params });
  const [found] = await jobs.sql(
    `SELECT count(*)::int AS rows, bool_and(ST_IsValid(a.geom)) AS valid,
       count(*) FILTER (WHERE NOT ST_Equals(a.geom, ${expected}))::int AS different,
       sum(ST_NPoints(a.geom)) < 0.9 * sum(ST_NPoints(b.geom)) AS fewer
     FROM geo.${table} a JOIN geo.as_they_are b USING (id)`,
  );
  return { found, stats: result.preprocessing_stats as JsonObject };
}

test('simplify, topology preserved: what PostGIS makes of the same', async () => {
  const { found } = await compared(
    { simplify: { tolerance: 0.02 } },
    'ST_MakeValid(ST_SimplifyPreserveTopology(b.geom, 0.02))',
  );
  assert.deepEqual(found, { rows: 100, valid: true, different: 0, fewer: true });
});

test('quantize: what PostGIS makes of the same, on the grid and valid', async () => {
  const { found, stats } = await compared(
    { quantize: { snap_to_grid: 0.05 } },
    'ST_CollectionExtract(ST_MakeValid(ST_SnapToGrid(b.geom, 0.05)), 3)',
  );
  assert.deepEqual(found, { rows: 100, valid: true, different: 0, fewer: true });
  assert.equal(stats.geometries_repaired, await invalidOnGrid());
  // Where sides cross on the grid, mending puts a point beside it.
  const [off] = await jobs.sql(
    `SELECT count(*)::int AS n FROM geo.fixed_${loads} a JOIN geo.as_they_are b USING (id), ST_DumpPoints(a.geom) AS p
     WHERE ST_IsValid(ST_SnapToGrid(b.geom, 0.05)) AND (abs(ST_X(p.geom) * 20 - round(ST_X(p.geom) * 20)) > 1e-9
       OR abs(ST_Y(p.geom) * 20 - round(ST_Y(p.geom) * 20)) > 1e-9)`,
  );
  assert.deepEqual(off, { n: 0 });
});

async function invalidOnGrid(): Promise<number> {
  const [row] = await jobs.sql<{ n: number }>(
    'SELECT count(*)::int AS n FROM geo.as_they_are WHERE NOT ST_IsValid(ST_SnapToGrid(geom, 0.05))',
  );
  return row?.n ?? -1;
}

test('what a grid leaves nothing of is dropped and counted', async () => {
  const result = await jobs.load(counties, { table_name: 'gone', geometry_params: { quantize: { snap_to_grid: 60 } } });
  assert.equal(result.rows_inserted, 0);
  assert.equal((result.preprocessing_stats as JsonObject).null_geometries_dropped, 100);
});
