import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import sharp, { type Sharp } from 'sharp';
import { CoreMachineError } from '../../core/errors.ts';
import type { JsonObject } from '../../core/json.ts';
import type { BlobRef } from '../../core/ports/blob-store.ts';
import type { StacItem } from '../../core/ports/catalogue.ts';
import { gdalCli, gdalinfo } from '../tools/gdal-cli.ts';
import { withClient } from '../tools/postgres.ts';
import { program } from '../tools/program.ts';
import { refereeFootprints, refereeHeaders, refereeProblems } from '../tools/stac-referee.ts';
import { catalogued, stacServices } from '../tools/stac-services.ts';
import { stacProblems } from '../tools/stac-validator.ts';

const samples = join(import.meta.dirname, '../fixtures/samples');
const stac = await stacServices();
const wgs84 = ['-t_srs', 'EPSG:4326'];

type Program = 'gdalwarp' | 'gdal_translate';

interface Made {
  readonly file: string;
  readonly raster: BlobRef;
}

/** A COG of a sample in blob storage, and where its local copy is. */
async function cog(name: string, tool: Program, source: string, options: readonly string[] = []): Promise<Made> {
  const file = join(stac.folder, `${name}.tif`);
  const input = source.includes('/') || source.includes(':') ? source : join(samples, source);
  await gdalCli(
    tool,
    ['-q', '-of', 'COG', '-overwrite', ...options, input, file].filter(
      (option) => tool === 'gdalwarp' || option !== '-overwrite',
    ),
  );
  return { file, raster: await stac.upload(file, `cogs/${name}.tif`) };
}

/** GDAL takes an alpha band for the mask of one or three bands. */
async function threeBands(): Promise<string> {
  const file = join(stac.folder, 'three.tif');
  const bands = ['-b', '3', '-b', '2', '-b', '1', '-colorinterp', 'red,green,blue'];
  await gdalCli('gdal_translate', ['-q', ...bands, join(samples, 'L7_ETMs.tif'), file]);
  return file;
}

/** A ring of land around a lake, cut out of the scene. */
async function ringShaped(): Promise<Made> {
  const circle = (radius: number) =>
    Array.from({ length: 65 }, (_, step) => {
      const angle = (step / 32) * Math.PI;
      return [-34.871 + radius * Math.cos(angle), -7.995 + radius * Math.sin(angle)];
    });
  const shape = join(stac.folder, 'ring.geojson');
  await writeFile(shape, JSON.stringify({ type: 'Polygon', coordinates: [circle(0.035), circle(0.012).reverse()] }));
  return cog('ring', 'gdalwarp', 'L7_ETMs.tif', ['-cutline', shape, '-dstnodata', '0']);
}

const made = {
  scene: await cog('scene', 'gdalwarp', 'L7_ETMs.tif', [...wgs84, '-dstnodata', '0']),
  utm: await cog('utm', 'gdal_translate', 'L7_ETMs.tif'),
  ring: await ringShaped(),
  heights: await cog('heights', 'gdalwarp', 'olinda_dem_utm25s.tif', [...wgs84, '-dstnodata', 'nan']),
  classes: await cog('classes', 'gdalwarp', 'lc.tif', [...wgs84, '-dstnodata', '255', '-r', 'near']),
  photo: await cog('photo', 'gdal_translate', 'earth-blue-marble.jpg', [
    '-a_srs',
    'EPSG:4326',
    '-a_ullr',
    '-180',
    '90',
    '180',
    '-90',
    '-co',
    'COMPRESS=JPEG',
  ]),
  masked: await cog('masked', 'gdalwarp', await threeBands(), [...wgs84, '-dstalpha']),
};
const items = new Map<string, StacItem>();
for (const [name, { raster }] of Object.entries(made)) items.set(name, (await catalogued(stac, raster)).item);

function itemOf(name: keyof typeof made): StacItem {
  const item = items.get(name);
  assert.ok(item);
  return item;
}

