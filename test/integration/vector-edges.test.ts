import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { test } from 'node:test';
import type { JsonObject } from '../../core/json.ts';
import { runJob } from '../../core/testing/run-job.ts';
import { stacCatalogVectors } from '../../jobs/stac-catalog-vectors.ts';
import type { JobFailure } from '../tools/raster-jobs.ts';
import { ogr2ogr, vectorJobs } from '../tools/vector-jobs.ts';

const jobs = await vectorJobs();
jobs.stack.beforeClosing(async () => assert.deepEqual(await jobs.leftovers(), []));

let files = 0;

async function written(extension: string, content: string | Buffer): Promise<string> {
  files += 1;
  const path = jobs.path(`file-${files}.${extension}`);
  await writeFile(path, content);
  return path;
}

function collection(features: readonly (readonly [JsonObject | null, JsonObject])[]): string {
  const list = features.map(([geometry, properties]) => ({ type: 'Feature', geometry, properties }));
  return JSON.stringify({ type: 'FeatureCollection', features: list });
}

const bowtie = {
  type: 'Polygon',
  coordinates: [
    [
      [0, 0],
      [1, 1],
      [1, 0],
      [0, 1],
      [0, 0],
    ],
  ],
};
const square = {
  type: 'Polygon',
  coordinates: [
    [
      [0, 0, 5],
      [1, 0, 5],
      [1, 1, 5],
      [0, 1, 5],
      [0, 0, 5],
    ],
  ],
};
const point = (x: number, y: number) => ({ type: 'Point', coordinates: [x, y] });

test('null and empty geometries go, self-intersections are mended, heights taken off, multi made of all', async () => {
  const empty = { type: 'Polygon', coordinates: [] };
  const multi = {
    type: 'MultiPolygon',
    coordinates: [
      bowtie.coordinates,
      [
        [
          [5, 5],
          [6, 5],
          [6, 6],
          [5, 5],
        ],
      ],
    ],
  };
  const file = await written(
    'geojson',
    collection([
      [bowtie, { n: 1 }],
      [square, { n: 2 }],
      [null, { n: 3 }],
      [empty, { n: 4 }],
      [multi, { n: 5 }],
    ]),
  );
  const result = await jobs.load(file, { table_name: 'mended' });
  const stats = result.preprocessing_stats as JsonObject;
  assert.equal(result.geometry_type, 'MultiPolygon');
  assert.equal(stats.original_feature_count, 5);
  assert.equal(stats.final_feature_count, 3);
  assert.equal(stats.null_geometries_dropped, 2);
  assert.equal(stats.geometries_repaired, 2);
  const rows = await jobs.sql(`SELECT n, ST_IsValid(geom) AS valid, ST_NDims(geom) AS dims, ST_SRID(geom) AS srid,
    GeometryType(geom) AS type, round(ST_Area(geom)::numeric, 3)::text AS area FROM geo.mended ORDER BY id`);
  const all = { valid: true, dims: 2, srid: 4326, type: 'MULTIPOLYGON' };
  assert.deepEqual(rows, [
    { n: 1, ...all, area: '0.500' },
    { n: 2, ...all, area: '1.000' },
    { n: 5, ...all, area: '1.000' },
  ]);
});

test('points and polygons in one file are refused, both counted', async () => {
  const file = await written(
    'geojson',
    collection([
      [point(1, 2), {}],
      [square, {}],
      [point(3, 4), {}],
    ]),
  );
  await assert.rejects(jobs.load(file, { table_name: 'mixed' }), /MIXED_GEOMETRY.*Point 2, Polygon 1/);
  assert.deepEqual(await jobs.sql(`SELECT 1 FROM pg_tables WHERE tablename = 'mixed'`), []);
});

