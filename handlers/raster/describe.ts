import type { GdalCapabilities } from '../../core/ports/gdal.ts';
import type { RasterFacts } from '../stac/raster-facts.ts';
import type { Classification } from './classify.ts';
import { boundsOf } from './extent.ts';
import { applicableTiers, compressionOf, resamplingOf } from './profiles.ts';
import type { RasterType, RasterWarning, ValidateRasterInput, ValidateRasterOutput } from './schemas.ts';
import type { SourceCrs } from './source-crs.ts';
import { is64Bit } from './warnings.ts';

export interface Findings {
  readonly facts: RasterFacts;
  readonly crs: SourceCrs;
  readonly classification: Classification;
  /** What the COG is made for. */
  readonly type: RasterType;
  readonly warnings: readonly RasterWarning[];
}

/** The findings as validate_raster reports them. */
export function describe(input: ValidateRasterInput, found: Findings, gdal: GdalCapabilities): ValidateRasterOutput {
  const { facts, crs, classification, type } = found;
  const { tiers, reason } = applicableTiers(type, facts);
  return {
    valid: true,
    source_blob: input.blob_name,
    source_container: input.container_name,
    band_count: facts.bands.length,
    dtype: dtypeOf(facts),
    shape: [facts.height, facts.width],
    bounds: boundsOf(facts),
    geo_transform: [...facts.geoTransform],
    source_crs: crs.name,
    crs_source: crs.origin,
    nodata: nodataOf(facts.bands[0]?.nodata ?? null),
    color_interpretation: facts.bands.map(({ color }) => color.toLowerCase()),
    raster_type: {
      detected_type: classification.type,
      confidence: classification.confidence,
      evidence: [...classification.evidence],
      optimal_cog_settings: optimalSettings(facts, type, gdal),
    },
    effective_type: type,
    cog_tiers: { applicable_tiers: [...tiers], incompatible_reason: reason },
    bit_depth_check: bitDepth(facts),
    warnings: [...found.warnings],
  };
}

function optimalSettings(facts: RasterFacts, type: RasterType, gdal: GdalCapabilities) {
  const { overview, reproject } = resamplingOf(type, facts);
  const bestTier = applicableTiers(type, facts).tiers[0] ?? 'analysis';
  return {
    compression: compressionOf(bestTier, type, facts, gdal, 85).name,
    overview_resampling: overview,
    reproject_resampling: reproject === 'near' ? 'nearest' : reproject,
  };
}

function bitDepth(facts: RasterFacts) {
  const dtype = dtypeOf(facts);
  const efficient = !facts.bands.some(({ type }) => is64Bit(type));
  const reason = efficient ? `${dtype} is stored as it is` : '64 bits a value; 32 are enough for most measurements';
  return { efficient, current_dtype: dtype, reason };
}

/** Of the first band, e.g. `uint8`, `float32`. */
export function dtypeOf({ bands }: RasterFacts): string {
  const type = bands[0]?.type ?? '';
  return type === 'Byte' ? 'uint8' : type.toLowerCase();
}

/** JSON has no NaN and no infinities. */
function nodataOf(value: number | null): number | string | null {
  return value === null || Number.isFinite(value) ? value : String(value).toLowerCase();
}