function asset(item: StacItem, name: string): JsonObject {
  const found = (item.assets as JsonObject)[name];
  assert.ok(found, `${item.id} has an asset ${name}`);
  return found as JsonObject;
}

test('items and collections are valid for stac-node-validator', async () => {
  for (const [name, item] of items) assert.deepEqual(await stacProblems(item), [], name);
  const collection = await stac.services.catalogue.getCollection('system-rasters');
  assert.deepEqual(await stacProblems(collection), []);
  assert.equal(collection?.license, 'other');
});

test('items are valid for Python’s stac-validator, which also sees what is wrong', async () => {
  const [scene] = items.values();
  const broken = { ...scene, properties: { ...(scene?.properties as JsonObject), datetime: undefined } };
  const problems = await refereeProblems([...items.values(), broken]);
  assert.equal(problems.pop()?.length, 1);
  assert.deepEqual(
    problems,
    [...items].map(() => []),
  );
});

test('items are found with psql, by their id and by their place', async () => {
  const item = itemOf('classes');
  const env = { ...process.env, PGOPTIONS: '-c search_path=pgstac,public' };
  const psql = async (statement: string) =>
    (await program('psql', [stac.databaseUrl, '-XAtc', statement], { env })).stdout.trim();
  const stored = JSON.parse(await psql(`SELECT pgstac.get_item('${item.id}', 'system-rasters')`)) as unknown;
  assert.deepEqual(stored, item);
  const box = { collections: ['system-rasters'], bbox: [-66.5, 18, -66, 18.5] };
  const found = JSON.parse(await psql(`SELECT pgstac.search('${JSON.stringify(box)}')`)) as { features: StacItem[] };
  assert.deepEqual(found.features.map(({ id }) => id).sort(), [item.id, itemOf('photo').id].sort());
});

test('footprints are those of the valid pixels that rasterio finds', async () => {
  const names = ['scene', 'utm', 'ring', 'heights', 'classes', 'masked'] as const;
  const expected = await refereeFootprints(names.map((name) => made[name].file));
  await withClient(stac.databaseUrl, async (client) => {
    for (const [index, name] of names.entries()) {
      const statement = `SELECT ST_IsValid(ours) AS valid, ST_Area(ST_Intersection(ours, theirs)) / ST_Area(ST_Union(ours, theirs)) AS overlap
        FROM (SELECT ST_GeomFromGeoJSON($1) AS ours) a,
             (SELECT ST_Union(ST_MakeValid(ST_GeomFromGeoJSON(value))) AS theirs FROM jsonb_array_elements_text($2::jsonb)) b`;
      const theirs = JSON.stringify((expected[index] ?? []).map((geometry) => JSON.stringify(geometry)));
      const { rows } = await client.query(statement, [JSON.stringify(itemOf(name).geometry), theirs]);
      assert.equal(rows[0]?.valid, true, name);
      assert.ok(rows[0].overlap > (name === 'classes' ? 0.95 : 0.985), `${name}: ${rows[0].overlap}`);
    }
  });
  const ring = itemOf('ring').geometry as { type: string; coordinates: unknown[] };
  assert.deepEqual([ring.type, ring.coordinates.length], ['Polygon', 2]);
});

