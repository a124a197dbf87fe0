import type { TaskContext } from '../../core/handler.ts';
import type { BlobRef, GdalSource } from '../../core/ports/blob-store.ts';
import { acquisitionTime } from './acquisition-time.ts';
import { headerSize } from './cog-header.ts';
import { type Display, displayOf, renderOf, shownBands } from './display.ts';
import { footprintOf } from './footprint/footprint.ts';
import type { ItemBody } from './item-body.ts';
import { buildItemBody } from './item-builder.ts';
import { thumbnail } from './picture/thumbnail.ts';
import type { RasterFacts } from './raster-facts.ts';
import { readSample, type Sample, sampleStatistics } from './sample.ts';
import type { ExtractStacMetadataInput } from './schemas.ts';

export interface DescribedRaster {
  /** Where it lies for its readers once it is stored. */
  readonly raster: BlobRef;
  /** May still be under way: only the end of the work waits for it. */
  readonly stored: Promise<{ readonly sizeBytes: number }>;
  readonly facts: RasterFacts;
  /** Where its pixels are read from: the blob, or a local file with the same bytes. */
  readonly source: GdalSource;
  readonly rasterType: ExtractStacMetadataInput['raster_type'];
  /** Where its picture goes. */
  readonly thumbnail: BlobRef;
  /** What it was made from; null: nothing, or nobody knows. */
  readonly madeFrom: BlobRef | null;
}

/** What a STAC item says of a raster, from a reduced copy of its pixels; its thumbnail is stored, last of all. */
export async function describeRaster(described: DescribedRaster, context: TaskContext): Promise<ItemBody> {
  const { blobs, gdal } = context.services;
  const { facts, madeFrom } = described;
  const seen = await observe(described, context);
  const picture = await pictureOf(described, seen);
  const { sizeBytes } = await described.stored;
  const body = buildItemBody({
    facts,
    crs: await gdal.describeCrs(facts.crs),
    ...seen,
    acquired: acquisitionTime(facts, new Date()),
    data: {
      href: blobs.url(described.raster),
      sizeBytes,
      headerBytes: facts.isCog ? await headerBytes(described.raster, sizeBytes, context) : null,
    },
    thumbnailHref: picture && blobs.url(described.thumbnail),
    source: madeFrom && { href: blobs.url(madeFrom), blobName: madeFrom.name },
    render: renderOf(facts, seen.display),
    isPhoto: seen.display.kind === 'colors' && seen.display.ranges === null,
  });
  const { signal } = context;
  if (picture) await blobs.upload(described.thumbnail, picture, { contentType: 'image/webp', signal });
  return body;
}

interface Seen {
  readonly sample: Sample;
  readonly display: Display;
}

async function observe({ facts, source, rasterType }: DescribedRaster, { services, signal }: TaskContext) {
  const { gdal } = services;
  const everyBand = facts.bands.map((_, index) => index + 1);
  const known = facts.bands.every((band) => band.statistics !== null);
  const sample = await readSample(gdal, source, facts, known ? shownBands(facts) : everyBand, { signal });
  const { width, height, mask, anyValid: valid = mask } = sample;
  return {
    sample,
    statistics: facts.bands.map((band, index) => band.statistics ?? sampleStatistics(sample, index + 1)),
    display: displayOf(facts, rasterType, sample),
    footprint: await footprintOf(facts, { width, height, valid }, (points) =>
      gdal.transformPoints(facts.crs, 'EPSG:4326', points),
    ),
  };
}

/** Null when the raster has not one valid pixel. */
async function pictureOf({ facts }: DescribedRaster, { display, sample }: Seen): Promise<Uint8Array | null> {
  return sample.mask.includes(255) ? thumbnail(facts, display, sample) : null;
}

function headerBytes(raster: BlobRef, sizeBytes: number, { services }: TaskContext): Promise<number | null> {
  return headerSize((offset, length) => {
    const left = sizeBytes - offset;
    return left <= 0
      ? Promise.resolve(new Uint8Array())
      : services.blobs.read(raster, { offset, length: Math.min(length, left) });
  });
}