test('column names are cleaned, kept apart and short; big numbers, zones, booleans, lists and texts survive', async () => {
  const long = 'x'.repeat(100);
  const properties = {
    ...{ select: 'a', 'Größe (m²)': 1.5, ID: 7, geom: 'g', 'a b': 1, 'a-b': 2, [long]: 'l1', [`${long}2`]: 'l2' },
    ...{
      big: '2^63-1',
      odd: '2^53+1',
      at: '2020-01-02T03:04:05+02:00',
      yes: true,
      list: ['p', 'q,"r"'],
      text: 'tab\tline\nback\\slash',
    },
    ...{ 'x"; DROP TABLE geo.names; --': 'injected' },
  };
  // Neither is a double.
  const text = collection([[point(1, 2), properties]]).replace('"2^63-1"', '9223372036854775807');
  const file = await written('geojson', text.replace('"2^53+1"', '9007199254740993'));
  const result = await jobs.load(file, { table_name: 'names' });
  const names = (result.columns as JsonObject[]).map(({ name }) => String(name));
  assert.equal(new Set(names).size, names.length);
  for (const name of names) assert.match(name, /^[a-z_][a-z0-9_]{0,62}$/);
  assert.deepEqual(names.slice(0, 6), ['select_', 'gro_e_m2_', 'id_2', 'geom_2', 'a_b', 'a_b_2']);
  const [row] = await jobs.sql(
    `SELECT big, odd, at, yes, list, text, pg_typeof(big)::text AS big_type, pg_typeof(at)::text AS at_type FROM geo.names`,
  );
  assert.deepEqual(row, {
    ...{ big: '9223372036854775807', odd: '9007199254740993' },
    ...{ at: new Date('2020-01-02T01:04:05Z'), yes: true, list: ['p', 'q,"r"'] },
    ...{ text: properties.text, big_type: 'bigint', at_type: 'timestamp with time zone' },
  });
});

test('CSV: detected columns, types, quotes, null places dropped', async () => {
  const lines = [
    'Lat;Lon;name;n;code;day',
    '10.5;20.25;"a;b ""c""\nnext";9007199254740993;007;2020-01-01',
    ';;nowhere;1;2;',
    '-1;179.5;Zoë;;12;2020-02-29',
  ];
  const result = await jobs.load(await written('csv', lines.join('\r\n')), { table_name: 'places' });
  assert.equal((result.preprocessing_stats as JsonObject).null_geometries_dropped, 1);
  const rows = await jobs.sql(
    `SELECT ST_X(ST_GeometryN(geom, 1)) AS x, ST_Y(ST_GeometryN(geom, 1)) AS y, name, n::text, code, day::text FROM geo.places ORDER BY id`,
  );
  assert.deepEqual(rows, [
    { x: 20.25, y: 10.5, name: 'a;b "c"\nnext', n: '9007199254740993', code: '007', day: '2020-01-01' },
    { x: 179.5, y: -1, name: 'Zoë', n: null, code: '12', day: '2020-02-29' },
  ]);
});

test('a file without geometries is refused, a CSV file with the columns that it has', async () => {
  const table = await written('csv', 'name,height\na,1\nb,2\n');
  await assert.rejects(jobs.load(table, { table_name: 'none' }), /NO_GEOMETRY.*lat_name/);
  const named = { table_name: 'none', lat_name: 'height', lon_name: 'width' };
  await assert.rejects(jobs.load(table, named), ({ code, details }: JobFailure) => {
    assert.equal(code, 'NO_GEOMETRY');
    assert.match(JSON.stringify(details), /name.*height/);
    return true;
  });
  const gpkg = jobs.path('attributes.gpkg');
  await ogr2ogr('-f', 'GPKG', '-nlt', 'NONE', gpkg, table);
  await assert.rejects(jobs.load(gpkg, { table_name: 'none' }), { code: 'NO_GEOMETRY' });
  assert.deepEqual(await jobs.sql(`SELECT 1 FROM pg_class WHERE relname = 'none'`), []);
});

