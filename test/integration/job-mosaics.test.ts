import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import gdal from 'gdal-async';
import type { JobDefinition } from '../../core/job.ts';
import type { JsonObject } from '../../core/json.ts';
import { runJob } from '../../core/testing/run-job.ts';
import type { MosaicJson } from '../../handlers/mosaic/mosaic-json.ts';
import type { CreateCogOutput } from '../../handlers/raster/schemas.ts';
import { processLargeRaster } from '../../jobs/process-large-raster.ts';
import { processRasterCollection } from '../../jobs/process-raster-collection.ts';
import { assertSame, cogeoMosaic, drawnShares, featureOf } from '../tools/cogeo-mosaic.ts';
import { gdalCli } from '../tools/gdal-cli.ts';
import { type TestRaster, writeRaster } from '../tools/gdal-files.ts';
import { pythonMissing } from '../tools/optional-python.ts';
import { stacServices } from '../tools/stac-services.ts';
import { uploadTiles } from '../tools/tile-sets.ts';

/** A mosaic of local files, and these in the order of their tasks. */
interface Made {
  readonly mosaic: MosaicJson;
  readonly files: readonly string[];
}

type Box = readonly [west: number, south: number, east: number, north: number];

const missing = await pythonMissing('mosaic');

if (missing === null) await compare();
else test('the mosaics of jobs are those that cogeo-mosaic makes of their COGs', { skip: missing }, () => {});

async function compare(): Promise<void> {
  const stack = await stacServices();
  const { services, container, folder } = stack;

  /** The document that a job wrote, with copies of the COGs that the job wrote in place of their links. */
  async function made(definition: JobDefinition, cogStage: number, parameters: JsonObject): Promise<Made> {
    const { job, store } = await runJob(definition, { container_name: container, ...parameters }, stack);
    assert.equal(job.status, 'completed', JSON.stringify(job.error));
    const cogs = await store.resultPage({ jobId: job.jobId, run: job.run, stage: cogStage }, -1, 100);
    const fileOf = new Map<string, string>();
    for (const { key, output } of cogs) {
      const { cog_container, cog_blob } = output as unknown as CreateCogOutput;
      const ref = { container: cog_container, name: cog_blob };
      const file = join(folder, `${job.jobId.slice(0, 8)}-${key}.tif`);
      await services.blobs.download(ref, file);
      fileOf.set(services.blobs.url(ref), file);
    }
    const place = job.result?.mosaicjson as { container: string; blob_path: string };
    const bytes = await services.blobs.read({ container: place.container, name: place.blob_path });
    const ours = JSON.parse(new TextDecoder().decode(bytes)) as MosaicJson;
    const local = (hrefs: readonly string[]) => hrefs.map((href) => fileOf.get(href) ?? `no COG: ${href}`);
    const tiles = Object.fromEntries(Object.entries(ours.tiles).map(([key, hrefs]) => [key, local(hrefs)]));
    assert.ok(Object.values(tiles).some((files) => files.length > 1));
    return { mosaic: { ...ours, tiles }, files: [...fileOf.values()] };
  }

  async function collected(name: string, blob_list: readonly string[], more: JsonObject = {}): Promise<Made> {
    const place = { blob_list: [...blob_list], collection_id: name, mosaicjson_container: container };
    const all = await made(processRasterCollection, 2, { ...place, ...more });
    assert.equal(all.files.length, blob_list.length);
    return all;
  }

  async function uploaded(name: string, rasters: readonly TestRaster[]): Promise<string[]> {
    const refs = rasters.map(async (raster, index) =>
      stack.upload(writeRaster(join(folder, `${name}-${index}.tif`), raster), `${name}/${index}.tif`),
    );
    return (await Promise.all(refs)).map((ref) => ref.name);
  }

  for (const [name, columns, rows] of [
    ['four', 2, 2],
    ['fifty', 10, 5],
  ] as const) {
    test(`the mosaic of a collection of ${name} tiles is the one that cogeo-mosaic makes of its COGs`, async () => {
      const { mosaic, files } = await collected(name, await uploadTiles(stack, 'rgb', { prefix: name, columns, rows }));
      assertSame(mosaic, await cogeoMosaic(folder, { files }));
    });
  }

  test('so is the one of tiles that overlap and differ in size and resolution', async () => {
    const tiles = [
      { width: 300, height: 200, origin: [500_000, 5_500_000], pixel: 10 },
      { width: 410, height: 390, origin: [501_500, 5_499_500], pixel: 4 },
      { width: 100, height: 100, origin: [499_000, 5_499_900], pixel: 25 },
      { width: 300, height: 200, origin: [500_000, 5_500_000], pixel: 10 },
      { width: 90, height: 120, origin: [502_900, 5_498_100], pixel: 10 },
    ] as const;
    const { mosaic, files } = await collected('overlapping', await uploaded('overlapping', tiles));
    assertSame(mosaic, await cogeoMosaic(folder, { files }));
  });

  test('the mosaic of a large raster is the one that cogeo-mosaic makes of its COGs', async () => {
    const file = writeRaster(join(folder, 'large.tif'), { width: 1300, height: 900, bands: 3 });
    const { name } = await stack.upload(file, `${container}/large.tif`);
    const { mosaic, files } = await made(processLargeRaster, 3, { blob_name: name, tile_size: 512 });
    assertSame(mosaic, await cogeoMosaic(folder, { files }));
  });

  const pacific = { crs: 'EPSG:32701', pixel: 200 } as const;

  for (const target_crs of ['EPSG:4326', 'EPSG:3857']) {
    test(`so is the one of a large raster over the antimeridian in ${target_crs}, drawn on both sides`, async () => {
      const raster = { ...pacific, width: 1300, height: 900, origin: [20_000, 8_000_000] } as const;
      const [blob_name = ''] = await uploaded(`large-${target_crs.slice(5)}`, [raster]);
      const { mosaic, files } = await made(processLargeRaster, 3, { blob_name, tile_size: 512, target_crs });
      assertSame(mosaic, await cogeoMosaic(folder, { files }));
      await assertDrawn(folder, mosaic);
    });
  }

  /** Two whose COGs lie over the antimeridian, one beside it on each side. */
  const crossing = ([20_000, 140_000, 260_000] as const).flatMap((left) =>
    [8_000_000, 7_910_000].map((top) => ({ ...pacific, width: 605, height: 455, origin: [left, top] as const })),
  );

  // Of a COG whose longitudes go on beyond 180 cogeo-mosaic sees the western half only, and a zoom as of the whole globe.
  test('COGs over the antimeridian stand in the tiles of both of their halves', async () => {
    const { mosaic, files } = await collected('crossing', await uploaded('crossing', crossing));
    const boxes = await Promise.all(files.map(async (file) => ({ file, box: boxOf(file) })));
    assert.equal(boxes.filter(({ box }) => box[2] > 180).length, 2);
    const features = boxes.flatMap(({ file, box }) => halves(box).map((half) => featureOf(file, half)));
    const inland = await Promise.all(boxes.map(({ file, box }) => movedWest(file, box)));
    const { minzoom, maxzoom } = await cogeoMosaic(folder, { files: inland });
    assertSame(mosaic, await cogeoMosaic(folder, { features, minzoom, maxzoom }));
  });

  // rio-tiler does not look for longitudes beyond 180 east of the antimeridian; a CRS that ends elsewhere has none.
  test('in a CRS that does not end at the antimeridian such COGs are drawn on both sides', async () => {
    const name = 'pacific';
    const { mosaic } = await collected(name, await uploaded(name, crossing), { target_crs: 'EPSG:3832' });
    await assertDrawn(folder, mosaic);
  });
}

