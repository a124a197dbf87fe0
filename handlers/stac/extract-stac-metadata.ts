import { CoreMachineError } from '../../core/errors.ts';
import { defineHandler, type TaskContext } from '../../core/handler.ts';
import type { BlobProperties, BlobRef, GdalSource } from '../../core/ports/blob-store.ts';
import type { StacItem } from '../../core/ports/catalogue.ts';
import { openSource } from '../raster/source.ts';
import { acquisitionTime } from './acquisition-time.ts';
import { headerSize } from './cog-header.ts';
import { type Display, displayOf, renderOf, shownBands } from './display.ts';
import { type Footprint, footprintOf } from './footprint/footprint.ts';
import { buildItem } from './item-builder.ts';
import { derivedItemId, withoutExtension } from './item-id.ts';
import { thumbnail } from './picture/thumbnail.ts';
import { type BandStatistics, type RasterFacts, rasterFacts } from './raster-facts.ts';
import { readSample, type Sample, sampleStatistics } from './sample.ts';
import { type ExtractStacMetadataInput, extractStacMetadataInput, extractStacMetadataOutput } from './schemas.ts';
import { storeItem } from './store-item.ts';

export const extractStacMetadata = defineHandler('extract_stac_metadata', {
  description: 'Describes a raster as a STAC item with footprint, statistics and thumbnail, and catalogues it.',
  input: extractStacMetadataInput,
  output: extractStacMetadataOutput,
  async run(input, context) {
    const { item, observed } = await naming(input.blob_name, describeRaster(input, context));
    context.signal.throwIfAborted();
    const datetimeIsOfProcessing = observed.acquired === null;
    const stored = await storeItem(context.services.catalogue, item, { datetimeIsOfProcessing });
    return {
      item_id: item.id,
      collection_id: item.collection,
      blob_name: input.blob_name,
      bbox: [...item.bbox],
      inserted_to_pgstac: true,
      item_skipped: stored.skipped,
      stac_item: stored.item,
    };
  },
});

/** GDAL knows the raster by a local name, and one task of many by its number alone: the error says which blob it was. */
async function naming<T>(blobName: string, work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    if (!(error instanceof CoreMachineError)) throw error;
    const { code, message, details } = error;
    throw new CoreMachineError(code, `${blobName}: ${message}`, { cause: error, ...(details && { details }) });
  }
}

export interface DescribedRaster {
  readonly item: StacItem;
  readonly observed: Observed;
}

/**
 * A raster's STAC item, with its thumbnail in blob storage; the catalogue is not touched. `ownContainer` is where our
 * COGs are: they are read as such, and their thumbnails lie beside them.
 */
export async function describeRaster(
  input: ExtractStacMetadataInput,
  context: TaskContext,
  ownContainer = context.services.settings.cogContainer,
): Promise<DescribedRaster> {
  const raster: BlobRef = { container: input.container_name, name: input.blob_name };
  const properties = await context.services.blobs.properties(raster);
  if (!properties) throw new CoreMachineError('FILE_NOT_FOUND', 'the blob does not exist');
  const observed = await observe(input, raster, context, ownContainer);
  context.progress(0.6);
  const thumbnailHref = await makeThumbnail(raster, observed, context, ownContainer);
  context.progress(0.8);
  return { item: await itemOf(input, { raster, properties, observed, thumbnailHref }, context), observed };
}

/** What was seen of a raster. */
export interface Observed {
  readonly facts: RasterFacts;
  readonly sample: Sample;
  readonly statistics: readonly (BandStatistics | null)[];
  readonly display: Display;
  readonly footprint: Footprint;
  readonly acquired: ReturnType<typeof acquisitionTime>;
}