test('CSV: times with zones are instants, without one UTC', async () => {
  const lines = [
    'lat,lon,at',
    '1,2,2020-01-02T03:04:05+05:30',
    '1,2,2020-06-02 03:04:05.25-0800',
    '1,2,2020-01-02T03:04:05Z',
    '1,2,2020-01-02 03:04',
    '1,2,2020-01-02T00:00:00+14',
    '1,2,2020-01-02',
  ];
  const result = await jobs.load(await written('csv', lines.join('\n')), { table_name: 'times' });
  assert.equal((result.columns as JsonObject[]).at(-1)?.type, 'timestamptz');
  const rows = await jobs.sql<{ at: string }>(
    `SELECT to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.MS') AS at FROM geo.times ORDER BY id`,
  );
  assert.deepEqual(
    rows.map(({ at }) => at),
    [
      '2020-01-01 21:34:05.000',
      '2020-06-02 11:04:05.250',
      '2020-01-02 03:04:05.000',
      '2020-01-02 03:04:00.000',
      '2020-01-01 10:00:00.000',
      '2020-01-02 00:00:00.000',
    ],
  );
});

test('CSV: short rows are loaded, with a warning in the result', async () => {
  const result = await jobs.load(await written('csv', 'lat,lon,a,b\n1,2,x,y\n3,4,x\n'), { table_name: 'short_rows' });
  assert.equal(result.rows_inserted, 2);
  assert.deepEqual(
    (result.warnings as JsonObject[]).map(({ code }) => code),
    ['SHORT_ROWS'],
  );
});

test('GeoJSON in metres that says degrees is refused, and nothing is loaded', async () => {
  const file = await written(
    'geojson',
    collection([
      [point(1, 2), {}],
      [point(500_000, 5_500_000), {}],
    ]),
  );
  await assert.rejects(jobs.load(file, { table_name: 'metres' }), (error: { code: string; details: JsonObject[] }) => {
    assert.equal(error.code, 'INVALID_ROWS');
    assert.deepEqual(error.details, [{ message: 'feature 2 has no place on the Earth: 500000, 5500000' }]);
    return true;
  });
  assert.deepEqual(await jobs.sql(`SELECT 1 FROM pg_tables WHERE tablename = 'metres'`), []);
});

test('names that are SQL: of columns of coordinates, of indexed columns, of a schema', async () => {
  const evil = `x"; DROP TABLE geo.guarded; --`;
  const quoted = `y'; DROP TABLE geo.guarded; --`;
  await jobs.sql('CREATE TABLE IF NOT EXISTS geo.guarded (id bigint)');
  const csv = await written('csv', `"${evil.replace('"', '""')}",${quoted},n\n1,2,3\n`);
  const parameters = { table_name: 'evil', lon_name: evil, lat_name: quoted };
  const result = await jobs.load(csv, { ...parameters, indexes: { attributes: [evil, 'n'], temporal: [quoted] } });
  assert.equal(result.rows_inserted, 1);
  const [place] = await jobs.sql(
    'SELECT ST_X(ST_GeometryN(geom, 1)) AS x, ST_Y(ST_GeometryN(geom, 1)) AS y FROM geo.evil',
  );
  assert.deepEqual(place, { x: 1, y: 2 });
  // The key, the geometries, and three columns.
  assert.equal((await jobs.sql(`SELECT 1 FROM pg_indexes WHERE tablename = 'evil'`)).length, 5);
  const wkt = await written('csv', `"${evil.replace('"', '""')}"\nPOINT(3 4)\n`);
  await jobs.load(wkt, { table_name: 'evil_wkt', wkt_column: evil });
  const missing = `none"; DROP TABLE geo.guarded; --`;
  const refused = (name: string, more: JsonObject) => assert.rejects(jobs.load(csv, { table_name: name, ...more }));
  await assert.rejects(jobs.load(csv, { ...parameters, table_name: 'e1', indexes: { attributes: [missing] } }), {
    code: 'COLUMNS_MISMATCH',
  });
  await refused('e2', { lat_name: missing, lon_name: missing });
  await refused('e3', { wkt_column: missing });
  for (const schema of ['geo"; DROP TABLE geo.guarded; --', `geo'; --`, 'geo.guarded', 'GEO', '', 'x'.repeat(64)]) {
    await assert.rejects(runJob(stacCatalogVectors, { table_name: 'guarded', schema }, jobs.stack), {
      code: 'INVALID_PARAMETERS',
    });
  }
  assert.deepEqual(await jobs.sql('SELECT count(*)::int AS n FROM geo.guarded'), [{ n: 0 }]);
});