test('the data asset says where, how large, of what type and with which values', async () => {
  const data = asset(itemOf('utm'), 'data');
  const scene = asset(itemOf('scene'), 'data');
  assert.equal(data.href, stac.services.blobs.url(made.utm.raster));
  assert.equal(data.type, 'image/tiff; application=geotiff; profile=cloud-optimized');
  assert.deepEqual(data.roles, ['data']);
  assert.deepEqual([data['proj:code'], data['proj:shape']], ['EPSG:31985', [352, 349]]);
  const [across, , west, , down, north] = data['proj:transform'] as number[];
  assert.deepEqual(
    [across, down].map((size) => size?.toFixed(6)),
    ['28.500000', '-28.500000'],
  );
  assert.deepEqual((data['proj:bbox'] as number[])[0], west);
  assert.deepEqual((data['proj:bbox'] as number[])[3], north);
  assert.equal((itemOf('utm').properties as JsonObject)['proj:code'], 'EPSG:31985');
  const { sizeBytes } = (await stac.services.blobs.properties(made.utm.raster)) ?? {};
  assert.equal(data['file:size'], sizeBytes);
  const bands = scene.bands as JsonObject[];
  assert.deepEqual(
    bands.map(({ name, data_type, nodata }) => [name, data_type, nodata]),
    Array.from({ length: 6 }, (_, i) => [`b${i + 1}`, 'uint8', 0]),
  );
  const [first] = bands as unknown as { statistics: { minimum: number; maximum: number } }[];
  assert.ok(first);
  const { minimum, maximum } = first.statistics;
  assert.ok(minimum > 0 && maximum === 255);
  assert.equal((asset(itemOf('heights'), 'data').bands as JsonObject[])[0]?.nodata, 'nan');
  assert.deepEqual(
    (asset(itemOf('photo'), 'data').bands as JsonObject[]).map(({ name }) => name),
    ['red', 'green', 'blue'],
  );
  assert.deepEqual(asset(itemOf('photo'), 'data').roles, ['data', 'visual']);
});

test('the header ends where GDAL finds the first tile', async () => {
  const names = ['scene', 'photo', 'heights'] as const;
  const ours = names.map((name) => asset(itemOf(name), 'data')['file:header_size']);
  assert.deepEqual(ours, await refereeHeaders(names.map((name) => made[name].file)));
});

test('thumbnails show something, are small, and transparent where there are no data', async () => {
  for (const [name, item] of items) {
    const { blob, picture, bytes } = await thumbnailOf(item);
    assert.ok(blob.name.endsWith(`${name}.tif_thumb.webp`) && blob.container === stac.container);
    const { width = 0, height = 0, format } = await picture.metadata();
    assert.equal(format, 'webp');
    assert.ok(Math.max(width, height) <= 512 && bytes < 60_000, `${name}: ${width}x${height}, ${bytes} bytes`);
    const { channels, isOpaque } = await picture.stats();
    assert.ok(
      channels.slice(0, 3).some(({ stdev }) => stdev > 8),
      `${name} is blank`,
    );
    assert.equal(isOpaque, name === 'photo' || name === 'utm', `${name} is ${isOpaque ? '' : 'not '}opaque`);
  }
  assert.deepEqual(await foreignColors('classes'), [], 'a legend fits the picture');
  const { picture } = await thumbnailOf(itemOf('ring'));
  const { data, info } = await picture.ensureAlpha().raw().toBuffer({ resolveWithObject: true });
  const alphaAt = (x: number, y: number) =>
    data[(Math.round(y * info.height) * info.width + Math.round(x * info.width)) * 4 + 3];
  assert.deepEqual([alphaAt(0.5, 0.5), alphaAt(0.02, 0.02)], [0, 0]);
  assert.equal(alphaAt(0.5, 0.25), 255);
});

test('the same raster again changes nothing; a changed one refreshes its item and keeps when it was made', async () => {
  const { raster } = await cog('again', 'gdal_translate', 'L7_ETMs.tif', ['-b', '1']);
  const first = await catalogued(stac, raster, { collection_id: 'fresh' });
  assert.deepEqual([first.result.inserted_to_pgstac, first.result.item_skipped], [true, false]);
  const second = await catalogued(stac, raster, { collection_id: 'fresh' });
  assert.deepEqual([second.result.inserted_to_pgstac, second.result.item_skipped], [true, true]);
  assert.deepEqual(second.item, first.item);
  await cog('again', 'gdal_translate', 'L7_ETMs.tif', ['-b', '2', '-b', '3']);
  const third = await catalogued(stac, raster, { collection_id: 'fresh' });
  assert.deepEqual([third.item.id, third.result.item_skipped], [first.item.id, false]);
  assert.equal((asset(third.item, 'data').bands as unknown[]).length, 2);
  const times = [first, third].map(({ item }) => item.properties as { created: string; updated: string });
  assert.equal(times[1]?.created, times[0]?.created);
  assert.ok((times[1]?.updated ?? '') > (times[0]?.updated ?? ''));
  const found = await stac.services.catalogue.search({ collections: ['fresh'] });
  assert.equal(found.numberReturned, 1);
});

