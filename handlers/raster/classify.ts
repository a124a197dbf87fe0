import type { PixelWindow } from '../../core/ports/gdal.ts';
import type { RasterFacts } from '../stac/raster-facts.ts';
import type { RasterType } from './schemas.ts';

export interface Classification {
  readonly type: RasterType;
  /** 0-1: 1 where the bands leave no doubt. */
  readonly confidence: number;
  readonly evidence: readonly string[];
}

/** Neighbours in a smooth surface differ by a fraction of its spread; in noise by 1.13 standard deviations on average. */
const smoothRatio = 0.5;
/** Fewer values than this are taken for classes. */
const fewValues = 32;

/** Only of these do pixels tell a surface from classes. */
export function needsSample({ bands }: RasterFacts): boolean {
  const [first] = bands;
  const isWhole = first?.type === 'Int16' || first?.type === 'Int32';
  return bands.length === 1 && isWhole && (first.colorTable ?? null) === null;
}

/** What a raster shows, by the first rule that fits; `sample` where one is needed. */
export function classify(facts: RasterFacts, sample: PixelWindow | null): Classification {
  const { bands } = facts;
  const colors = bands.map(({ color }) => color);
  const types = new Set(bands.map(({ type }) => type));
  const all = (...names: string[]) => [...types].every((type) => names.includes(type));
  const shape = `${bands.length} band${bands.length === 1 ? '' : 's'} of ${[...types].join(', ')}, ${colors.join(' ')}`;
  const found = (type: RasterType, confidence: number, ...more: string[]) => ({
    type,
    confidence,
    evidence: [shape, ...more],
  });
  if (bands.length === 3 && all('Byte') && colors.join() === 'Red,Green,Blue') return found('rgb', 1);
  if (bands.length === 4 && all('Byte') && colors[3] === 'Alpha') return found('rgba', 1);
  if (bands.length === 4 && all('Byte', 'UInt16') && colors[3] !== 'Alpha') {
    return found('nir', 0.8, 'four bands without alpha are taken for red, green, blue and near infrared');
  }
  if (bands.length === 1)
    return { ...singleBand(facts, sample), evidence: [shape, ...singleBand(facts, sample).evidence] };
  if (bands.length > 4) return found('multispectral', 0.9, 'more than four bands');
  return found('unknown', 0.5, 'no rule fits');
}

function singleBand(facts: RasterFacts, sample: PixelWindow | null): Classification {
  const type = facts.bands[0]?.type ?? '';
  const hasTable = (facts.bands[0]?.colorTable ?? null) !== null;
  if (type === 'Float32' || type === 'Float64') {
    return { type: 'dem', confidence: 0.9, evidence: ['one band of floating point numbers'] };
  }
  if (needsSample(facts)) {
    const { smooth, evidence } = smoothness(sample);
    if (smooth) return { type: 'dem', confidence: 0.7, evidence: [evidence] };
    return { type: 'unknown', confidence: 0.5, evidence: [evidence] };
  }
  if (hasTable) return { type: 'categorical', confidence: 1, evidence: ['it has a colour table'] };
  if (type === 'Byte' || type === 'UInt16') {
    return { type: 'categorical', confidence: 0.7, evidence: ['one band of small whole numbers'] };
  }
  return { type: 'unknown', confidence: 0.5, evidence: ['no rule fits'] };
}

function smoothness(sample: PixelWindow | null): { smooth: boolean; evidence: string } {
  const band = sample?.bands[0];
  if (!sample || !band) return { smooth: false, evidence: 'no pixels to tell a surface from classes' };
  const values: number[] = [];
  const steps: number[] = [];
  for (let index = 0; index < band.length; index += 1) {
    if (!sample.mask[index]) continue;
    values.push(band[index] ?? 0);
    const hasNeighbour = index % sample.width > 0 && sample.mask[index - 1];
    if (hasNeighbour) steps.push(Math.abs((band[index] ?? 0) - (band[index - 1] ?? 0)));
  }
  const spread = standardDeviation(values);
  const ratio = spread === 0 ? 1 : mean(steps) / spread;
  const distinct = new Set(values).size;
  const smooth = ratio < smoothRatio && distinct >= fewValues;
  const evidence = `neighbours differ by ${ratio.toFixed(2)} standard deviations on average (a surface: under ${smoothRatio}), ${distinct} distinct values in the sample (classes: under ${fewValues})`;
  return { smooth, evidence };
}

function mean(values: readonly number[]): number {
  return values.length === 0 ? 0 : values.reduce((sum, value) => sum + value, 0) / values.length;
}

function standardDeviation(values: readonly number[]): number {
  const middle = mean(values);
  return Math.sqrt(mean(values.map((value) => (value - middle) ** 2)));
}
