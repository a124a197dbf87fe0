import { defineFanInHandler, type TaskContext } from '../../core/handler.ts';
import { jsonBytes } from '../../core/json.ts';
import type { StageResults } from '../../core/results.ts';
import { requireOwnBlob } from '../raster/own-blobs.ts';
import { type CreateCogOutput, createCogOutput } from '../raster/schemas.ts';
import { mosaicAsset } from './mosaic-assets.ts';
import { buildMosaicJson, type MosaicAsset } from './mosaic-json.ts';
import { createMosaicJsonInput, createMosaicJsonOutput, mostCogBlobs } from './schemas.ts';

/** Of the 1 MiB that a task's result may have; names may be long. */
const cogBlobsBytes = 400_000;

export const createMosaicJson = defineFanInHandler('create_mosaicjson', {
  description: 'Lists the COGs of a collection by the map tiles that they show, as a MosaicJSON document.',
  input: createMosaicJsonInput,
  output: createMosaicJsonOutput,
  previous: createCogOutput,
  async run(input, cogs, context) {
    const { blobs, settings } = context.services;
    const { assets, names, container } = await gathered(cogs, input.cog_count, context);
    const mosaic = buildMosaicJson(assets, {
      name: input.name,
      ...(input.maxzoom !== null && { maxzoom: input.maxzoom }),
    });
    context.progress(0.9);
    const place = { container: input.container_name, name: input.blob_name };
    await requireOwnBlob(blobs, place, input.owner);
    await blobs.upload(place, new TextEncoder().encode(JSON.stringify(mosaic)), {
      contentType: 'application/json',
      metadata: { owner: input.owner },
      signal: context.signal,
    });
    return {
      mosaicjson_blob: place.name,
      mosaicjson_container: place.container,
      mosaicjson_url: blobs.url(place),
      tile_count: assets.length,
      bounds: [...mosaic.bounds],
      center: [...mosaic.center],
      minzoom: mosaic.minzoom,
      maxzoom: mosaic.maxzoom,
      quadkey_count: Object.keys(mosaic.tiles).length,
      quadkey_zoom: mosaic.quadkey_zoom,
      cog_blobs: names,
      cog_container: container ?? settings.cogContainer,
    };
  },
});

/** Of each COG no more is kept than the document has of it: a few hundred bytes. */
async function gathered(
  cogs: StageResults<CreateCogOutput>,
  count: number,
  { services, signal, progress }: TaskContext,
) {
  const assets: MosaicAsset[] = [];
  const names: string[] = [];
  let container: string | null = null;
  let bytes = 0;
  for await (const { output: cog } of cogs) {
    signal.throwIfAborted();
    assets.push(mosaicAsset(cog, services.blobs));
    container ??= cog.cog_container;
    bytes += jsonBytes(cog.cog_blob) + 1;
    if (names.length < mostCogBlobs && bytes <= cogBlobsBytes) names.push(cog.cog_blob);
    progress(0.8 * Math.min(1, assets.length / Math.max(1, count)));
  }
  return { assets, names, container };
}
