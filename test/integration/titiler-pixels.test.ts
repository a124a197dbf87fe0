import assert from 'node:assert/strict';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import sharp from 'sharp';
import type { JsonObject } from '../../core/json.ts';
import { runJob } from '../../core/testing/run-job.ts';
import type { TitilerUrls } from '../../handlers/links/titiler-urls.ts';
import { processLargeRaster } from '../../jobs/process-large-raster.ts';
import { processRaster } from '../../jobs/process-raster.ts';
import { processRasterCollection } from '../../jobs/process-raster-collection.ts';
import { gdalCli } from '../tools/gdal-cli.ts';
import { stacServices } from '../tools/stac-services.ts';
import { startTitiler, titilerMissing } from '../tools/titiler.ts';

const scene = join(import.meta.dirname, '../fixtures/samples/L7_ETMs.tif');
/** Side of the square world in metres. */
const world = 2 * Math.PI * 6_378_137;
/**
 * Of 255 a band and pixel, at the resolution of the data: the source is resampled twice, to the COG (cubic) and to the
 * tile (nearest), the reference once.
 */
const tolerance = { mean: 4, share: 0.95, each: 16 };

const missing = await titilerMissing();
if (missing === null) await comparePixels();
else test('tiles of titiler-pgstac show the pixels of the source', { skip: missing }, () => {});

async function comparePixels(): Promise<void> {
  const stac = await stacServices();
  const titiler = await startTitiler(stac.databaseUrl);
  stac.beforeClosing(() => titiler.stop());
  const linked = { titilerBaseUrl: titiler.url, titilerDialect: '3' } as const;
  const services = { ...stac.services, settings: { ...stac.services.settings, ...linked } };
  const photo = join(stac.folder, 'photo.tif');
  const colors = ['-b', '3', '-b', '2', '-b', '1', '-colorinterp', 'red,green,blue', '-a_nodata', 'none'];
  await gdalCli('gdal_translate', ['-q', ...colors, '-co', 'PHOTOMETRIC=RGB', scene, photo]);

  test('a tile of an item shows the pixels of its source', async (context) => {
    const { container, name } = await stac.upload(photo, 'photo.tif');
    const { job } = await runJob(processRaster, { container_name: container, blob_name: name }, { services });
    assert.equal(job.status, 'completed', JSON.stringify(job.error));
    await compare(urlsOf(job.result ?? null), photo, context);
  });

  test('a tile of a collection shows the pixels of all of its sources', async (context) => {
    const blob_list = await quarters(photo);
    const place = { container_name: stac.container, mosaicjson_container: stac.container };
    const parameters = { ...place, blob_list, collection_id: 'quarters' };
    const { job } = await runJob(processRasterCollection, parameters, { services });
    assert.equal(job.status, 'completed', JSON.stringify(job.error));
    await compare(urlsOf(job.result ?? null), photo, context);
  });

  test('a tile over a seam of a large raster shows the pixels of its source', async (context) => {
    const { container, name } = await stac.upload(photo, `${stac.container}/photo.tif`);
    const parameters = { container_name: container, blob_name: name, tile_size: 256 };
    const { job } = await runJob(processLargeRaster, parameters, { services });
    assert.equal(job.status, 'completed', JSON.stringify(job.error));
    const { stac_id } = (job.result as { stac: { stac_id: string } } | null)?.stac ?? { stac_id: '' };
    const first = await services.catalogue.getItem(stac_id, `${stac_id}-tile-0000`);
    const [, south = 0, east = 0] = first?.bbox ?? [];
    await compare(urlsOf(job.result ?? null), photo, context, [east, south]);
  });

  /** The scene in four files. */
  async function quarters(file: string): Promise<string[]> {
    const windows = [
      [0, 0, 174, 176],
      [174, 0, 175, 176],
      [0, 176, 174, 176],
      [174, 176, 175, 176],
    ].map((window) => window.map(String));
    return Promise.all(
      windows.map(async (window, index) => {
        const quarter = join(stac.folder, `quarter-${index}.tif`);
        await gdalCli('gdal_translate', ['-q', '-srcwin', ...window, file, quarter]);
        return (await stac.upload(quarter, `quarters/${index}.tif`)).name;
      }),
    );
  }

  /** The tile in the middle, or the one with the place `seam` ([longitude, latitude]) well inside. */
  async function compare(
    urls: TitilerUrls,
    source: string,
    context: TestContext,
    seam?: readonly [number, number],
  ): Promise<void> {
    const { maxzoom, bounds } = (await (await got(urls.tilejson_url)).json()) as { maxzoom: number; bounds: number[] };
    const [west = 0, south = 0, east = 0, north = 0] = bounds;
    const middle = [(west + east) / 2, (south + north) / 2] as const;
    const at = placeAt(maxzoom, ...(seam ?? middle));
    const [x, y] = [Math.floor(at[0]), Math.floor(at[1])];
    if (seam) assert.ok(Math.min(at[0] - x, x + 1 - at[0], at[1] - y, y + 1 - at[1]) > 0.04, `${at}`);
    const shown = await tile(urls, maxzoom, x, y);
    const expected = await warped(source, maxzoom, x, y);
    const { mean, share } = await difference(shown, expected);
    context.diagnostic(`mean difference ${mean.toFixed(2)}, ${(share * 100).toFixed(1)}% within ${tolerance.each}`);
    assert.ok(mean <= tolerance.mean && share >= tolerance.share, `mean ${mean}, share ${share}`);
    assert.equal(await holes(shown, expected), 0, 'no gaps between the tiles');
    // What is not at this place is another picture: the comparison can fail.
    const beside = await difference(shown, await warped(source, maxzoom, x, y, 20));
    assert.ok(beside.mean > 2 * tolerance.mean);
  }

  async function tile(urls: TitilerUrls, z: number, x: number, y: number): Promise<Buffer> {
    const url = urls.tiles_url?.replace('{z}', `${z}`).replace('{x}', `${x}`).replace('{y}', `${y}`);
    return Buffer.from(await (await got(url ?? null)).arrayBuffer());
  }

  /** The source in the place of a tile, by GDAL alone; `shift`: so many pixels beside it. */
  async function warped(source: string, z: number, x: number, y: number, shift = 0): Promise<Buffer> {
    const side = world / 2 ** z;
    const left = x * side - world / 2 + (shift * side) / 256;
    const top = world / 2 - y * side;
    const extent = [left, top - side, left + side, top].map(String);
    const [file, png] = [join(stac.folder, 'expected.tif'), join(stac.folder, 'expected.png')];
    const grid = ['-t_srs', 'EPSG:3857', '-te', ...extent, '-ts', '256', '256', '-r', 'cubic', '-dstalpha'];
    await gdalCli('gdalwarp', ['-q', '-overwrite', ...grid, source, file]);
    await gdalCli('gdal_translate', ['-q', '-of', 'PNG', file, png]);
    return sharp(png).png().toBuffer();
  }
}