test('a collection grows with its items', async () => {
  const degrees = async () => {
    const collection = await stac.services.catalogue.getCollection('growing');
    const { extent } = collection as unknown as { extent: { spatial: { bbox: number[][] } } };
    return extent.spatial.bbox[0]?.map(Math.round);
  };
  await catalogued(stac, made.scene.raster, { collection_id: 'growing', item_id: 'scene' });
  assert.deepEqual(await degrees(), [-35, -8, -35, -8]);
  await catalogued(stac, made.classes.raster, { collection_id: 'growing', item_id: 'classes' });
  assert.deepEqual(await degrees(), [-68, -8, -35, 19]);
});

test('the time is that of the file, of its NetCDF axis, or of the processing', async () => {
  const dated = await cog('dated', 'gdal_translate', 'L7_ETMs.tif', ['-mo', 'TIFFTAG_DATETIME=2019:07:04 12:00:00']);
  const { datetime } = (await catalogued(stac, dated.raster)).item.properties as JsonObject;
  assert.equal(datetime, '2019-07-04T12:00:00.000Z');
  const climate = await cog('climate', 'gdal_translate', `NETCDF:${join(samples, 'bcsd_obs_1999.nc')}:pr`, [
    '-a_srs',
    'EPSG:4326',
  ]);
  const { item } = await catalogued(stac, climate.raster);
  const span = item.properties as JsonObject;
  assert.deepEqual(
    [span.datetime, span.start_datetime, span.end_datetime].map((time) => String(time).slice(0, 7)),
    ['1999-01', '1999-01', '1999-12'],
  );
  assert.deepEqual(await stacProblems(item), []);
  const { datetime: made_at, created } = itemOf('scene').properties as JsonObject;
  assert.equal(made_at, created);
  assert.ok(Math.abs(Date.now() - Date.parse(String(created))) < 600_000);
});

test('rasters over the antimeridian and around the pole have footprints that say so', async () => {
  const place = (west: string, north: string, east: string, south: string) => [
    '-a_srs',
    'EPSG:4326',
    '-a_ullr',
    west,
    north,
    east,
    south,
  ];
  const pacific = await cog('pacific', 'gdal_translate', 'earth-blue-marble.jpg', place('170', '10', '190', '-10'));
  const arctic = await cog('arctic', 'gdalwarp', made.photo.file, [
    '-t_srs',
    'EPSG:3995',
    '-te',
    '-2e6',
    '-2e6',
    '2e6',
    '2e6',
    '-ts',
    '256',
    '256',
  ]);
  const east = (await catalogued(stac, pacific.raster)).item;
  assert.deepEqual(east.bbox, [170, -10, -170, 10]);
  assert.equal((east.geometry as JsonObject).type, 'MultiPolygon');
  const north = (await catalogued(stac, arctic.raster)).item;
  assert.deepEqual([north.bbox[0], north.bbox[2], north.bbox[3]], [-180, 180, 90]);
  for (const item of [east, north]) assert.deepEqual(await stacProblems(item), []);
  const idsAt = async (bbox: number[]) =>
    ((await stac.services.catalogue.search({ bbox, ids: [east.id, north.id] })).features as unknown as StacItem[]).map(
      ({ id }) => id,
    );
  assert.deepEqual(await idsAt([-176, 1, -175, 2]), [east.id]);
  assert.deepEqual(await idsAt([0, 0, 1, 1]), []);
  assert.deepEqual(await idsAt([100, 88, 101, 89]), [north.id]);
});

