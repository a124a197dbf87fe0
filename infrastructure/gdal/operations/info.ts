import gdal from 'gdal-async';
import type { Operations } from '../protocol.ts';
import type { OperationContext } from './perform.ts';
import { withSource } from './source.ts';
import { verifyPixels } from './verify-pixels.ts';

const readsPixels: ReadonlySet<string> = new Set(['-stats', '-approx_stats', '-mm', '-hist', '-checksum']);

/** gdalinfo's JSON. Throws in phase `read` when the flags ask for something of the pixels and these cannot be read. */
export function rasterInfo(input: Operations['info']['input'], context: OperationContext): Promise<string> {
  const args = input.args.includes('-json') ? input.args : ['-json', ...input.args];
  return withSource(input.path, async (dataset) => {
    const json = await gdal.infoAsync(dataset, [...args]);
    // gdalinfo leaves out what it could not compute and calls it a success. It also reports an error for a raster
    // without one valid pixel, which is none: hence the second look.
    const failed = context.log.news().some((report) => report.level === 'error');
    if (failed && args.some((flag) => readsPixels.has(flag))) await verifyPixels(input.path, context.log);
    return json;
  });
}
