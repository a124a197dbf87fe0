import { CoreMachineError } from '../../core/errors.ts';
import { defineHandler, type TaskContext } from '../../core/handler.ts';
import { isObject, type JsonObject, type JsonValue } from '../../core/json.ts';
import type { GdalSource } from '../../core/ports/blob-store.ts';
import { type RasterFacts, rasterFacts } from '../stac/raster-facts.ts';
import { placeWarnings } from './area-of-use.ts';
import { classify, needsSample } from './classify.ts';
import { describe } from './describe.ts';
import {
  type ValidateRasterInput,
  type ValidateRasterOutput,
  validateRasterInput,
  validateRasterOutput,
} from './schemas.ts';
import { openSource } from './source.ts';
import { type SourceCrs, sourceCrsOf } from './source-crs.ts';
import { refuseTruncated } from './truncated.ts';
import { effectiveType, headerWarnings, sampleWarnings, tierWarnings } from './warnings.ts';

export const validateRaster = defineHandler('validate_raster', {
  description: 'Opens the raster, tells what it is and whether and how it can become a COG.',
  input: validateRasterInput,
  output: validateRasterOutput,
  async run(input, context) {
    const found = await inspectRaster(input, context);
    const failure = strictFailure(input, found);
    if (failure) throw failure;
    return found;
  },
});

/** What strict mode makes of warnings: VALIDATION_FAILED with all of them; null where there are none. */
export function strictFailure(
  { strict_mode }: ValidateRasterInput,
  { warnings }: ValidateRasterOutput,
): CoreMachineError | null {
  const details = warnings
    .filter(({ severity }) => strict_mode && severity === 'warning')
    .map(({ code, message }) => ({ code, message }));
  if (details.length === 0) return null;
  const message = `strict mode: ${details.map((detail) => detail.message).join('; ')}`;
  return new CoreMachineError('VALIDATION_FAILED', message, { details });
}

/**
 * Throws CRS_MISSING, CRS_INVALID, FILE_UNREADABLE, RASTER_UNSUPPORTED, SUBDATASET_REQUIRED, SUBDATASET_NOT_FOUND and
 * what goes wrong with the storage.
 */
export function inspectRaster(input: ValidateRasterInput, context: TaskContext): Promise<ValidateRasterOutput> {
  const { services } = context;
  const ref = { container: input.container_name, name: input.blob_name };
  return services.workspace.use('validate', async (folder) => {
    const reading = { localCopy: false, folder, context, span: [0, 0.8] } as const;
    const source = await openSource(services, ref, { subdataset: input.subdataset, ...reading });
    context.progress(0.8);
    return inspectSource(input, source, folder, context);
  });
}

/** The same for a source that is open already. */
export async function inspectSource(
  input: ValidateRasterInput,
  source: GdalSource,
  folder: string,
  context: TaskContext,
): Promise<ValidateRasterOutput> {
  const { services, signal } = context;
  const ref = { container: input.container_name, name: input.blob_name };
  const info = await services.gdal.info(source, ['-norat'], { signal });
  await refuseTruncated(services, ref, { source, info, folder, signal });
  return inspect(input, source, info, context);
}

async function inspect(
  input: ValidateRasterInput,
  source: GdalSource,
  info: JsonObject,
  context: TaskContext,
): Promise<ValidateRasterOutput> {
  const { gdal } = context.services;
  const crs = await sourceCrsOf(info, input, gdal);
  const facts = factsOf(info, crs);
  refuseUnsupported(facts);
  refuseSignedBytes(info);
  const sample = needsSample(facts)
    ? await gdal.readPixels(source, sampleSize(facts), { signal: context.signal })
    : null;
  const hasData = sample ? sample.mask.includes(255) : await gdal.hasData(source, { signal: context.signal });
  const classification = classify(facts, sample);
  const type = effectiveType(input, classification);
  const warnings = [
    ...crs.warnings,
    ...headerWarnings(input, facts, classification),
    ...tierWarnings(input, type, facts),
    ...sampleWarnings(hasData),
    ...(await placeWarnings(gdal, facts, crs)),
  ];
  return describe(input, { facts, crs, classification, type, warnings }, gdal.capabilities);
}

function factsOf(info: JsonObject, crs: SourceCrs): RasterFacts {
  if (Array.isArray(info.geoTransform)) return rasterFacts({ ...info, coordinateSystem: { wkt: crs.wkt2 } });
  throw new CoreMachineError('RASTER_UNSUPPORTED', 'the raster is not georeferenced: it has no geotransform');
}

function refuseUnsupported({ bands }: RasterFacts): void {
  const complex = bands.find(({ type }) => type.startsWith('C'));
  if (complex) {
    const message = `bands of complex numbers (${complex.type}) cannot become a COG; split them into real bands`;
    throw new CoreMachineError('RASTER_UNSUPPORTED', message);
  }
  const types = new Set(bands.map(({ type }) => type));
  if (types.size > 1) {
    const message = `the bands are of different types (${[...types].join(', ')}); a TIFF has one`;
    throw new CoreMachineError('RASTER_UNSUPPORTED', message);
  }
}

/**
 * GDAL before 3.7 has no type for them: it calls them Byte with a mark, and a warp loses the mark, which makes 200 of -56.
 */
function refuseSignedBytes({ bands }: JsonObject): void {
  const marked = Array.isArray(bands) && bands.some((band) => imageStructure(band).PIXELTYPE === 'SIGNEDBYTE');
  if (!marked) return;
  const message = 'signed bytes need GDAL 3.7; convert the raster to Int16';
  throw new CoreMachineError('RASTER_UNSUPPORTED', message);
}

function imageStructure(band: JsonValue): JsonObject {
  const metadata = isObject(band) && isObject(band.metadata) ? band.metadata : {};
  return isObject(metadata.IMAGE_STRUCTURE) ? metadata.IMAGE_STRUCTURE : {};
}

/** Pixels a side of a grid across the raster; each may cost a whole block of the file. */
const sampleSide = 128;

function sampleSize({ width, height }: RasterFacts): { width: number; height: number } {
  return { width: Math.min(width, sampleSide), height: Math.min(height, sampleSide) };
}
