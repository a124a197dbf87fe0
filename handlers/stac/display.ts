import type { Render } from '../links/titiler-urls.ts';
import type { BandFacts, RasterFacts } from './raster-facts.ts';
import { percentile, type Sample, sortedValues } from './sample.ts';
import type { ExtractStacMetadataInput } from './schemas.ts';

type Range = readonly [number, number];
type RasterType = ExtractStacMetadataInput['raster_type'];

/**
 * How a raster is made visible. `colors`: three bands. `palette`: by the band's own colour table. `elevation`: relief.
 * `classes`: values that are names. `gray`: brightness. `ramp`: any other single band. `ranges` are stretched to the full brightness.
 */
export type Display =
  | {
      readonly kind: 'colors';
      readonly bands: readonly [number, number, number];
      readonly ranges: readonly Range[] | null;
    }
  | { readonly kind: 'palette'; readonly band: number; readonly colors: readonly (readonly number[])[] }
  | { readonly kind: 'elevation' | 'classes' | 'gray' | 'ramp'; readonly band: number; readonly range: Range };

/** What is cut off at both ends of a band's values, so that single extremes do not darken the picture. */
const cut = 0.02;
/** A band of integers with more different values than this measures something. */
const mostClasses = 40;

/** The bands that have to be looked at to draw the raster. */
export function shownBands(facts: RasterFacts): readonly number[] {
  const data = dataBands(facts);
  if (data.length < 3) return data.slice(0, 1);
  return colorBands(facts.bands, data);
}

export function displayOf(facts: RasterFacts, type: RasterType, sample: Sample): Display {
  const [first = 1, second, third] = shownBands(facts);
  if (second !== undefined && third !== undefined) {
    const bands = [first, second, third] as const;
    return {
      kind: 'colors',
      bands,
      ranges: isNatural(facts, bands) ? null : bands.map((band) => stretch(sample, band)),
    };
  }
  const band = facts.bands[first - 1];
  if (band?.colorTable) return { kind: 'palette', band: first, colors: band.colorTable };
  const kind = singleKind(band, type, sample, first);
  return { kind, band: first, range: kind === 'classes' ? fullRange(sample, first) : stretch(sample, first) };
}

/** The same for titiler. A colour table and a photo need nothing, for it knows them from the file. */
export function renderOf(facts: RasterFacts, display: Display): Render {
  const bands = (chosen: readonly number[]) => (isAllOf(facts, chosen) ? undefined : chosen);
  switch (display.kind) {
    case 'colors':
      return { bands: bands(display.bands), rescale: display.ranges ?? undefined };
    case 'palette':
      return { bands: bands([display.band]) };
    default:
      return { bands: bands([display.band]), rescale: [display.range], colormapName: colormaps[display.kind] };
  }
}

const colormaps = { elevation: 'terrain', classes: 'tab20', gray: 'gray', ramp: 'viridis' } as const;

/** Alpha says where, not what. */
function dataBands({ bands }: RasterFacts): number[] {
  const data = bands.flatMap((band, index) => (band.color === 'Alpha' ? [] : [index + 1]));
  return data.length > 0 ? data : [1];
}

/**
 * Bands that call themselves red, green and blue; else the first three; else, of five and more, the third, second and
 * first, because scanners number their bands from short waves to long ones (Landsat, Sentinel-2).
 */
function colorBands(bands: readonly BandFacts[], data: readonly number[]): readonly number[] {
  const named = ['red', 'green', 'blue'].map((name) => bands.findIndex((band) => isNamed(band, name)) + 1);
  if (named.every((band) => band > 0)) return named;
  const [one = 1, two = 2, three = 3] = data;
  return data.length > 4 ? [three, two, one] : [one, two, three];
}

function isNamed({ color, description }: BandFacts, name: string): boolean {
  return color.toLowerCase() === name || description?.trim().toLowerCase() === name;
}

function isNatural({ bands }: RasterFacts, shown: readonly number[]): boolean {
  const names = ['red', 'green', 'blue'];
  return shown.every((number, index) => {
    const band = bands[number - 1];
    return band?.type === 'Byte' && isNamed(band, names[index] ?? '');
  });
}

/** Alpha bands do not count: titiler makes them the picture's transparency by itself. */
function isAllOf(facts: RasterFacts, chosen: readonly number[]): boolean {
  const data = dataBands(facts);
  return data.length === chosen.length && data.every((band, index) => band === chosen[index]);
}

/** Unless validation knows better: floats and signed integers of many values are heights, unsigned ones brightness. */
function singleKind(band: BandFacts | undefined, type: RasterType, sample: Sample, number: number) {
  if (type === 'dem') return 'elevation';
  const stored = band?.type ?? '';
  const mayBeClasses = !stored.includes('Float') && (type === 'categorical' || type === 'auto');
  if (mayBeClasses && isClassified(sample, number)) return 'classes';
  if (!/^(?:Float|Int)/.test(stored)) return 'gray';
  return type === 'auto' ? 'elevation' : 'ramp';
}

function isClassified(sample: Sample, band: number): boolean {
  return new Set(sortedValues(sample, band)).size <= mostClasses;
}

function stretch(sample: Sample, band: number): Range {
  const sorted = sortedValues(sample, band);
  return wide(percentile(sorted, cut), percentile(sorted, 1 - cut));
}

function fullRange(sample: Sample, band: number): Range {
  const sorted = sortedValues(sample, band);
  return wide(percentile(sorted, 0), percentile(sorted, 1));
}

/** Neither empty nor nothing: one value everywhere still has to be drawn. */
function wide(low: number, high: number): Range {
  if (!Number.isFinite(low) || !Number.isFinite(high)) return [0, 1];
  const [from, to] = [short(low), short(high)];
  return to > from ? [from, to] : [from, from + 1];
}

/** Six digits are enough for a colour, and make readable URLs. */
function short(value: number): number {
  return Number(value.toPrecision(6));
}