/** Side by side at the antimeridian, in the middle of the data. */
async function assertDrawn(folder: string, mosaic: MosaicJson): Promise<void> {
  const zoom = mosaic.maxzoom;
  const radians = (((mosaic.bounds[1] + mosaic.bounds[3]) / 2) * Math.PI) / 180;
  const row = Math.floor(((1 - Math.asinh(Math.tan(radians)) / Math.PI) / 2) * 2 ** zoom);
  const last = 2 ** zoom - 1;
  const shares = await drawnShares(
    folder,
    mosaic,
    [last - 1, last, 0, 1].map((column) => [column, row, zoom]),
  );
  assert.deepEqual(shares, [1, 1, 1, 1]);
}

/** Of a raster in degrees, as its file says. */
function boxOf(file: string): Box {
  const dataset = gdal.open(file);
  const [west = 0, dx = 0, , north = 0, , dy = 0] = dataset.geoTransform ?? [];
  const { x, y } = dataset.rasterSize;
  dataset.close();
  return [west, north + y * dy, west + x * dx, north];
}

function halves([west, south, east, north]: Box): Box[] {
  if (east <= 180) return [[west, south, east, north]];
  return [
    [west, south, 180, north],
    [-180, south, east - 360, north],
  ];
}

/** The same file ten degrees away from the antimeridian, where nothing is split. */
async function movedWest(file: string, [west, south, east, north]: Box): Promise<string> {
  const by = west < 0 ? -10 : 10;
  const moved = file.replace(/\.tif$/, '-moved.tif');
  const corners = [west - by, north, east - by, south].map(String);
  await gdalCli('gdal_translate', ['-q', '-of', 'COG', '-a_ullr', ...corners, file, moved]);
  return moved;
}
