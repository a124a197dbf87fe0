import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import sharp from 'sharp';
import type { JobDefinition } from '../../core/job.ts';
import type { JsonObject } from '../../core/json.ts';
import type { StacItem } from '../../core/ports/catalogue.ts';
import { runJob } from '../../core/testing/run-job.ts';
import { itemUrls, type LinkSettings, searchUrls, type TitilerUrls } from '../../handlers/links/titiler-urls.ts';
import { itemRender } from '../../handlers/stac/item-render.ts';
import { processLargeRaster } from '../../jobs/process-large-raster.ts';
import { processRaster } from '../../jobs/process-raster.ts';
import { processRasterCollection } from '../../jobs/process-raster-collection.ts';
import { gdalCli } from '../tools/gdal-cli.ts';
import { catalogued, type StacServices, stacServices } from '../tools/stac-services.ts';
import { type TileKind, uploadTiles } from '../tools/tile-sets.ts';
import { startTitiler, titilerMissing } from '../tools/titiler.ts';

const samples = join(import.meta.dirname, '../fixtures/samples');
const missing = await titilerMissing();

interface SourceRaster {
  readonly name: string;
  readonly source: string;
  readonly program: 'gdalwarp' | 'gdal_translate';
  readonly options: readonly string[];
}

/** Every kind of picture. `source` is georeferenced by `options` where it is not by itself. */
const rasters: readonly SourceRaster[] = [
  {
    name: 'six bands',
    source: 'L7_ETMs.tif',
    program: 'gdalwarp',
    options: ['-t_srs', 'EPSG:4326', '-dstnodata', '0'],
  },
  {
    name: 'photo',
    source: 'earth-blue-marble.jpg',
    program: 'gdal_translate',
    options: ['-a_srs', 'EPSG:4326', '-a_ullr', '-180', '90', '180', '-90', '-co', 'COMPRESS=JPEG'],
  },
  {
    name: 'heights',
    source: 'olinda_dem_utm25s.tif',
    program: 'gdalwarp',
    options: ['-t_srs', 'EPSG:4326', '-dstnodata', '-9999'],
  },
  {
    name: 'classes with colours',
    source: 'lc.tif',
    program: 'gdalwarp',
    options: ['-t_srs', 'EPSG:4326', '-dstnodata', '255', '-r', 'near'],
  },
  {
    name: '16 bits, four bands',
    source: 'L7_ETMs.tif',
    program: 'gdal_translate',
    options: ['-ot', 'UInt16', '-scale', '0', '255', '0', '10000', '-b', '1', '-b', '2', '-b', '3', '-b', '4'],
  },
  { name: 'two bands', source: 'L7_ETMs.tif', program: 'gdal_translate', options: ['-b', '4', '-b', '5'] },
];

const largeRasters = [
  { name: 'a photo in strips', options: ['-b', '3', '-b', '2', '-b', '1', '-co', 'PHOTOMETRIC=RGB'] },
  { name: 'six bands in blocks', options: ['-co', 'TILED=YES'] },
  { name: 'one band of floats', options: ['-ot', 'Float32', '-b', '4', '-a_nodata', '0'] },
] as const;

if (missing === null) await tryAllLinks();
else test('titiler-pgstac answers every link of an item', { skip: missing }, () => {});

/** A titiler-pgstac on the catalogue of `stac`, and the settings that make jobs link to it. */
interface Linked {
  readonly stac: StacServices;
  readonly settings: LinkSettings & { readonly titilerBaseUrl: string };
}

async function tryAllLinks(): Promise<void> {
  const stac = await stacServices();
  const titiler = await startTitiler(stac.databaseUrl);
  stac.beforeClosing(() => titiler.stop());
  const linked: Linked = { stac, settings: { titilerBaseUrl: titiler.url, titilerDialect: '3' } };
  for (const raster of rasters) tryItem(linked, raster);
  tryProcessRaster(linked);
  for (const kind of ['rgb', 'dem', 'multispectral'] as const) tryCollection(linked, kind);
  for (const raster of largeRasters) tryLargeRaster(linked, raster);
  trySearch(linked);
}

function tryItem({ stac, settings }: Linked, { name, source, program, options }: SourceRaster): void {
  test(`titiler-pgstac answers every link of a raster of ${name}`, async () => {
    const file = join(stac.folder, `${name}.tif`);
    await gdalCli(program, ['-q', '-of', 'COG', ...options, join(samples, source), file]);
    const { item } = await catalogued(stac, await stac.upload(file, `${name} & more/größe 100%.tif`));
    const place = { collectionId: item.collection, itemId: item.id, render: itemRender(item) };
    const { titiler_urls: urls, share_url } = itemUrls(settings, place);
    assert.equal(urls.bounds_url, null);
    assert.match(await text(share_url), /<html/i);
    assert.ok((await json(urls.info_url)).data, 'the info is of the asset data');
    assert.ok(Object.keys(await json(urls.statistics_url)).length > 0);
    await assertPicture(urls.preview_url, item);
    await assertPicture(urls.thumbnail_url, item);
    await assertTiles(urls.tilejson_url, urls.tiles_url, item);
    await json(`${settings.titilerBaseUrl}/collections/${place.collectionId}/items/${place.itemId}/renders/default`);
  });
}