test('append makes no indexes, and warns of those that are asked for and missing', async () => {
  const file = await written('geojson', collection([[point(1, 2), { a: 1, b: 2 }]]));
  const warned = async (parameters: JsonObject) => {
    const result = await jobs.load(file, { table_name: 'indexed', ...parameters });
    return (result.warnings as JsonObject[]).map(({ code, message }) => `${code}: ${message}`);
  };
  const none = await warned({ load_method: 'append', indexes: { attributes: ['a'] } });
  assert.deepEqual(none, [], 'the first makes the table with its indexes');
  assert.deepEqual(await warned({ load_method: 'append', indexes: { attributes: ['a'] } }), []);
  const [warning, ...others] = await warned({ load_method: 'append', indexes: { attributes: ['b', 'a'] } });
  assert.match(warning ?? '', /^INDEXES_NOT_MADE: .*geo\.indexed has none on b; /);
  assert.deepEqual(others, []);
  await jobs.sql(
    `DROP INDEX geo."${
      (
        await jobs.sql<{ name: string }>(`SELECT indexname AS name FROM pg_indexes
    WHERE tablename = 'indexed' AND indexdef LIKE '%gist%'`)
      )[0]?.name
    }"; CREATE INDEX ON geo.indexed (b) WHERE b > 5`,
  );
  assert.match(
    (await warned({ load_method: 'append', indexes: { temporal: ['b'] } }))[0] ?? '',
    /has none on geom, b; /,
  );
  assert.deepEqual(await warned({ load_method: 'append', indexes: { spatial: false } }), []);
});

test('CSV: bad rows are told by their number, and nothing is loaded', async () => {
  const file = await written('csv', 'lat,lon\n1,2\n91,0\nabc,1\n3,\n5,6\n');
  await assert.rejects(
    jobs.load(file, { table_name: 'bad_rows' }),
    (error: { code: string; details: { message: string }[] }) => {
      assert.equal(error.code, 'INVALID_ROWS');
      assert.deepEqual(
        error.details.map(({ message }) => message.split(' ').slice(0, 2).join(' ')),
        ['row 2', 'row 3', 'row 4'],
      );
      return true;
    },
  );
  assert.deepEqual(await jobs.sql(`SELECT 1 FROM pg_tables WHERE tablename = 'bad_rows'`), []);
});

test('CSV with WKT and a CRS, in Windows-1252', async () => {
  const text = 'shape_wkt,name\n"POINT Z(500000 0 7)",Zo\u00eb\n';
  const file = await written('csv', Buffer.from(text, 'latin1'));
  await jobs.load(file, { table_name: 'utm', wkt_column: 'shape_wkt', input_crs: 'EPSG:32631' });
  const rows = await jobs.sql(`SELECT name, round(ST_X(ST_GeometryN(geom, 1))::numeric, 6)::text AS x FROM geo.utm`);
  assert.deepEqual(rows, [{ name: 'Zoë', x: '3.000000' }]);
});

