import { CoreMachineError } from '../../core/errors.ts';
import type { StageResult } from '../../core/results.ts';
import type { RasterType, ValidateRasterOutput } from './schemas.ts';

const mostDetails = 1_000;

type Tile = Pick<ValidateRasterOutput, 'source_blob' | 'effective_type' | 'band_count' | 'dtype'>;

interface Group {
  readonly type: RasterType;
  readonly bands: number;
  /** Band count and data type. */
  readonly pixels: string;
  readonly names: string[];
}

/**
 * The type that all tiles are processed as. Throws COLLECTION_MIXED, saying what each tile is, unless all are of one
 * type, band count and data type. A tile of one band that shows too little to be told (the sea beside a land of heights, nothing but
 * nodata) is `unknown`, and joins the others where its bands are theirs. Undefined without a tile.
 */
export async function requireSameKind(tiles: AsyncIterable<StageResult<Tile>>): Promise<RasterType | undefined> {
  const kinds = new Map<string, Group>();
  for await (const { output } of tiles) {
    const [type, pixels] = [output.effective_type, pixelsOf(output)];
    const group = kinds.get(`${type} ${pixels}`) ?? { type, bands: output.band_count, pixels, names: [] };
    if (group.names.length < mostDetails) group.names.push(output.source_blob);
    kinds.set(`${type} ${pixels}`, group);
  }
  const groups = [...kinds.values()];
  // Of several bands it is their colours, and not what the tile shows, that fit no rule.
  const known = groups.filter(({ type, bands }) => type !== 'unknown' || bands > 1);
  const [first = groups[0]] = known;
  if (known.length <= 1 && groups.every(({ pixels }) => pixels === first?.pixels)) return first?.type;
  throw mixed(groups);
}

function mixed(kinds: readonly Group[]): CoreMachineError {
  // The odd ones first: they are what has to be looked at.
  const groups = kinds
    .map(({ type, pixels, names }) => ({ kind: `${type} with ${pixels}`, names }))
    .sort((a, b) => a.names.length - b.names.length);
  const details = groups.flatMap(({ kind, names }) => names.map((path) => ({ path, message: kind })));
  const message = `the tiles are not of one kind: ${groups.map(({ kind, names }) => `${countOf(names.length)} ${kind}`).join('; ')}`;
  return new CoreMachineError('COLLECTION_MIXED', message, { details: details.slice(0, mostDetails) });
}

function pixelsOf({ band_count, dtype }: Tile): string {
  return `${band_count} ${band_count === 1 ? 'band' : 'bands'} of ${dtype}`;
}

function countOf(count: number): string {
  return count < mostDetails ? `${count}` : `${mostDetails} and more`;
}
