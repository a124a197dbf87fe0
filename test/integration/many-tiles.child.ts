import { silentLog } from '../../core/log.ts';
import type { StageResult } from '../../core/results.ts';
import { StageResults } from '../../core/results.ts';
import { createMosaicJson } from '../../handlers/mosaic/create-mosaicjson.ts';
import { zoomsOf } from '../../handlers/mosaic/tile-grid.ts';
import type { CreateCogOutput } from '../../handlers/raster/schemas.ts';
import { createStacCollection } from '../../handlers/stac/create-stac-collection.ts';
import { buildItemBody } from '../../handlers/stac/item-builder.ts';
import type { BandFacts } from '../../handlers/stac/raster-facts.ts';
import { MemoryBlobStore } from '../../infrastructure/blob/memory-blob-store.ts';
import { openCatalogue } from '../../infrastructure/pgstac/catalogue.ts';
import { openPostgres } from '../../infrastructure/postgres/postgres.ts';

/**
 * Runs create_mosaicjson, and with a database create_stac_collection twice, over the results of so many create_cog
 * tasks, which are made as they are read. Arguments: how many, the database. Prints what came of it.
 */
const [given = '', url] = process.argv.slice(2);
const count = Number(given);
const columns = Math.ceil(Math.sqrt(count));
/** Sides of a tile of 512 pixels in degrees. */
const side = 120 / columns;

const band = (color: string): BandFacts => ({
  ...{ type: 'Byte', color, description: null, nodata: null, unit: null, scale: null, offset: null, colorTable: null },
  allValid: true,
  statistics: { minimum: 0, maximum: 255, mean: 120.25, stddev: 31.5, valid_percent: 100 },
  metadata: {},
});
const bands = ['Red', 'Green', 'Blue'].map(band);
const crs = { authorityCode: 'EPSG:4326', wkt2: '', wkt1: null, projected: false, areaOfUse: null };
const blobs = new MemoryBlobStore();

function cogOf(number: number): CreateCogOutput {
  const [west, north] = [-60 + (number % columns) * side, 60 - Math.floor(number / columns) * side];
  const box = [west, north - side, west + side, north] as const;
  const raster = { container: 'silver-cogs', name: `scenes/2026/tile-${String(number).padStart(6, '0')}_cog.tif` };
  const edge = Array.from({ length: 65 }, (_, index) => [west + (side * (index % 64)) / 64, north] as const);
  const zooms = zoomsOf({ width: 512, height: 512, resolution: (side * 111_320) / 512 });
  return {
    ...{ cog_blob: raster.name, cog_container: raster.container, cog_tier: 'analysis', storage_tier: 'Hot' },
    ...{ source_blob: `scenes/${number}.tif`, source_container: 'bronze', reprojection_performed: true },
    ...{ source_crs: 'EPSG:32633', target_crs: 'EPSG:4326', bounds_4326: [...box], shape: [512, 512] },
    ...{ dtype: 'uint8', zoom_range: [zooms.minzoom, zooms.maxzoom], size_mb: 0.5, compression: 'DEFLATE' },
    ...{ interleave: 'BAND', raster_type: 'rgb', overview_levels: [], processing_time_seconds: 1, gdal_version: '3' },
    item_body: buildItemBody({
      facts: {
        ...{ driver: 'GTiff', width: 512, height: 512, crs: '', isCog: true, metadata: {}, bands },
        geoTransform: [west, side / 512, 0, north, 0, -side / 512],
      },
      crs,
      footprint: { geometry: { type: 'Polygon', coordinates: [edge] }, bbox: box },
      statistics: bands.map(({ statistics }) => statistics),
      acquired: { start: '2026-05-01T00:00:00.000Z', end: null },
      data: { href: blobs.url(raster), sizeBytes: 500_000, headerBytes: 1024 },
      thumbnailHref: `${blobs.url(raster)}.webp`,
      source: { href: blobs.url(raster), blobName: raster.name },
      render: {},
      isPhoto: true,
    }),
  };
}

const results = new StageResults<CreateCogOutput>(async (after) => {
  const length = Math.min(500, count - after - 1);
  return Array.from({ length }, (_, index): StageResult<CreateCogOutput> => {
    const number = after + 1 + index;
    return { number, key: `tile-${String(number).padStart(4, '0')}`, output: cogOf(number) };
  });
});

const progress: number[] = [];
const settings = {
  ...({ titilerBaseUrl: 'https://titiler.example.org', titilerDialect: '3', ogcFeaturesBaseUrl: null } as const),
  ...({ ogcCollectionIdStyle: 'table', rasterSizeThresholdMb: 1000, cogContainer: 'silver-cogs' } as const),
};
const postgres = url === undefined ? null : await openPostgres({ url });
const catalogue = postgres && (await openCatalogue({ pool: postgres.pool, log: silentLog, flavour: 'pgstac' }));
const context = {
  job: { id: 'many', type: 'process_raster_collection', run: 1 },
  task: { id: 'many', key: 'one', number: 0, stage: 3, attempt: 1 },
  signal: new AbortController().signal,
  progress: (fraction: number) => void progress.push(fraction),
  log: silentLog,
  // Only what is used here: no COG is opened, so that there is no GDAL.
  services: { blobs, settings, ...(catalogue && { catalogue }) },
} as unknown as Parameters<typeof createMosaicJson.run>[2];

async function timed<T>(work: () => Promise<T>): Promise<{ seconds: number; output: T }> {
  const started = performance.now();
  const output = await work();
  return { seconds: (performance.now() - started) / 1000, output };
}

const place = { container_name: 'silver-mosaicjson', blob_name: 'many.json', owner: 'many' };
const mosaic = await timed(() =>
  createMosaicJson.run({ ...place, name: 'many', maxzoom: null, cog_count: count }, results, context),
);
const document = await blobs.read({ container: place.container_name, name: place.blob_name });
const mosaicProgress = progress.splice(0);
const collection = () =>
  timed(() =>
    createStacCollection.run(
      {
        ...{
          collection_id: 'many',
          stac_id: 'many',
          item_name: 'many',
          source: null,
          description: 'many tiles',
          maxzoom: null,
          cog_count: count,
        },
        mosaicjson_url: mosaic.output.mosaicjson_url,
      },
      results,
      context,
    ),
  );
const first = catalogue && (await collection());
const stacProgress = progress.splice(0);
const again = catalogue && (await collection());
const answer = {
  mosaic: { ...mosaic, progress: mosaicProgress.length, documentBytes: document.byteLength },
  ...(first && again && { stac: { ...first, progress: stacProgress.length, again: again.seconds } }),
  peakMb: Math.round(process.resourceUsage().maxRSS / 1024),
};
console.log(JSON.stringify(answer));
await postgres?.close();
