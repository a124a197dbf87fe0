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
import { exportRows } from '../../infrastructure/gdal/operations/vector/export-rows.ts';
import type { VectorProblem } from '../../infrastructure/gdal/operations/vector/problem.ts';

// As the processes of GDAL have them.
gdal.config.set('PG_USE_COPY', 'YES');

const folder = await mkdtemp(join(tmpdir(), 'coremachine-vector-rows-'));
const log = openSync(join(folder, 'gdal.log'), 'w+');
after(async () => {
  closeSync(log);
  await rm(folder, { recursive: true, force: true });
});

let files = 0;

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
  const file = join(folder, `${files}.${drivers === 'csv' ? 'csv' : 'geojson'}`);
  await writeFile(file, text);
  const progress: number[] = [];
  const outcome = await exportRows(
    {
      ...{ file, drivers, folder: join(folder, `${files}`), layer: null, inputCrs: null, chunkRows: null },
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
