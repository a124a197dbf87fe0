import { CoreMachineError } from '../../core/errors.ts';
import { defineHandler, type TaskContext } from '../../core/handler.ts';
import type { JsonObject } from '../../core/json.ts';
import type { CrsDescription } from '../../core/ports/gdal.ts';
import { type RasterFacts, rasterFacts } from '../stac/raster-facts.ts';
import { type Classification, classify } from './classify.ts';
import { boundsOf, outsideAreaOfUse } from './extent.ts';
import { applicableTiers, compressionOf, resamplingOf } from './profiles.ts';
import {
  type RasterType,
  type RasterWarning,
  type ValidateRasterInput,
  type ValidateRasterOutput,
  validateRasterInput,
  validateRasterOutput,
} from './schemas.ts';
import { openSource } from './source.ts';

export const validateRaster = defineHandler('validate_raster', {
  description: 'Opens the raster, tells what it is and whether and how it can become a COG.',
  input: validateRasterInput,
  output: validateRasterOutput,
  run: (input, context) => inspectRaster(input, context),
});

/**
 * Throws CRS_MISSING, CRS_INVALID, FILE_UNREADABLE, RASTER_UNSUPPORTED, SUBDATASET_REQUIRED, SUBDATASET_NOT_FOUND, and
 * VALIDATION_FAILED when strict mode makes errors of warnings.
 */
export function inspectRaster(input: ValidateRasterInput, context: TaskContext): Promise<ValidateRasterOutput> {
  const { services, signal } = context;
  const ref = { container: input.container_name, name: input.blob_name };
  return services.workspace.use('validate', async (folder) => {
    const source = await openSource(services, ref, { subdataset: input.subdataset, localCopy: false, folder, signal });
    const info = await services.gdal.info(source, ['-norat'], { signal });
    const crs = await crsOf(info, input, context);
    const facts = factsWith(info, crs.wkt2);
    refuseUnsupported(info, facts);
    const sample = await services.gdal.readPixels(source, sampleSize(facts), { signal });
    const classification = classify(facts, sample);
    const type = input.raster_type === 'auto' ? classification.type : input.raster_type;
    const warnings = [
      ...crs.warnings,
      ...typeWarnings(input, classification),
      ...depthWarnings(facts),
      ...tierWarnings(input, type, facts),
      ...sampleWarnings(sample.mask),
      ...((await outsideAreaOfUse(services.gdal, facts, crs)) ?? []),
    ];
    if (input.strict_mode && warnings.some(({ severity }) => severity === 'warning')) throw strictFailure(warnings);
    return describe(input, { facts, crs, classification, type, warnings }, context);
  });
}

interface SourceCrs extends CrsDescription {
  readonly name: string;
  readonly origin: 'file_metadata' | 'user_override';
  readonly warnings: readonly RasterWarning[];
}

async function crsOf(info: JsonObject, input: ValidateRasterInput, { services }: TaskContext): Promise<SourceCrs> {
  const own = (info.coordinateSystem as JsonObject | undefined)?.wkt;
  const given = input.input_crs === null ? null : await services.gdal.describeCrs(input.input_crs);
  if (input.input_crs !== null && !given) {
    throw new CoreMachineError('CRS_INVALID', `GDAL does not know the CRS ${JSON.stringify(input.input_crs)}`);
  }
  if (typeof own === 'string' && own !== '') {
    const described = await services.gdal.describeCrs(own);
    if (!described) throw new CoreMachineError('CRS_INVALID', "GDAL cannot use the file's coordinate reference system");
    const name = described.authorityCode ?? described.wkt2;
    const differs = given && (given.authorityCode ?? given.wkt2) !== name;
    const message = `the file's own CRS (${described.authorityCode ?? 'without a code'}) is used, not input_crs ${input.input_crs}`;
    return { ...described, name, origin: 'file_metadata', warnings: differs ? [warning('CRS_MISMATCH', message)] : [] };
  }
  if (!given) {
    throw new CoreMachineError('CRS_MISSING', `${input.blob_name} has no coordinate reference system; give input_crs`);
  }
  return { ...given, name: given.authorityCode ?? given.wkt2, origin: 'user_override', warnings: [] };
}

function factsWith(info: JsonObject, wkt: string): RasterFacts {
  const gcps = (info.gcps as JsonObject | undefined)?.gcpList;
  if (!Array.isArray(info.geoTransform) && Array.isArray(gcps)) {
    throw new CoreMachineError('RASTER_UNSUPPORTED', 'the raster has ground control points only; rectify it first');
  }
  if (!Array.isArray(info.geoTransform)) {
    throw new CoreMachineError('RASTER_UNSUPPORTED', 'the raster is not georeferenced: it has no geotransform');
  }
  return rasterFacts({ ...info, coordinateSystem: { wkt } });
}

