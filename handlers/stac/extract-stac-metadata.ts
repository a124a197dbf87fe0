import { CoreMachineError } from '../../core/errors.ts';
import { defineHandler, type TaskContext } from '../../core/handler.ts';
import type { BlobRef, GdalSource } from '../../core/ports/blob-store.ts';
import { openSource } from '../raster/source.ts';
import { describeRaster } from './describe-raster.ts';
import type { ItemBody } from './item-body.ts';
import { buildItem } from './item-builder.ts';
import { derivedItemId } from './item-id.ts';
import { rasterFacts } from './raster-facts.ts';
import { type ExtractStacMetadataInput, extractStacMetadataInput, extractStacMetadataOutput } from './schemas.ts';
import { storeItem } from './store-item.ts';
import { thumbnailName } from './thumbnail-name.ts';

export const extractStacMetadata = defineHandler('extract_stac_metadata', {
  description: 'Describes a raster as a STAC item with footprint, statistics and thumbnail, and catalogues it.',
  input: extractStacMetadataInput,
  output: extractStacMetadataOutput,
  async run(input, context) {
    const { services, signal } = context;
    const raster: BlobRef = { container: input.container_name, name: input.blob_name };
    const body = input.item_body ?? (await naming(input.blob_name, describedBlob(input, raster, context)));
    context.progress(0.8);
    signal.throwIfAborted();
    const item = buildItem(body, {
      itemId: input.item_id ?? derivedItemId(input.collection_id, raster),
      collectionId: input.collection_id,
      now: new Date().toISOString(),
      links: services.settings,
    });
    const stored = await storeItem(services.catalogue, item, { datetimeIsOfProcessing: body.acquired === null });
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

async function describedBlob(
  input: ExtractStacMetadataInput,
  raster: BlobRef,
  context: TaskContext,
): Promise<ItemBody> {
  const { blobs, gdal, settings } = context.services;
  const properties = await blobs.properties(raster);
  if (!properties) throw new CoreMachineError('FILE_NOT_FOUND', 'the blob does not exist');
  return withSource(raster, context, async (source) => {
    const facts = rasterFacts(await gdal.info(source, [], { signal: context.signal }));
    context.progress(0.1);
    return describeRaster(
      {
        raster,
        store: async () => properties,
        facts,
        source,
        rasterType: input.raster_type,
        thumbnail: { container: settings.cogContainer, name: thumbnailName(raster, settings.cogContainer) },
        madeFrom: sourceOf(input),
      },
      context,
    );
  });
}

/** A COG of ours is one file, of which a few requests read what is needed; others are opened as processing opens them. */
async function withSource<T>(
  raster: BlobRef,
  { services, signal }: TaskContext,
  work: (source: GdalSource) => Promise<T>,
): Promise<T> {
  if (raster.container === services.settings.cogContainer) return work(await services.blobs.gdalSource(raster));
  return services.workspace.use('stac', async (folder) =>
    work(await openSource(services, raster, { subdataset: null, localCopy: null, folder, signal })),
  );
}

function sourceOf({ source_container, source_blob }: ExtractStacMetadataInput): BlobRef | null {
  if (source_container === null || source_blob === null) return null;
  return { container: source_container, name: source_blob };
}
