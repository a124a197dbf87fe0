import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { silentLog } from '../../core/log.ts';
import type { Gdal } from '../../core/ports/gdal.ts';
import { openGdal } from '../../infrastructure/gdal/gdal.ts';

let gdal: Gdal;
before(async () => {
  gdal = await openGdal({ processes: 1, log: silentLog });
});
after(() => gdal?.close());

/** As ArcGIS writes it into a .prj file: no codes, other names. */
const esriUtm25s = `PROJCS["SIRGAS_2000_UTM_Zone_25S",GEOGCS["GCS_SIRGAS_2000",DATUM["D_SIRGAS_2000",
  SPHEROID["GRS_1980",6378137.0,298.257222101]],PRIMEM["Greenwich",0.0],UNIT["Degree",0.0174532925199433]],
  PROJECTION["Transverse_Mercator"],PARAMETER["False_Easting",500000.0],PARAMETER["False_Northing",10000000.0],
  PARAMETER["Central_Meridian",-33.0],PARAMETER["Scale_Factor",0.9996],PARAMETER["Latitude_Of_Origin",0.0],
  UNIT["Meter",1.0]]`;

test('a code: its description, area of use as west, south, east, north', async () => {
  const utm = await gdal.describeCrs('EPSG:32633');
  assert.equal(utm?.authorityCode, 'EPSG:32633');
  assert.equal(utm?.projected, true);
  assert.deepEqual(utm?.areaOfUse, [12, 0, 18, 84]);
  assert.match(utm?.wkt2 ?? '', /^PROJCRS\["WGS 84 \/ UTM zone 33N"/);
  const wgs84 = await gdal.describeCrs('epsg:4326');
  assert.deepEqual(
    [wgs84?.authorityCode, wgs84?.projected, wgs84?.areaOfUse],
    ['EPSG:4326', false, [-180, -90, 180, 90]],
  );
});

test('an area of use across the antimeridian has its west beyond its east', async () => {
  const [west = 0, , east = 0] = (await gdal.describeCrs('EPSG:3832'))?.areaOfUse ?? [];
  assert.ok(west > 0 && east < 0);
});

test('other words for a system of the EPSG lead to its code', async () => {
  const definitions: readonly (readonly [string, string])[] = [
    [esriUtm25s, 'EPSG:31985'],
    ['+proj=utm +zone=25 +south +datum=WGS84 +units=m +no_defs', 'EPSG:32725'],
    ['+proj=utm +zone=7 +datum=WGS84', 'EPSG:32607'],
    ['+proj=longlat +datum=WGS84', 'EPSG:4326'],
    ['OGC:CRS84', 'EPSG:4326'],
    ['urn:ogc:def:crs:EPSG::2193', 'EPSG:2193'],
    ['http://www.opengis.net/def/crs/EPSG/0/3035', 'EPSG:3035'],
  ];
  for (const [definition, code] of definitions) {
    const described = await gdal.describeCrs(definition);
    assert.equal(described?.authorityCode, code, definition);
    assert.ok(described?.areaOfUse, definition);
  }
});

test('asked a thousand times in one process, each definition keeps its code', async () => {
  const definitions = [
    ['+proj=longlat +datum=WGS84', 'EPSG:4326'],
    ['urn:ogc:def:crs:EPSG::2193', 'EPSG:2193'],
    ['+proj=utm +zone=7 +datum=WGS84', 'EPSG:32607'],
    ['EPSG:32633', 'EPSG:32633'],
  ] as const;
  for (let round = 0; round < 250; round += 1) {
    for (const [definition, code] of definitions) {
      assert.equal((await gdal.describeCrs(definition))?.authorityCode, code, `round ${round}: ${definition}`);
    }
  }
});

test('a WKT 2 leads back to its code', async () => {
  for (const code of ['EPSG:27700', 'EPSG:3031', 'EPSG:9707']) {
    const { wkt2 = '' } = (await gdal.describeCrs(code)) ?? {};
    assert.equal((await gdal.describeCrs(wkt2))?.authorityCode, code);
  }
});

test('a system that is none of the EPSG has no code', async () => {
  const own = await gdal.describeCrs('+proj=tmerc +lat_0=10 +lon_0=5 +k=0.9 +datum=WGS84');
  assert.deepEqual([own?.authorityCode, own?.projected, own?.areaOfUse], [null, true, null]);
  assert.equal((await gdal.describeCrs('ESRI:54009'))?.authorityCode, null);
});

test('what is no definition is null; files and pages are never read', async () => {
  const wrong = [
    '',
    'EPSG:999999',
    'EPSG:',
    'nonsense',
    '/etc/hostname',
    'package.json',
    './a.prj',
    'PROJCS["x"',
    'none',
  ];
  for (const definition of [
    ...wrong,
    'https://example.org/crs',
    '+init=/etc/hostname:1',
    '{"type":1}',
    'x'.repeat(10_000),
  ]) {
    assert.equal(await gdal.describeCrs(definition), null, definition.slice(0, 40));
  }
});

test('points go longitude or easting first, both ways', async () => {
  const [there] = await gdal.transformPoints('EPSG:4326', 'EPSG:32633', [[15, 50]]);
  near(there, [500_000, 5_538_630.703]);
  const [back] = await gdal.transformPoints('EPSG:32633', 'EPSG:4326', [there ?? [0, 0]]);
  near(back, [15, 50], 1e-8);
  // An authority that puts the northing first.
  const [grid] = await gdal.transformPoints('EPSG:4326', 'EPSG:2193', [[174, -41]]);
  near(grid, [1_684_102.134, 5_460_761.411]);
});

test('points that cannot be transformed are null, the others keep their places', async () => {
  const points = [
    [15, 50],
    [105, 0],
    [Number.NaN, 1],
    [1e10, 1e10],
    [16, 50],
  ] as const;
  const transformed = await gdal.transformPoints('EPSG:4326', 'EPSG:32633', points);
  assert.deepEqual(
    transformed.map((point) => point !== null),
    [true, false, false, false, true],
  );
  assert.deepEqual(await gdal.transformPoints('EPSG:4326', 'EPSG:3857', []), []);
});

test('an unknown system is CRS_INVALID', async () => {
  await assert.rejects(gdal.transformPoints('EPSG:4326', 'EPSG:999999', [[0, 0]]), { code: 'CRS_INVALID' });
});

function near(point: readonly [number, number] | null | undefined, expected: readonly [number, number], by = 0.001) {
  assert.ok(point, 'no point');
  assert.ok(Math.hypot(point[0] - expected[0], point[1] - expected[1]) < by, `${point} is not ${expected}`);
}