/** Pixels that are not shown though they and all around them should be. */
async function holes(shown: Buffer, expected: Buffer): Promise<number> {
  const [a, b] = await Promise.all([pixels(shown), pixels(expected)]);
  const alpha = (picture: Buffer, x: number, y: number) => picture[(y * 256 + x) * 4 + 3] ?? 0;
  const around = [-1, 0, 1].flatMap((dy) => [-1, 0, 1].map((dx) => [dx, dy] as const));
  let count = 0;
  for (let y = 1; y < 255; y += 1) {
    for (let x = 1; x < 255; x += 1) {
      const inside = around.every(([dx, dy]) => alpha(b, x + dx, y + dy) === 255);
      if (inside && alpha(a, x, y) === 0) count += 1;
    }
  }
  return count;
}

/** Pixels that both show, alpha apart. */
async function pixels(picture: Buffer): Promise<Buffer> {
  return sharp(picture).toColourspace('srgb').ensureAlpha().resize(256, 256, { kernel: 'nearest' }).raw().toBuffer();
}

async function difference(shown: Buffer, expected: Buffer): Promise<{ mean: number; share: number }> {
  const [a, b] = await Promise.all([pixels(shown), pixels(expected)]);
  const differences: number[] = [];
  for (let pixel = 0; pixel < a.length; pixel += 4) {
    if (a[pixel + 3] !== 255 || b[pixel + 3] !== 255) continue;
    for (const band of [0, 1, 2]) differences.push(Math.abs((a[pixel + band] ?? 0) - (b[pixel + band] ?? 0)));
  }
  assert.ok(differences.length > 3 * 256 * 64, 'a quarter of the tile is seen in both');
  const mean = differences.reduce((sum, value) => sum + value, 0) / differences.length;
  return { mean, share: differences.filter((value) => value <= tolerance.each).length / differences.length };
}

/** In tiles from the upper left of the map; https://wiki.openstreetmap.org/wiki/Slippy_map_tilenames */
function placeAt(z: number, lon: number, lat: number): [number, number] {
  const radians = (lat * Math.PI) / 180;
  return [((lon + 180) / 360) * 2 ** z, ((1 - Math.asinh(Math.tan(radians)) / Math.PI) / 2) * 2 ** z];
}

function urlsOf(result: JsonObject | null): TitilerUrls {
  assert.ok(result);
  return result.titiler_urls as unknown as TitilerUrls;
}

async function got(url: string | null): Promise<Response> {
  assert.ok(url);
  const answer = await fetch(url);
  assert.equal(answer.status, 200, url);
  return answer;
}
