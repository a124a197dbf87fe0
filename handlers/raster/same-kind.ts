import { CoreMachineError } from '../../core/errors.ts';
import type { StageResult } from '../../core/results.ts';
import type { ValidateRasterOutput } from './schemas.ts';

const mostDetails = 1_000;

/** Throws COLLECTION_MIXED, saying what each tile is, unless all are of one type, band count and data type. */
export async function requireSameKind(tiles: AsyncIterable<StageResult<ValidateRasterOutput>>): Promise<void> {
  const kinds = new Map<string, string[]>();
  for await (const { output } of tiles) {
    const kind = kindOf(output);
    const names = kinds.get(kind) ?? [];
    if (names.length < mostDetails) names.push(output.source_blob);
    kinds.set(kind, names);
  }
  if (kinds.size <= 1) return;
  // The odd ones first: they are what has to be looked at.
  const groups = [...kinds].sort(([, a], [, b]) => a.length - b.length);
  const details = groups.flatMap(([kind, names]) => names.map((path) => ({ path, message: kind })));
  const message = `the tiles are not of one kind: ${groups.map(([kind, { length }]) => `${countOf(length)} ${kind}`).join('; ')}`;
  throw new CoreMachineError('COLLECTION_MIXED', message, { details: details.slice(0, mostDetails) });
}

function kindOf({ effective_type, band_count, dtype }: ValidateRasterOutput): string {
  return `${effective_type} with ${band_count} ${band_count === 1 ? 'band' : 'bands'} of ${dtype}`;
}

function countOf(count: number): string {
  return count < mostDetails ? `${count}` : `${mostDetails} and more`;
}
