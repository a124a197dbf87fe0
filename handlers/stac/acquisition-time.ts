import { netcdfTime } from './netcdf-time.ts';
import type { RasterFacts } from './raster-facts.ts';

/** When the data were taken, ISO 8601 in UTC. `end` only where the file covers a span. */
export interface AcquisitionTime {
  readonly start: string;
  readonly end: string | null;
}

/**
 * The time a raster's own metadata give: IMAGERY's ACQUISITIONDATETIME, the NetCDF time axis, else TIFFTAG_DATETIME,
 * which often is only when a program wrote the file, and goes last for that. Times without a zone are taken for UTC.
 * Null when there is none, or none that is possible.
 */
export function acquisitionTime(facts: RasterFacts, now: Date): AcquisitionTime | null {
  const { IMAGERY: imagery = {}, '': general = {} } = facts.metadata;
  const taken = parseTime(imagery.ACQUISITIONDATETIME ?? general.ACQUISITIONDATETIME);
  if (isPossible(taken, now)) return { start: iso(taken), end: null };
  const span = netcdfTime(
    general,
    facts.bands.map((band) => band.metadata),
  );
  if (span && isPossible(span.first, null)) {
    return { start: iso(span.first), end: span.last > span.first ? iso(span.last) : null };
  }
  const written = parseTime(general.TIFFTAG_DATETIME);
  return isPossible(written, now) ? { start: iso(written), end: null } : null;
}

/** TIFF's `YYYY:MM:DD HH:MM:SS`, and the ISO 8601 that many write instead. Milliseconds; NaN when it is neither. */
function parseTime(text: string | undefined): number {
  const found =
    /^\s*(\d{4})[:-](\d{2})[:-](\d{2})(?:[T ]+(\d{2}):(\d{2})(?::(\d{2}(?:\.\d+)?))?)?\s*(Z|[+-]\d{2}:?\d{2})?\s*$/.exec(
      text ?? '',
    );
  if (!found) return Number.NaN;
  const [, year, month, day, hour = '00', minute = '00', second = '00', zone = 'Z'] = found;
  const time = Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}${zone}`);
  // Date.parse takes the 30th of February for the 1st or 2nd of March.
  const sameDay = new Date(Date.parse(`${year}-${month}-${day}T00:00:00Z`)).getUTCDate() === Number(day);
  return sameDay ? time : Number.NaN;
}

/** Cameras and programs without a clock write the year 0 or one to come; models do predict. */
function isPossible(time: number, now: Date | null): boolean {
  if (!Number.isFinite(time) || time < Date.UTC(1800, 0)) return false;
  return now === null ? time < Date.UTC(10_000, 0) : time <= now.getTime() + 86_400_000;
}

function iso(time: number): string {
  return new Date(time).toISOString();
}