test('GeoPackage with three layers; a file without features', async () => {
  const source = await written('geojson', collection([[point(1, 2), { a: 1 }]]));
  const gpkg = jobs.path('three.gpkg');
  for (const name of ['one', 'two', 'three'])
    await ogr2ogr('-f', 'GPKG', '-update', '-append', '-nln', name, gpkg, source).catch(() =>
      ogr2ogr('-f', 'GPKG', '-nln', name, gpkg, source),
    );
  assert.equal((await jobs.load(gpkg, { table_name: 'layer_first' })).layer_name, 'one');
  assert.equal((await jobs.load(gpkg, { table_name: 'layer_three', layer_name: 'three' })).layer_name, 'three');
  for (const layer_name of ['four', '-sql', `one'; DROP TABLE geo.layer_first; --`]) {
    await assert.rejects(jobs.load(gpkg, { table_name: 'layer_four', layer_name }), { code: 'LAYER_NOT_FOUND' });
  }
  const none = jobs.path('none.gpkg');
  await ogr2ogr('-f', 'GPKG', '-nlt', 'POLYGON', '-where', 'a = 5', none, source);
  const result = await jobs.load(none, { table_name: 'nothing' });
  assert.equal(result.rows_inserted, 0);
  assert.equal(result.geometry_type, 'MultiPolygon');
});

test('load methods: fail, replace, append; the columns must fit', async () => {
  const first = await written('geojson', collection([[point(1, 2), { a: 1 }]]));
  const second = await written(
    'geojson',
    collection([
      [point(3, 4), { a: 2 }],
      [point(5, 6), { a: 3 }],
    ]),
  );
  const other = await written('geojson', collection([[point(3, 4), { b: 'x' }]]));
  const values = async () => (await jobs.sql<{ a: number }>('SELECT a FROM geo.methods ORDER BY id')).map(({ a }) => a);
  await jobs.load(first, { table_name: 'methods' });
  await assert.rejects(jobs.load(second, { table_name: 'methods' }), { code: 'TABLE_EXISTS' });
  await jobs.load(second, { table_name: 'methods', load_method: 'append' });
  assert.deepEqual(await values(), [1, 2, 3]);
  await assert.rejects(jobs.load(other, { table_name: 'methods', load_method: 'append' }), {
    code: 'COLUMNS_MISMATCH',
  });
  await jobs.sql('GRANT SELECT ON geo.methods TO PUBLIC');
  await jobs.load(second, { table_name: 'methods', load_method: 'replace', indexes: { attributes: ['a'] } });
  assert.deepEqual(await values(), [2, 3]);
  const [grant] = await jobs.sql(`SELECT count(*)::int AS n FROM information_schema.role_table_grants
    WHERE table_name = 'methods' AND grantee = 'PUBLIC'`);
  assert.equal(grant?.n, 1);
  await jobs.sql('CREATE VIEW geo.on_methods AS SELECT * FROM geo.methods');
  await assert.rejects(jobs.load(first, { table_name: 'methods', load_method: 'replace' }), { code: 'TABLE_IN_USE' });
  assert.deepEqual(await values(), [2, 3]);
});

test('table names that are none are refused', async () => {
  const file = await written('geojson', collection([[point(1, 2), {}]]));
  for (const table_name of ['select', 'a-b', '1a', 'a"; DROP TABLE geo.places; --', 'x'.repeat(64), '']) {
    await assert.rejects(jobs.load(file, { table_name }), { code: 'INVALID_PARAMETERS' });
  }
  await assert.rejects(jobs.load(file, { table_name: 'ok', schema: 'pg_catalog' }), { code: 'INVALID_PARAMETERS' });
});

test('stac_catalog_vectors tells of a table what is in it', async () => {
  await jobs.sql(
    `CREATE TABLE geo.made AS SELECT 1 AS id, ST_SetSRID(ST_MakePoint(1, 2), 4326)::geometry(Point, 4326) AS g`,
  );
  const { job } = await runJob(stacCatalogVectors, { table_name: 'made' }, jobs.stack);
  assert.deepEqual(job.result?.summary, {
    ...{ item_id: 'geo.made', row_count: 1, geometry_types: ['Point'], bbox: [1, 2, 1, 2], srid: 4326 },
  });
  await assert.rejects(runJob(stacCatalogVectors, { table_name: 'none' }, jobs.stack), { code: 'TABLE_NOT_FOUND' });
});
