import { createHash } from 'node:crypto';

/**
 * A flat name for each blob of a list, without its extension: `a/b.tif` -> `a_b`. Blobs whose names come out the same,
 * such as `a/b.tif`, `a_b.tif` and `a/b.jp2`, are told apart by a digest of the whole name.
 */
export function tileStems(blobNames: readonly string[]): string[] {
  const flat = blobNames.map((name) => name.replace(/\.[^./]+$/, '').replaceAll('/', '_'));
  const counts = new Map<string, number>();
  for (const stem of flat) counts.set(stem, (counts.get(stem) ?? 0) + 1);
  return flat.map((stem, index) => ((counts.get(stem) ?? 0) > 1 ? `${stem}_${digest(blobNames[index] ?? '')}` : stem));
}

function digest(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 10);
}
