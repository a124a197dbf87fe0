import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { copyFileSync, readdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import { test } from 'node:test';
import type { JsonObject } from '../../core/json.ts';
import { stacProblems } from '../tools/stac-validator.ts';
import { ogr2ogr, samples, vectorJobs } from '../tools/vector-jobs.ts';

const jobs = await vectorJobs();
const counties = join(samples, 'nc.gpkg');

jobs.stack.beforeClosing(async () => assert.deepEqual(await jobs.leftovers(), []));

/** What a reserved word is called here. */
const ourName = (name: string) => (name === 'end' ? 'end_' : name);

/** Rows whose geometry or attributes differ between our table and that of ogr2ogr, compared by PostGIS. */
async function differences(table: string, reference: string, columns: readonly string[]): Promise<number> {
  const values = (one: string, named: (column: string) => string) =>
    ['place', ...columns].map((name) => `${one}."${named(name)}"::text`).join(', ');
  const [count] = await jobs.sql<{ n: number }>(
    `SELECT count(*)::int AS n FROM (SELECT *, row_number() OVER (ORDER BY id) AS place FROM geo."${table}") a
     FULL JOIN (SELECT *, row_number() OVER (ORDER BY id) AS place FROM reference."${reference}") b USING (place)
     WHERE a.place IS NULL OR b.place IS NULL
       OR ST_AsBinary(a.geom) IS DISTINCT FROM ST_AsBinary(ST_Multi(b.geom))
       OR ROW(${values('a', ourName)}) IS DISTINCT FROM ROW(${values('b', String)})`,
  );
  return count?.n ?? -1;
}

const textually = (type: string) => (type === 'character varying' ? 'text' : type);

async function columnsOf(schema: string, table: string): Promise<{ name: string; type: string }[]> {
  const rows = await jobs.sql<{ name: string; type: string }>(
    `SELECT column_name AS name, data_type AS type FROM information_schema.columns
     WHERE table_schema = '${schema}' AND table_name = '${table}' AND column_name NOT IN ('id', 'geom')
     ORDER BY ordinal_position`,
  );
  return rows.map(({ name, type }) => ({ name, type: textually(type) }));
}

async function expectAsOgr2ogr(name: string, file: string, source: string, args: readonly string[] = []) {
  const result = await jobs.load(file, { table_name: name });
  await jobs.reference(name, source, args);
  const columns = await columnsOf('reference', name);
  const expected = columns.map((column) => ({ ...column, name: ourName(column.name) }));
  assert.deepEqual(await columnsOf('geo', name), expected);
  assert.equal(
    await differences(
      name,
      name,
      columns.map((column) => column.name),
    ),
    0,
  );
  return result;
}

test('GeoPackage in NAD27: reprojected, indexed, catalogued', async () => {
  const result = await expectAsOgr2ogr('counties', counties, counties);
  assert.equal(result.rows_inserted, 100);
  assert.equal(result.geometry_type, 'MultiPolygon');
  assert.equal(result.ogc_features_url, 'https://features.example.org/collections/counties');
  assert.deepEqual(result.summary, {
    ...{ total_chunks: 1, chunks_uploaded: 1, chunks_failed: 0, success_rate: '100%', data_complete: true },
  });
  assert.equal((result.preprocessing_stats as JsonObject).original_crs, 'EPSG:4267');
  const item = await jobs.stack.services.catalogue.getItem('system-vectors', 'geo.counties');
  assert.deepEqual(await stacProblems(item), []);
  assert.ok(item);
  assert.equal((item.properties as JsonObject)['table:row_count'], 100);
  const [type] = await jobs.sql(`SELECT Find_SRID('geo', 'counties', 'geom') AS srid`);
  assert.equal(type?.srid, 4326);
  const indexes = await jobs.sql<{ def: string }>(`SELECT indexdef AS def FROM pg_indexes WHERE tablename = 'counties'
    AND schemaname = 'geo' ORDER BY 1`);
  assert.match(
    indexes.map(({ def }) => def).join('\n'),
    /UNIQUE INDEX .*\(id\)[\s\S]*gist \(geom\)|gist \(geom\)[\s\S]*\(id\)/,
  );
});

const formats: readonly (readonly [string, string, readonly string[]])[] = [
  ['geojson', 'counties.geojson', ['-f', 'GeoJSON', '-t_srs', 'EPSG:4326']],
  ['json', 'counties.json', ['-f', 'GeoJSON', '-t_srs', 'EPSG:4326']],
  ['fgb', 'counties.fgb', ['-f', 'FlatGeobuf', '-nlt', 'PROMOTE_TO_MULTI']],
  ['kml', 'counties.kml', ['-f', 'LIBKML']],
  ['kmz', 'counties.kmz', ['-f', 'LIBKML']],
];

for (const [name, file, args] of formats) {
  test(`${name}: the same as ogr2ogr loads`, async () => {
    const path = jobs.path(file);
    await ogr2ogr(...args, path, counties);
    const result = await expectAsOgr2ogr(`counties_${name}`, path, path);
    assert.equal(result.rows_inserted, 100);
    assert.equal(result.file_extension, name);
  });
}

test('zipped shapefile, in a folder, with and without .prj', async () => {
  const folder = jobs.path('zipped');
  await ogr2ogr('-f', 'ESRI Shapefile', '-lco', 'ENCODING=UTF-8', folder, counties, '-nln', 'counties');
  const zip = (name: string, files: readonly string[]) => {
    execFileSync('python3', ['-c', zipProgram, jobs.path(name), ...files]);
    return jobs.path(name);
  };
  const files = readdirSync(folder).map((file) => join(folder, file));
  const whole = zip('counties.zip', files);
  await expectAsOgr2ogr('counties_zip', whole, join(folder, 'counties.shp'), ['-nlt', 'PROMOTE_TO_MULTI']);
  const bare = zip(
    'bare.zip',
    files.filter((file) => !file.endsWith('.prj')),
  );
  await assert.rejects(jobs.load(bare, { table_name: 'bare' }), { code: 'CRS_MISSING' });
  const result = await jobs.load(bare, { table_name: 'bare', input_crs: 'EPSG:4267' });
  assert.equal(result.rows_inserted, 100);
  await jobs.reference('bare', join(folder, 'counties.shp'), ['-nlt', 'PROMOTE_TO_MULTI']);
  assert.equal(await differences('bare', 'bare', ['name', 'fips']), 0);
  const [copy, other] = ['counties', 'second'].map((stem) =>
    files.map((file) => {
      const target = join(folder, basename(file).replace('counties', stem));
      if (target !== file) copyFileSync(file, target);
      return target;
    }),
  );
  const two = zip('two.zip', [...(copy ?? []), ...(other ?? [])]);
  await assert.rejects(jobs.load(two, { table_name: 'two' }), { code: 'LAYER_NOT_FOUND' });
  assert.equal((await jobs.load(two, { table_name: 'two', layer_name: 'second' })).rows_inserted, 100);
});

const zipProgram = `
import os, sys, zipfile
with zipfile.ZipFile(sys.argv[1], 'w') as archive:
    for path in sys.argv[2:]:
        archive.write(path, 'data/inner/' + os.path.basename(path))
`;

test("a file's own CRS wins over input_crs, with a warning", async () => {
  const load = (table_name: string, input_crs: string) =>
    jobs.load(join(samples, 'nc.gpkg'), { table_name, input_crs });
  const [same, other] = [await load('same_crs', 'EPSG:4267'), await load('other_crs', 'EPSG:32617')];
  const codesOf = ({ warnings }: JsonObject) => (warnings as JsonObject[]).map(({ code }) => code);
  assert.deepEqual([codesOf(same), codesOf(other)], [[], ['INPUT_CRS_IGNORED']]);
  assert.deepEqual((other.stac as JsonObject).bbox, (same.stac as JsonObject).bbox);
});

test('shapefile with its companions, heights taken off', async () => {
  const blobs = ['storms_xyz.shp', 'storms_xyz.shx', 'storms_xyz.dbf'];
  for (const name of blobs) await jobs.stack.upload(join(samples, name), `shp/${name}`);
  const place = { container_name: jobs.stack.container, blob_name: 'shp/storms_xyz.shp' };
  const result = await jobs.load(join(samples, 'storms_xyz.shp'), { ...place, input_crs: 'EPSG:4326' });
  assert.equal(result.table_name, 'storms_xyz');
  assert.equal(result.geometry_type, 'MultiLineString');
  assert.equal((result.preprocessing_stats as JsonObject).z_m_values_removed, 71);
  await jobs.reference('storms_xyz', join(samples, 'storms_xyz.shp'), ['-s_srs', 'EPSG:4326']);
  assert.equal(await differences('storms_xyz', 'storms_xyz', []), 0);
});
