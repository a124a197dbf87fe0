/** One or many times of a NetCDF file, as milliseconds since 1970, earliest and latest. */
export interface TimeSpan {
  readonly first: number;
  readonly last: number;
}

/**
 * The time axis of a NetCDF variable, from the metadata that GDAL's driver makes of it (and that copies keep):
 * `time#units` ("days since 1950-01-01"), `time#calendar`, `NETCDF_DIM_time_VALUES` ("{15,45.5}") or, on a band,
 * `NETCDF_DIM_time`. https://cfconventions.org/cf-conventions/cf-conventions.html#time-coordinate
 */
export function netcdfTime(
  metadata: Readonly<Record<string, string>>,
  bands: readonly Readonly<Record<string, string>>[],
): TimeSpan | null {
  const axis = Object.keys(metadata)
    .find((key) => /^(?:valid_)?time#units$/i.test(key))
    ?.slice(0, -'#units'.length);
  if (axis === undefined) return null;
  const origin = timeUnits(metadata[`${axis}#units`] ?? '');
  const inCalendar = calendars[(metadata[`${axis}#calendar`] ?? 'standard').toLowerCase()];
  const values = axisValues(axis, metadata, bands);
  if (!origin || !inCalendar || values.length === 0) return null;
  const times = values.map((value) => inCalendar(origin.start, value * origin.unitMs)).filter(Number.isFinite);
  return spanOf(times);
}

/** Not by Math.min(...): an axis may have more times than a call has room for arguments. */
function spanOf(times: readonly number[]): TimeSpan | null {
  if (times.length === 0) return null;
  return times.reduce(({ first, last }, time) => ({ first: Math.min(first, time), last: Math.max(last, time) }), {
    first: Number.POSITIVE_INFINITY,
    last: Number.NEGATIVE_INFINITY,
  });
}

function axisValues(
  axis: string,
  metadata: Readonly<Record<string, string>>,
  bands: readonly Readonly<Record<string, string>>[],
): number[] {
  const ofBands = bands.map((band) => band[`NETCDF_DIM_${axis}`]).filter((value) => value !== undefined);
  const listed = metadata[`NETCDF_DIM_${axis}_VALUES`]?.replace(/^\{|\}$/g, '').split(',') ?? [];
  return (ofBands.length > 0 ? ofBands : listed).map((value) => Number.parseFloat(value)).filter(Number.isFinite);
}

interface Origin {
  readonly start: DateParts;
  readonly unitMs: number;
}

interface DateParts {
  readonly year: number;
  readonly month: number;
  readonly day: number;
  readonly ms: number;
}

const dayMs = 86_400_000;
/** Months and years as units are of no fixed length; UDUNITS' averages would give a wrong day. */
const unitLengths: readonly (readonly [RegExp, number])[] = [
  [/^milli(?:second)?s?$|^msecs?$/, 1],
  [/^s(?:ec(?:ond)?s?)?$/, 1000],
  [/^min(?:ute)?s?$/, 60_000],
  [/^h(?:(?:ou)?rs?)?$/, 3_600_000],
  [/^d(?:ays?)?$/, dayMs],
];

function timeUnits(units: string): Origin | null {
  const found =
    /^\s*(\w+)\s+since\s+(-?\d{1,4})-(\d{1,2})-(\d{1,2})(?:[ T]+(\d{1,2}):(\d{1,2})(?::(\d{1,2}(?:\.\d*)?))?)?\s*(Z|UTC|[+-]\d{1,2}:?\d{0,2})?\s*$/i.exec(
      units,
    );
  const unitMs = unitLengths.find(([name]) => name.test(found?.[1]?.toLowerCase() ?? ''))?.[1];
  if (!found || unitMs === undefined) return null;
  const [year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0] = found
    .slice(2, 8)
    .map((part) => Number(part ?? 0));
  const ms = hour * 3_600_000 + minute * 60_000 + second * 1000 - zoneMs(found[8] ?? 'Z');
  return { unitMs, start: { year, month, day, ms } };
}

function zoneMs(zone: string): number {
  const found = /^([+-])(\d{1,2}):?(\d{0,2})$/.exec(zone);
  if (!found) return 0;
  return (found[1] === '-' ? -1 : 1) * (Number(found[2]) * 60 + Number(found[3] || 0)) * 60_000;
}

/** A date and a number of milliseconds after it, in the calendar of a climate model, as a time of ours. */
type Calendar = (start: DateParts, afterMs: number) => number;

const gregorian: Calendar = (start, afterMs) => dateMs(start.year, start.month, start.day) + start.ms + afterMs;

/** Every year of 365 days: the 29th of February is never reached. */
const noLeap: Calendar = (start, afterMs) => {
  const daysBefore = (dateMs(2001, start.month, start.day) - dateMs(2001, 1, 1)) / dayMs;
  const total = (start.year * 365 + daysBefore) * dayMs + start.ms + afterMs;
  const year = Math.floor(total / (365 * dayMs));
  const inYear = new Date(dateMs(2001, 1, 1) + (total - year * 365 * dayMs));
  return dateMs(year, inYear.getUTCMonth() + 1, inYear.getUTCDate()) + (inYear.getTime() % dayMs);
};

/** Twelve months of 30 days. Their 29th and 30th of February are shown as the last day there is. */
const months30: Calendar = (start, afterMs) => {
  const total = ((start.year * 12 + start.month - 1) * 30 + start.day - 1) * dayMs + start.ms + afterMs;
  const days = Math.floor(total / dayMs);
  const [year, month, day] = [Math.floor(days / 360), Math.floor((days % 360) / 30) + 1, (days % 30) + 1];
  const lastDay = new Date(dateMs(year, month + 1, 0)).getUTCDate();
  return dateMs(year, month, Math.min(day, lastDay)) + (total - days * dayMs);
};

const calendars: Readonly<Record<string, Calendar>> = {
  standard: gregorian,
  gregorian,
  proleptic_gregorian: gregorian,
  noleap: noLeap,
  '365_day': noLeap,
  '360_day': months30,
};

/** Date.UTC takes years below 100 for 19xx. */
function dateMs(year: number, month: number, day: number): number {
  return new Date(0).setUTCFullYear(year, month - 1, day);
}