function tryProcessRaster(linked: Linked): void {
  test('titiler-pgstac answers every link in the result of process_raster', async () => {
    const { container, name } = await linked.stac.upload(join(samples, 'L7_ETMs.tif'), 'sources/olinda.tif');
    const parameters = { container_name: container, blob_name: name, collection_id: 'processed' };
    const result = await run<ProcessRasterResult>(linked, processRaster, parameters);
    const { titiler_urls, share_url, stac: record } = result;
    const item = await linked.stac.services.catalogue.getItem(record.collection_id, record.item_id);
    assert.ok(item && share_url === titiler_urls.viewer_url);
    await assertTiles(titiler_urls.tilejson_url, titiler_urls.tiles_url, item);
    for (const url of [titiler_urls.preview_url, titiler_urls.thumbnail_url]) await assertPicture(url, item);
    for (const url of [share_url, titiler_urls.info_url, titiler_urls.statistics_url]) await get(url);
  });
}

function tryCollection(linked: Linked, kind: TileKind): void {
  test(`titiler-pgstac shows a collection of ${kind} tiles as one map, by every link of its result`, async () => {
    const { stac } = linked;
    const blob_list = await uploadTiles(stac, kind, { prefix: `tiles/${kind}`, columns: 2, rows: 2 });
    const place = { container_name: stac.container, mosaicjson_container: stac.container };
    const parameters = { ...place, blob_list, collection_id: `map-of-${kind}` };
    await assertMap(await run<MapResult>(linked, processRasterCollection, parameters));
  });
}

function tryLargeRaster(linked: Linked, { name, options }: (typeof largeRasters)[number]): void {
  test(`titiler-pgstac shows the tiles of one large raster as one map: ${name}`, async () => {
    const { stac } = linked;
    const file = join(stac.folder, `large ${name}.tif`);
    await gdalCli('gdal_translate', ['-q', ...options, join(samples, 'L7_ETMs.tif'), file]);
    const { container, name: blob_name } = await stac.upload(file, `large/${name}.tif`);
    const parameters = { container_name: container, blob_name, tile_size: 256 };
    const result = await run<MapResult>(linked, processLargeRaster, parameters);
    assert.ok(result.stac.items_created >= 4);
    await assertMap(result);
    const found = await stac.services.catalogue.search({ collections: [result.stac.stac_id], limit: 100 });
    const items = found.features as unknown as StacItem[];
    assert.equal(items.length, result.stac.items_created);
    for (const item of items) await assertItemLinks(item);
  });
}

/** Of an item that a test before has catalogued. */
function trySearch({ stac, settings }: Linked): void {
  test('titiler-pgstac answers every link of a search', async () => {
    const [item] = await stacItems(stac);
    assert.ok(item);
    const body = { collections: [item.collection], ids: [item.id] };
    const metadata = { name: 'one raster', bounds: [...item.bbox], minzoom: 0, maxzoom: 16, assets: ['data'] };
    const searchId = await stac.services.catalogue.registerSearch(body, metadata);
    const { titiler_urls: urls } = searchUrls(settings, { searchId, render: itemRender(item) });
    assert.match(await text(urls.viewer_url), /<html/i);
    await json(urls.info_url);
    await assertTiles(urls.tilejson_url, urls.tiles_url, item);
  });
}

async function run<Result>({ stac, settings }: Linked, job: JobDefinition, parameters: JsonObject): Promise<Result> {
  const services = { ...stac.services, settings: { ...stac.services.settings, ...settings } };
  const ended = await runJob(job, parameters, { services });
  assert.equal(ended.job.status, 'completed', JSON.stringify(ended.job.error));
  return ended.job.result as Result;
}

/** All that a job says of its tiles as one map; what titiler has no endpoint for is null, not a dead link. */
async function assertMap({ titiler_urls, share_url, stac: record }: MapResult): Promise<void> {
  const tilejson = await json(titiler_urls.tilejson_url);
  const { minzoom, maxzoom, bounds } = record.search.metadata;
  assert.deepEqual([tilejson.minzoom, tilejson.maxzoom, tilejson.bounds], [minzoom, maxzoom, bounds]);
  await assertTiles(titiler_urls.tilejson_url, titiler_urls.tiles_url, { bbox: record.spatial_extent });
  assert.match(await text(share_url), /<html/i);
  assert.match(await text(titiler_urls.viewer_url), /<html/i);
  await json(titiler_urls.info_url);
  const { preview_url, thumbnail_url, bounds_url, statistics_url } = titiler_urls;
  assert.deepEqual([preview_url, thumbnail_url, bounds_url, statistics_url], [null, null, null, null]);
}

