import type { ErrorDetail } from '../../core/errors.ts';
import { settingNames } from './settings.ts';

/** Nobody else's names begin like this, so one that is not in the schema is a mistake. */
const ownPrefixes = [
  'DATABASE_',
  'SERVICE_BUS_',
  'STORAGE_CONNECTION',
  'JOB_QUEUE_',
  'JOB_RETENTION_',
  'TASK_QUEUE_',
  'TASK_LEASE_',
  'TITILER_',
  'OGC_',
  'PUBLISH_GRACE_',
  'RASTER_',
  'COG_',
  'STAC_',
  'UPKEEP_',
];

/** Shorter names are too easily someone else's, e.g. PGHOST and PGPORT. */
const shortestGuessed = 10;

/** Names that are ours by their beginning, or nearly one of ours, and that no setting has. */
export function unknownSettings(given: Readonly<Record<string, string>>): ErrorDetail[] {
  const known = new Set<string>(settingNames);
  return Object.keys(given)
    .filter((name) => !known.has(name))
    .flatMap((name) => {
      const meant = nearest(name);
      const ours = ownPrefixes.some((prefix) => name.toUpperCase().startsWith(prefix));
      if (!ours && meant === null) return [];
      return [{ path: name, message: meant ? `is not a setting; ${meant} was meant?` : 'is not a setting' }];
    });
}

function nearest(name: string): string | null {
  const candidates = settingNames.filter((known) => known.length >= shortestGuessed);
  return candidates.find((known) => distanceAtMost2(name.toUpperCase(), known.toUpperCase())) ?? null;
}

/** Are two edits (insert, delete, replace) enough to make one text the other? */
function distanceAtMost2(a: string, b: string): boolean {
  if (Math.abs(a.length - b.length) > 2) return false;
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (const [i, letter] of [...a].entries()) {
    const next = [i + 1];
    for (const [j, other] of [...b].entries()) {
      const replaced = (row[j] ?? 0) + (letter === other ? 0 : 1);
      next.push(Math.min(replaced, (row[j + 1] ?? 0) + 1, (next[j] ?? 0) + 1));
    }
    row = next;
  }
  return (row[b.length] ?? 0) <= 2;
}