test('any raster is catalogued as it is, its thumbnail put with ours', async () => {
  const { blobs } = stac.services;
  const raw = { container: `${stac.container}-raw`, name: 'a b/größe.tif' };
  await blobs.upload(raw, join(samples, 'lc.tif'), { contentType: 'image/tiff' });
  const { item } = await catalogued(stac, raw, { item_id: 'as-it-is' });
  assert.deepEqual(await stacProblems(item), []);
  assert.equal(asset(item, 'data').type, 'image/tiff; application=geotiff');
  // Its Albers projection is none of the EPSG's.
  assert.match(String(asset(item, 'data')['proj:wkt2']), /^PROJCRS/);
  assert.equal((await thumbnailOf(item)).blob.container, stac.container);
  assert.deepEqual(await Array.fromAsync(blobs.list(raw.container), ({ name }) => name), [raw.name]);
});

test('what cannot be catalogued fails with its own code, and nothing is tried again', async () => {
  const codeOf = async (raster: BlobRef) => {
    try {
      await catalogued(stac, raster);
    } catch (error) {
      return error instanceof CoreMachineError ? error.code : error;
    }
    return 'catalogued';
  };
  const upload = (file: string, name: string) => stac.upload(join(samples, file), `broken/${name}`);
  assert.equal(await codeOf({ container: stac.container, name: 'absent.tif' }), 'FILE_NOT_FOUND');
  assert.equal(await codeOf({ container: 'no-such-container', name: 'absent.tif' }), 'CONTAINER_NOT_FOUND');
  assert.equal(await codeOf(await upload('README.md', 'text.tif')), 'FILE_UNREADABLE');
  assert.equal(await codeOf(await upload('earth-blue-marble.jpg', 'nowhere.jpg')), 'CRS_MISSING');
});

test('a raster without one valid pixel has a place and no picture', async () => {
  const { raster } = await cog('empty', 'gdal_translate', 'L7_ETMs.tif', [
    '-b',
    '1',
    '-scale',
    '0',
    '255',
    '0',
    '0',
    '-a_nodata',
    '0',
  ]);
  const { item } = await catalogued(stac, raster);
  assert.deepEqual(Object.keys(item.assets as JsonObject), ['data']);
  assert.equal((asset(item, 'data').bands as JsonObject[])[0]?.statistics, undefined);
  assert.deepEqual(
    item.bbox.map((degrees) => degrees.toFixed(2)),
    itemOf('utm').bbox.map((degrees) => degrees.toFixed(2)),
  );
  assert.deepEqual(await stacProblems(item), []);
});

/** Colours of a thumbnail's opaque pixels that are none of its raster's colour table. */
async function foreignColors(name: 'classes'): Promise<string[]> {
  const [band] = (await gdalinfo(made[name].file)).bands;
  const known = new Set(band?.colorTable?.entries.map(([red, green, blue]) => `${red},${green},${blue}`));
  const data = await (await thumbnailOf(itemOf(name))).picture.ensureAlpha().raw().toBuffer();
  const shown = new Set<string>();
  for (let at = 0; at < data.length; at += 4) if (data[at + 3] === 255) shown.add(data.subarray(at, at + 3).join(','));
  assert.ok(shown.size > 1, `${name} is blank`);
  return [...shown].filter((color) => !known.has(color));
}

async function thumbnailOf(item: StacItem): Promise<{ blob: BlobRef; picture: Sharp; bytes: number }> {
  const href = String(asset(item, 'thumbnail').href);
  const [, container = '', ...path] = decodeURIComponent(new URL(href).pathname).split('/').slice(1);
  const blob = { container, name: path.join('/') };
  const bytes = await stac.services.blobs.read(blob);
  return { blob, picture: sharp(bytes), bytes: bytes.length };
}