async function observe(
  input: ExtractStacMetadataInput,
  raster: BlobRef,
  context: TaskContext,
  ownContainer: string,
): Promise<Observed> {
  return withSource(raster, context, ownContainer, async (source) => {
    const { gdal } = context.services;
    const options = { signal: context.signal };
    const facts = rasterFacts(await gdal.info(source, [], options));
    context.progress(0.1);
    const everyBand = facts.bands.map((_, index) => index + 1);
    const known = facts.bands.every((band) => band.statistics !== null);
    const sample = await readSample(gdal, source, facts, known ? shownBands(facts) : everyBand, options);
    const { width, height, mask: valid } = sample;
    const mask = { width, height, valid };
    return {
      facts,
      sample,
      statistics: facts.bands.map((band, index) => band.statistics ?? sampleStatistics(sample, index + 1)),
      display: displayOf(facts, input.raster_type, sample),
      footprint: await footprintOf(facts, mask, (points) => gdal.transformPoints(facts.crs, 'EPSG:4326', points)),
      acquired: acquisitionTime(facts, new Date()),
    };
  });
}

/** A COG of ours is one file, of which a few requests read what is needed; others are opened as processing opens them. */
async function withSource<T>(
  raster: BlobRef,
  context: TaskContext,
  ownContainer: string,
  work: (source: GdalSource) => Promise<T>,
): Promise<T> {
  const { services, signal } = context;
  if (raster.container === ownContainer) {
    return work(await services.blobs.gdalSource(raster));
  }
  return services.workspace.use('stac', async (folder) =>
    work(await openSource(services, raster, { subdataset: null, localCopy: null, folder, signal })),
  );
}

/** Its URL; null when the raster has not one valid pixel. */
async function makeThumbnail(
  raster: BlobRef,
  observed: Observed,
  context: TaskContext,
  ownContainer: string,
): Promise<string | null> {
  const { facts, display, sample } = observed;
  if (!sample.mask.includes(255)) return null;
  const { blobs } = context.services;
  const place = thumbnailPlace(raster, ownContainer);
  const picture = await thumbnail(facts, display, sample);
  await blobs.upload(place, picture, { contentType: 'image/png', signal: context.signal });
  return blobs.url(place);
}

/** Beside a COG of ours; of other rasters in our container too, for theirs may not be ours to write to. */
function thumbnailPlace({ container, name }: BlobRef, cogContainer: string): BlobRef {
  const own = container === cogContainer;
  const stem = own ? withoutExtension(name) : `thumbnails/${container}/${withoutExtension(name)}`;
  return { container: cogContainer, name: `${stem}_thumb.png` };
}

interface Seen {
  readonly raster: BlobRef;
  readonly properties: BlobProperties;
  readonly observed: Observed;
  readonly thumbnailHref: string | null;
}

async function itemOf(input: ExtractStacMetadataInput, seen: Seen, context: TaskContext): Promise<StacItem> {
  const { blobs, gdal, settings } = context.services;
  const { raster, properties, observed, thumbnailHref } = seen;
  const { facts, display } = observed;
  const source = sourceOf(input);
  const read = (offset: number, length: number) => {
    const left = properties.sizeBytes - offset;
    return left <= 0
      ? Promise.resolve(new Uint8Array())
      : blobs.read(raster, { offset, length: Math.min(length, left) });
  };
  return buildItem({
    itemId: input.item_id ?? derivedItemId(input.collection_id, raster),
    collectionId: input.collection_id,
    facts,
    crs: await gdal.describeCrs(facts.crs),
    footprint: observed.footprint,
    statistics: observed.statistics,
    acquired: observed.acquired,
    now: new Date().toISOString(),
    data: { href: blobs.url(raster), properties, headerBytes: facts.isCog ? await headerSize(read) : null },
    thumbnailHref,
    source: source && { href: blobs.url(source), blobName: source.name },
    render: renderOf(facts, display),
    isPhoto: display.kind === 'colors' && display.ranges === null,
    links: settings,
  });
}

function sourceOf({ source_container, source_blob }: ExtractStacMetadataInput): BlobRef | null {
  if (source_container === null || source_blob === null) return null;
  return { container: source_container, name: source_blob };
}
