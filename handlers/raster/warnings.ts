import { type RasterWarningCode, warningCatalogue } from '../../core/warnings.ts';
import type { RasterFacts } from '../stac/raster-facts.ts';
import type { Classification } from './classify.ts';
import { isUsableNodata } from './nodata.ts';
import { applicableTiers } from './profiles.ts';
import type { RasterType, RasterWarning, ValidateRasterInput } from './schemas.ts';

export function warning(code: RasterWarningCode, message: string): RasterWarning {
  return { code, severity: warningCatalogue[code].severity, message };
}

/** What is odd about a raster, as far as its header tells. */
export function headerWarnings(
  input: ValidateRasterInput,
  facts: RasterFacts,
  classification: Classification,
): RasterWarning[] {
  return [...typeWarnings(input, classification), ...depthWarnings(facts), ...nodataWarnings(facts)];
}

/** The declared type when there is one, else the one that was found. */
export function effectiveType(input: ValidateRasterInput, found: Classification): RasterType {
  return input.raster_type === 'auto' ? found.type : input.raster_type;
}

export function tierWarnings(input: ValidateRasterInput, type: RasterType, facts: RasterFacts): RasterWarning[] {
  const { tiers, reason } = applicableTiers(type, facts);
  const missing = input.requested_tiers.filter((tier) => !tiers.includes(tier));
  return missing.map((tier) => warning('TIER_NOT_APPLICABLE', `${tier} becomes analysis: ${reason}`));
}

/** For information: a raster with little data may show none in a sample. */
export function sampleWarnings(hasData: boolean): RasterWarning[] {
  if (hasData) return [];
  return [warning('ALL_NODATA', 'no valid pixel was found in a sample of the raster')];
}

export function is64Bit(type: string | undefined): boolean {
  return type === 'Float64' || type === 'Int64' || type === 'UInt64' || type === 'CFloat64';
}

function typeWarnings(input: ValidateRasterInput, { type, evidence }: Classification): RasterWarning[] {
  if (input.raster_type === 'auto' || input.raster_type === type) return [];
  return [warning('TYPE_MISMATCH', `declared ${input.raster_type}, but it looks like ${type}: ${evidence.join('; ')}`)];
}

function depthWarnings({ bands }: RasterFacts): RasterWarning[] {
  const wide = bands.find(({ type }) => is64Bit(type));
  if (!wide) return [];
  const message = `${wide.type} takes twice the space; 32 bits are enough for most measurements`;
  return [warning('INEFFICIENT_BIT_DEPTH', message)];
}

function nodataWarnings({ bands }: RasterFacts): RasterWarning[] {
  const wrong = bands.find(({ type, nodata }) => nodata !== null && !isUsableNodata(type, nodata));
  if (!wrong) return [];
  return [warning('NODATA_UNUSABLE', `no ${wrong.type} value can be ${wrong.nodata}: the nodata value is ignored`)];
}
