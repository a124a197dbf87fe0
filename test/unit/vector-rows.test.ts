import assert from 'node:assert/strict';
import { closeSync, openSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import gdal from 'gdal-async';
import type { JsonObject } from '../../core/json.ts';
import type { VectorRequest, VectorRows } from '../../core/ports/gdal.ts';
import { CplLog } from '../../infrastructure/gdal/operations/cpl-log.ts';
import { describeCrs } from '../../infrastructure/gdal/operations/crs.ts';
import { exportRows } from '../../infrastructure/gdal/operations/vector/export-rows.ts';
import type { VectorProblem } from '../../infrastructure/gdal/operations/vector/problem.ts';
import { binaryHead, binaryTail, isBinaryCopy } from '../../infrastructure/rows/binary-copy.ts';
import { readBlocks } from '../../infrastructure/rows/blocks.ts';

// As the processes of GDAL have them.
gdal.config.set('PG_USE_COPY', 'YES');

const folder = await mkdtemp(join(tmpdir(), 'coremachine-vector-rows-'));
const log = openSync(join(folder, 'gdal.log'), 'w+');
after(async () => {
  closeSync(log);
  await rm(folder, { recursive: true, force: true });
});

let files = 0;
let exports = 0;

interface Read {
  readonly rows: VectorRows | null;
  readonly problem: Pick<VectorProblem, 'code' | 'message' | 'details'> | null;
  readonly progress: readonly number[];
}

async function read(
  text: string,
  drivers: VectorRequest['drivers'],
  given: Partial<VectorRequest> = {},
): Promise<Read> {
  files += 1;
  const file = join(folder, `${files}.${drivers === 'csv' || drivers[0] === 'CSV' ? 'csv' : 'geojson'}`);
  await writeFile(file, text);
  return exported({ file, drivers, ...given });
}

async function exported(given: Pick<VectorRequest, 'file' | 'drivers'> & Partial<VectorRequest>): Promise<Read> {
  exports += 1;
  const progress: number[] = [];
  const outcome = await exportRows(
    {
      ...{ folder: join(folder, `export-${exports}`), layer: null, inputCrs: null, chunkRows: null, binary: true },
      csv: { latitude: null, longitude: null, wkt: null },
      fixes: { simplify: null, snapToGrid: null },
      ...given,
    },
    { log: new CplLog(log), progress: (fraction) => progress.push(fraction) },
  );
  return {
    rows: 'rows' in outcome ? outcome.rows : null,
    problem: 'problem' in outcome ? outcome.problem : null,
    progress,
  };
}

function geojson(geometries: readonly (JsonObject | null)[], crs: string | null = null): string {
  const features = geometries.map((geometry, n) => ({ type: 'Feature', geometry, properties: { n } }));
  const named = crs === null ? {} : { crs: { type: 'name', properties: { name: crs } } };
  return JSON.stringify({ type: 'FeatureCollection', ...named, features });
}

const point = (x: number, y: number) => ({ type: 'Point', coordinates: [x, y] });
const ring = (x: number, y: number) => [
  [
    [0, 0],
    [1, 0],
    [x, y],
    [0, 0],
  ],
];

test('what lies beyond longitude 180 or latitude 90 is refused by the number of the feature, of every type', async () => {
  const [x, y] = [190, 5];
  const kinds: readonly (readonly [JsonObject, JsonObject])[] = [
    [point(1, 2), point(x, y)],
    [
      {
        type: 'LineString',
        coordinates: [
          [0, 0],
          [1, 1],
        ],
      },
      {
        type: 'LineString',
        coordinates: [
          [0, 0],
          [1, 1],
          [x, y],
        ],
      },
    ],
    [
      { type: 'Polygon', coordinates: ring(1, 1) },
      { type: 'Polygon', coordinates: ring(x, y) },
    ],
    [
      { type: 'MultiPoint', coordinates: [[0, 0]] },
      {
        type: 'MultiPoint',
        coordinates: [
          [0, 0],
          [x, y],
        ],
      },
    ],
    [
      {
        type: 'MultiLineString',
        coordinates: [
          [
            [0, 0],
            [1, 1],
          ],
        ],
      },
      {
        type: 'MultiLineString',
        coordinates: [
          [
            [0, 0],
            [1, 1],
          ],
          [
            [0, 0],
            [x, y],
          ],
        ],
      },
    ],
    [
      { type: 'MultiPolygon', coordinates: [ring(1, 1)] },
      { type: 'MultiPolygon', coordinates: [ring(1, 1), ring(x, y)] },
    ],
  ];
  for (const [good, bad] of kinds) {
    const { problem } = await read(geojson([good, null, bad, good, bad]), ['GeoJSON']);
    assert.equal(problem?.code, 'INVALID_ROWS', String(good.type));
    assert.deepEqual(
      problem.details,
      [3, 5].map((n) => `feature ${n} has no place on the Earth: 190, 5`),
    );
    assert.match(
      problem.message,
      /^2 of 5 features are not within longitude 180 and latitude 90; the first: feature 3 /,
    );
    const { rows } = await read(geojson([good, null, good]), ['GeoJSON']);
    assert.deepEqual([rows?.rows, rows?.dropped], [2, 1], String(good.type));
  }
});

test('metres taken for degrees, poles and the antimeridian', async () => {
  const off = [point(500_000, 5_500_000), point(0, 120), point(-180.1, 0), point(0, -90.1), point(-1e300, 0)];
  for (const bad of off) assert.equal((await read(geojson([bad]), ['GeoJSON'])).problem?.code, 'INVALID_ROWS');
  const on = [point(180, 90), point(-180, -90), point(180.000_000_000_000_06, 0), point(177, 89), point(0, 0)];
  assert.equal((await read(geojson(on), ['GeoJSON'])).rows?.rows, 5);
  // What counts are the degrees, not what the file has.
  const metres = geojson([point(500_000, 5_500_000)], 'urn:ogc:def:crs:EPSG::32631');
  assert.equal((await read(metres, ['GeoJSON'])).rows?.sourceCrs, 'EPSG:32631');
});

test('layer after layer in one process, each has its own CRS, and so has what is asked between them', async () => {
  const asked = {
    'EPSG:32607': 'EPSG:32607',
    '+proj=utm +zone=7 +datum=WGS84': 'EPSG:32607',
    'urn:ogc:def:crs:EPSG::2193': 'EPSG:2193',
    'EPSG:25832': 'EPSG:25832',
    '+proj=longlat +datum=WGS84': 'EPSG:4326',
  };
  const source = join(folder, 'one.geojson');
  await writeFile(source, geojson([point(1, 2)]));
  const dataset = gdal.open(source);
  const files = [32631, 2193, 3035, 27700].flatMap((code) =>
    ['GeoJSON', 'ESRI Shapefile', 'GPKG', 'FlatGeobuf'].map((driver, n) => {
      const file = join(folder, `crs-${code}-${n}.${n === 1 ? 'shp' : 'x'}`);
      gdal.vectorTranslate(file, dataset, ['-f', driver, '-a_srs', `EPSG:${code}`]).close();
      return { code, file, driver };
    }),
  );
  dataset.close();
  for (let round = 0; round < 10; round += 1) {
    for (const { code, file, driver } of files) {
      const { rows, problem } = await exported({ file, drivers: [driver] });
      if (problem?.code !== 'INVALID_ROWS') assert.equal(rows?.sourceCrs, `EPSG:${code}`, `round ${round}: ${file}`);
      for (const [definition, known] of Object.entries(asked)) {
        assert.equal(describeCrs(definition)?.authorityCode, known, `round ${round}, ${file}: ${definition}`);
      }
    }
  }
});

test('heights of geometries that are none do not count', async () => {
  const high = { type: 'Point', coordinates: [1, 2, 3] };
  const { rows } = await read(geojson([high, null, { type: 'Point', coordinates: [] }, high]), ['GeoJSON']);
  assert.deepEqual([rows?.flattened, rows?.dropped], [2, 2]);
  const mixed = await read(geojson([high, point(1, 2), null]), ['GeoJSON']);
  assert.equal(mixed.rows?.flattened, 1);
  // GDAL's own driver of CSV knows no type of a layer.
  const unknown = await read('WKT,n\n"POINT Z EMPTY",1\n"POINT Z (1 2 3)",2\n', ['CSV'], { inputCrs: 'EPSG:4326' });
  assert.deepEqual([unknown.rows?.flattened, unknown.rows?.dropped], [1, 1]);
  const csv = await read('wkt\n"POINT Z (1 2 3)"\n"POINT Z EMPTY"\n\n"POINT (1 2)"\n', 'csv');
  assert.equal(csv.rows?.flattened, 1);
});

test('rows are binary where that is taken and all columns have that form', async () => {
  const properties = {
    n: -7,
    big: 9_007_199_254_740_993n,
    f: -0.1,
    t: 'a\tb\\c\nd ë',
    o: { k: ['\\', '\t'] },
    none: null,
  };
  const given = JSON.stringify(properties, (_, value) => (typeof value === 'bigint' ? Number(value) : value)).replace(
    '9007199254740992',
    '9007199254740993',
  );
  const feature = `{"type":"Feature","properties":${given},"geometry":{"type":"Point","coordinates":[1,2]}}`;
  const text = `{"type":"FeatureCollection","features":[${feature},${feature}]}`;
  const { rows } = await read(text, ['GeoJSON'], { folder: join(folder, 'binary'), chunkRows: 1 });
  assert.deepEqual(
    rows?.columns.map(({ type }) => type),
    ['integer', 'bigint', 'double precision', 'text', 'json', 'text'],
  );
  const [id, geometry, n, big, f, t, o, none, ...others] = await binaryRow(join(folder, 'binary', '00001.copy.zst'));
  assert.deepEqual([id?.readBigInt64BE(), n?.readInt32BE(), big?.readBigInt64BE()], [2n, -7, properties.big]);
  assert.equal(geometry?.toString('hex'), '0104000020e6100000010000000101000000000000000000f03f0000000000000040');
  assert.deepEqual([f?.readDoubleBE(), t?.toString(), none, others], [-0.1, properties.t, null, []]);
  assert.deepEqual(JSON.parse(o?.toString() ?? ''), properties.o);

  const start = async (name: string, given: Partial<VectorRequest>, properties: JsonObject) => {
    const features = [{ type: 'Feature', geometry: point(1, 2), properties }];
    const collection = JSON.stringify({ type: 'FeatureCollection', features });
    await read(collection, ['GeoJSON'], { folder: join(folder, name), ...given });
    return (await unpacked(join(folder, name, '00000.copy.zst'))).toString('latin1', 0, 6);
  };
  assert.equal(await start('yes', {}, { n: 1 }), 'PGCOPY');
  assert.equal(await start('no', { binary: false }, { n: 1 }), '1\t0104');
  assert.equal(await start('time', {}, { n: 1, at: '2020-01-02T03:04:05Z' }), '1\t0104');
});

test('a number that GDAL wrote larger than the largest is refused, as PostgreSQL refuses its text', async () => {
  const far = -Number.MAX_VALUE;
  const feature = { type: 'Feature', geometry: point(1, 2), properties: { far, near: far / 10 } };
  const { problem } = await read(JSON.stringify({ type: 'FeatureCollection', features: [feature] }), ['GeoJSON']);
  assert.equal(problem?.code, 'INVALID_ROWS');
  assert.match(String(problem?.message), /^row 1 has a value that does not fit its column: "-1\.79769313486232e\+308"/);
});

async function unpacked(file: string): Promise<Buffer> {
  return Buffer.concat(await Array.fromAsync(readBlocks(file)));
}

/** The fields of the only row of a file. */
async function binaryRow(file: string): Promise<(Buffer | null)[]> {
  const bytes = await unpacked(file);
  assert.ok(isBinaryCopy(bytes));
  let at = binaryHead.length + 2;
  const fields = Array.from({ length: bytes.readInt16BE(at - 2) }, () => {
    const length = bytes.readInt32BE(at);
    at += 4 + Math.max(0, length);
    return length === -1 ? null : bytes.subarray(at - length, at);
  });
  assert.deepEqual(bytes.subarray(at), binaryTail);
  return fields;
}

test('CSV: WKT with an SRID of its own is read in it or refused', async () => {
  const text = (srid: number) => `n,wkt\n1,SRID=${srid};POINT(500000 0)\n2,POINT(500000 0)\n`;
  const refused = await read(text(32631), 'csv', { inputCrs: 'EPSG:32632' });
  assert.equal(refused.problem?.code, 'INVALID_ROWS');
  assert.match(refused.problem.message, /^1 of 2 rows .*row 1 is in SRID 32631, and the file is read in EPSG:32632/);
  assert.equal((await read(text(32631), 'csv', { inputCrs: 'EPSG:32631' })).rows?.rows, 2);
  assert.equal((await read(text(0), 'csv', { inputCrs: 'EPSG:32631' })).rows?.rows, 2);
  const degrees = (srid: number) => `n,wkt\n1,srid=${srid};POINT(5 5)\n`;
  assert.equal((await read(degrees(4326), 'csv')).rows?.rows, 1);
  assert.equal((await read(degrees(4326), 'csv', { inputCrs: 'OGC:CRS84' })).rows?.rows, 1);
  assert.match((await read(degrees(4267), 'csv')).problem?.message ?? '', /is in SRID 4267/);
});

test('CSV: short rows are taken, and told of', async () => {
  const { rows } = await read('lon,lat,a,b\n1,2,x,y\n1,2,x\n1,2\n', 'csv');
  assert.equal(rows?.rows, 3);
  assert.deepEqual(
    rows.warnings.map(({ code, message }) => [code, /^2 rows .*row 2;/.test(message)]),
    [['SHORT_ROWS', true]],
  );
  assert.deepEqual((await read('lon,lat,a\n1,2,\n', 'csv')).rows?.warnings, []);
});

test('CSV: progress is told while the file is read', async () => {
  const lines = Array.from(
    { length: 120_000 },
    (_, row) => `${row % 180},${row % 90},some text that takes room ${row}`,
  );
  const { progress, rows } = await read(`lon,lat,text\n${lines.join('\n')}\n`, 'csv');
  assert.equal(rows?.rows, 120_000);
  assert.ok(progress.length >= 4, `${progress}`);
  assert.deepEqual(
    [...progress].sort((a, b) => a - b),
    progress,
  );
  assert.ok((progress[0] ?? 1) < 0.5);
  assert.equal(progress.at(-1), 1);
});