function refuseUnsupported(info: JsonObject, facts: RasterFacts): void {
  const complex = facts.bands.find(({ type }) => type.startsWith('C'));
  if (complex) {
    throw new CoreMachineError(
      'RASTER_UNSUPPORTED',
      `bands of complex numbers (${complex.type}) cannot become a COG; split them into real bands`,
    );
  }
  const types = new Set(facts.bands.map(({ type }) => type));
  if (types.size > 1) {
    throw new CoreMachineError(
      'RASTER_UNSUPPORTED',
      `the bands are of different types (${[...types].join(', ')}); a TIFF has one`,
    );
  }
  if (!info.size) throw new CoreMachineError('FILE_UNREADABLE', 'the raster has no size');
}

/**
 * A grid of pixels across the raster. Each may cost a whole block of the file, so there are many only where they tell
 * a surface from classes; elsewhere a few show that the file can be read and holds something.
 */
function sampleSize({ width, height, bands }: RasterFacts): { width: number; height: number } {
  const undecided = bands.length === 1 && (bands[0]?.type === 'Int16' || bands[0]?.type === 'Int32');
  const most = undecided ? 128 : 8;
  return { width: Math.min(width, most), height: Math.min(height, most) };
}

function typeWarnings(input: ValidateRasterInput, { type }: Classification): RasterWarning[] {
  if (input.raster_type === 'auto' || input.raster_type === type) return [];
  return [warning('TYPE_MISMATCH', `declared ${input.raster_type}, but it looks like ${type}`)];
}

function depthWarnings({ bands }: RasterFacts): RasterWarning[] {
  if (!is64Bit(bands[0]?.type)) return [];
  return [
    warning(
      'INEFFICIENT_BIT_DEPTH',
      `${bands[0]?.type} takes twice the space; 32 bits are enough for most measurements`,
    ),
  ];
}

function tierWarnings(input: ValidateRasterInput, type: RasterType, facts: RasterFacts): RasterWarning[] {
  const { tiers, reason } = applicableTiers(type, facts);
  const missing = input.requested_tiers.filter((tier) => !tiers.includes(tier));
  return missing.map((tier) => warning('TIER_NOT_APPLICABLE', `${tier} becomes analysis: ${reason}`));
}

function sampleWarnings(mask: Uint8Array): RasterWarning[] {
  if (mask.some((valid) => valid !== 0)) return [];
  return [{ code: 'ALL_NODATA', severity: 'info', message: 'no valid pixel was found in a sample of the raster' }];
}

function warning(code: string, message: string): RasterWarning {
  return { code, severity: 'warning', message };
}

function strictFailure(warnings: readonly RasterWarning[]): CoreMachineError {
  const details = warnings.map(({ code, message }) => ({ code, message }));
  return new CoreMachineError('VALIDATION_FAILED', `strict mode: ${details.map(({ message }) => message).join('; ')}`, {
    details,
  });
}

function is64Bit(type: string | undefined): boolean {
  return type === 'Float64' || type === 'Int64' || type === 'UInt64';
}

interface Findings {
  readonly facts: RasterFacts;
  readonly crs: SourceCrs;
  readonly classification: Classification;
  readonly type: RasterType;
  readonly warnings: readonly RasterWarning[];
}

function describe(input: ValidateRasterInput, found: Findings, { services }: TaskContext): ValidateRasterOutput {
  const { facts, crs, classification, type } = found;
  const dtype = dtypeOf(facts.bands[0]?.type ?? '');
  const { overview, reproject } = resamplingOf(type, facts);
  const { tiers, reason } = applicableTiers(type, facts);
  const bestTier = tiers[0] ?? 'analysis';
  return {
    valid: true,
    source_blob: input.blob_name,
    source_container: input.container_name,
    band_count: facts.bands.length,
    dtype,
    shape: [facts.height, facts.width],
    bounds: boundsOf(facts),
    source_crs: crs.name,
    crs_source: crs.origin,
    nodata: nodataOf(facts.bands[0]?.nodata ?? null),
    color_interpretation: facts.bands.map(({ color }) => color.toLowerCase()),
    raster_type: {
      detected_type: classification.type,
      confidence: classification.confidence,
      evidence: [...classification.evidence],
      optimal_cog_settings: {
        compression: compressionOf(bestTier, type, facts, services.gdal.capabilities, 85).name,
        overview_resampling: overview,
        reproject_resampling: reproject === 'near' ? 'nearest' : reproject,
      },
    },
    effective_type: type,
    cog_tiers: { applicable_tiers: [...tiers], incompatible_reason: reason },
    bit_depth_check: {
      efficient: !is64Bit(facts.bands[0]?.type),
      current_dtype: dtype,
      reason: is64Bit(facts.bands[0]?.type)
        ? '64 bits a value; 32 are enough for most measurements'
        : `${dtype} is stored as it is`,
    },
    warnings: [...found.warnings],
  };
}

function dtypeOf(type: string): string {
  return type === 'Byte' ? 'uint8' : type.toLowerCase();
}

/** JSON has no NaN and no infinities. */
function nodataOf(value: number | null): number | string | null {
  return value === null || Number.isFinite(value) ? value : String(value).toLowerCase();
}
