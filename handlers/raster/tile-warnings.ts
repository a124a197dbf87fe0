import type { StageResult } from '../../core/results.ts';
import type { RasterWarning, ValidateRasterOutput } from './schemas.ts';

/** Of a code: the messages told apart, for some name what is different in every tile. */
const mostMessages = 20;
/** Of a warning. */
const mostNames = 100;
/** Of all names together: a result has to stay under 1 MiB. */
const nameBytes = 200_000;

/** A type and not an interface: it goes into a result as JSON. */
export type TileWarning = RasterWarning & {
  /** All tiles that it was said of. */
  tile_count: number;
  /** The first of them. */
  readonly blob_names: string[];
};

/** The warnings of all tiles, each once, with the tiles that it was said of; in the order of the tiles. */
export async function tileWarnings(tiles: AsyncIterable<StageResult<ValidateRasterOutput>>): Promise<TileWarning[]> {
  const found = new Map<string, TileWarning>();
  const messages = new Map<string, number>();
  let bytes = 0;
  for await (const { output } of tiles) {
    for (const one of output.warnings) {
      const isKnown = found.has(keyOf(one));
      const count = messages.get(one.code) ?? 0;
      const warning =
        isKnown || count < mostMessages ? one : { ...one, message: 'further ones, different in each tile' };
      if (!isKnown) messages.set(one.code, count + 1);
      const entry = found.get(keyOf(warning)) ?? { ...warning, tile_count: 0, blob_names: [] };
      found.set(keyOf(warning), entry);
      entry.tile_count += 1;
      bytes += Buffer.byteLength(output.source_blob);
      if (entry.blob_names.length < mostNames && bytes <= nameBytes) entry.blob_names.push(output.source_blob);
    }
  }
  return [...found.values()];
}

function keyOf({ code, severity, message }: RasterWarning): string {
  return JSON.stringify([code, severity, message]);
}
