import { defineFanInHandler } from '../../core/handler.ts';
import { createCogOutput } from '../raster/schemas.ts';
import { cogHeaders } from './cog-headers.ts';
import { mosaicAssets } from './mosaic-assets.ts';
import { buildMosaicJson } from './mosaic-json.ts';
import { createMosaicJsonInput, createMosaicJsonOutput } from './schemas.ts';

export const createMosaicJson = defineFanInHandler('create_mosaicjson', {
  description: 'Lists the COGs of a collection by the map tiles that they show, as a MosaicJSON document.',
  input: createMosaicJsonInput,
  output: createMosaicJsonOutput,
  previous: createCogOutput,
  limits: { timeoutSeconds: 2 * 3600 },
  async run(input, cogs, context) {
    const headers = await cogHeaders(cogs, context, { count: input.cog_count, upTo: 0.8 });
    const assets = await mosaicAssets(headers, context);
    const mosaic = buildMosaicJson(assets, {
      name: input.name,
      ...(input.maxzoom !== null && { maxzoom: input.maxzoom }),
    });
    context.progress(0.9);
    const place = { container: input.container_name, name: input.blob_name };
    await context.services.blobs.upload(place, new TextEncoder().encode(JSON.stringify(mosaic)), {
      contentType: 'application/json',
      signal: context.signal,
    });
    return {
      mosaicjson_blob: place.name,
      mosaicjson_container: place.container,
      mosaicjson_url: context.services.blobs.url(place),
      tile_count: assets.length,
      bounds: [...mosaic.bounds],
      center: [...mosaic.center],
      minzoom: mosaic.minzoom,
      maxzoom: mosaic.maxzoom,
      quadkey_count: Object.keys(mosaic.tiles).length,
      quadkey_zoom: mosaic.quadkey_zoom,
      cog_blobs: headers.map(({ cog }) => cog.cog_blob),
      cog_container: headers[0]?.cog.cog_container ?? context.services.settings.cogContainer,
    };
  },
});