/** What the item of a tile links to: maps, and pictures in blob storage. */
async function assertItemLinks(item: StacItem): Promise<void> {
  const { assets, links } = item as unknown as ItemLinks;
  assert.equal((await get(assets.data.href)).headers.get('content-length'), String(assets.data['file:size']));
  assert.match((await get(assets.thumbnail.href)).headers.get('content-type') ?? '', /^image\/webp/);
  const hrefs = Object.fromEntries(links.map(({ rel, href }) => [rel, href]));
  await json(hrefs.tilejson ?? null);
  assert.match(await text(hrefs.preview ?? null), /<html/i);
}

interface ProcessRasterResult {
  readonly titiler_urls: TitilerUrls;
  readonly share_url: string | null;
  readonly stac: { readonly collection_id: string; readonly item_id: string };
}

interface MapResult {
  readonly titiler_urls: TitilerUrls;
  readonly share_url: string | null;
  readonly stac: {
    readonly stac_id: string;
    readonly items_created: number;
    readonly spatial_extent: readonly number[];
    readonly search: { readonly metadata: { minzoom: number; maxzoom: number; bounds: number[] } };
  };
}

interface ItemLinks {
  readonly assets: {
    readonly data: { readonly href: string; readonly 'file:size': number };
    readonly thumbnail: { readonly href: string };
  };
  readonly links: readonly { readonly rel: string; readonly href: string }[];
}

async function stacItems({ services }: StacServices): Promise<StacItem[]> {
  const found = await services.catalogue.search({
    collections: ['system-rasters'],
    limit: 1,
    bbox: [-35, -8, -34, -7],
  });
  return [...(found.features as unknown as StacItem[])];
}

/** The tile at the middle of the data, of the size of the whole raster, is a picture. */
async function assertTiles(
  tilejsonUrl: string | null,
  tilesUrl: string | null,
  item: Pick<StacItem, 'bbox'>,
): Promise<void> {
  const tilejson = await json(tilejsonUrl);
  const [template] = tilejson.tiles as string[];
  const [west = 0, south = 0, east = 0, north = 0] = item.bbox;
  const span = Math.max(east - west, north - south);
  const z = Math.min(Number(tilejson.maxzoom), Math.max(Number(tilejson.minzoom), Math.floor(Math.log2(360 / span))));
  const [x, y] = tileAt(z, (west + east) / 2, (south + north) / 2);
  for (const url of [template ?? null, tilesUrl]) {
    const filled = url?.replace('{z}', String(z)).replace('{x}', String(x)).replace('{y}', String(y));
    await assertPicture(filled ?? null, item);
  }
}

/** https://wiki.openstreetmap.org/wiki/Slippy_map_tilenames */
function tileAt(z: number, lon: number, lat: number): [number, number] {
  const radians = (lat * Math.PI) / 180;
  const x = Math.floor(((lon + 180) / 360) * 2 ** z);
  const y = Math.floor(((1 - Math.asinh(Math.tan(radians)) / Math.PI) / 2) * 2 ** z);
  return [Math.min(x, 2 ** z - 1), y];
}

/** A picture that shows something: visible pixels, of different colours, neither all dark nor all bright. */
async function assertPicture(url: string | null, item: Pick<StacItem, 'bbox'>): Promise<void> {
  const answer = await get(url);
  assert.match(answer.headers.get('content-type') ?? '', /^image\//);
  const picture = sharp(Buffer.from(await answer.arrayBuffer()))
    .toColourspace('srgb')
    .ensureAlpha();
  const { data, info } = await picture.raw().toBuffer({ resolveWithObject: true });
  const seen: number[] = [];
  for (let pixel = 0; pixel < info.width * info.height; pixel += 1) {
    const at = pixel * info.channels;
    if (data[at + info.channels - 1] === 0) continue;
    seen.push(((data[at] ?? 0) + (data[at + 1] ?? 0) + (data[at + 2] ?? 0)) / 3);
  }
  const mean = seen.reduce((sum, value) => sum + value, 0) / seen.length;
  const deviation = Math.sqrt(seen.reduce((sum, value) => sum + (value - mean) ** 2, 0) / seen.length);
  assert.ok(seen.length > 0.05 * info.width * info.height, `${url}: ${seen.length} visible pixels for ${item.bbox}`);
  assert.ok(mean > 8 && mean < 247 && deviation > 5, `${url}: mean ${mean}, deviation ${deviation}`);
}

async function json(url: string | null): Promise<Record<string, unknown>> {
  return (await get(url)).json() as Promise<Record<string, unknown>>;
}

async function text(url: string | null): Promise<string> {
  return (await get(url)).text();
}

async function get(url: string | null): Promise<Response> {
  assert.ok(url);
  const answer = await fetch(url);
  if (answer.status !== 200) assert.fail(`${url} answered ${answer.status}: ${(await answer.text()).slice(0, 500)}`);
  return answer;
}
