import { CoreMachineError } from '../../core/errors.ts';
import { defineHandler, type TaskContext } from '../../core/handler.ts';
import type { GdalSource } from '../../core/ports/blob-store.ts';
import type { CogPlan } from '../raster/cog-plan.ts';
import { requireOwnBlob } from '../raster/own-blobs.ts';
import { type Planning, planningFor } from '../raster/plan-for.ts';
import type { ValidateRasterOutput } from '../raster/schemas.ts';
import { openSource } from '../raster/source.ts';
import { inspectSource, strictFailure } from '../raster/validate-raster.ts';
import {
  type GenerateTilingSchemeInput,
  generateTilingSchemeInput,
  generateTilingSchemeOutput,
  type Tiling,
} from './schemas.ts';
import { schemeDocument } from './scheme-document.ts';
import { accessOf } from './source-access.ts';
import { seamColumn, targetPixels } from './target-pixels.ts';
import { cutOf } from './tile-windows.ts';
import { automaticTileSize, gridDimensions, tileCount } from './tiles.ts';

export const generateTilingScheme = defineHandler('generate_tiling_scheme', {
  description: 'Inspects the raster, cuts the target grid into tiles and writes the tiling as a GeoJSON blob.',
  input: generateTilingSchemeInput,
  output: generateTilingSchemeOutput,
  run: (input, context) => context.services.workspace.use('tiling', (folder) => generate(input, context, folder)),
});

async function generate(input: GenerateTilingSchemeInput, context: TaskContext, folder: string) {
  const { services } = context;
  const ref = { container: input.container_name, name: input.blob_name };
  const reading = { localCopy: false, folder, context, span: [0, 0.2] } as const;
  const source = await openSource(services, ref, { subdataset: input.subdataset, ...reading });
  context.progress(0.2);
  const validation = await inspect(input, source, folder, context);
  context.progress(0.4);
  const tier = validation.cog_tiers.applicable_tiers.includes(input.output_tier) ? input.output_tier : 'analysis';
  const crs_override = validation.crs_source === 'user_override' ? validation.source_crs : null;
  const { source_crs, effective_type: raster_type } = validation;
  const wanted = { source_crs, crs_override, target_crs: input.target_crs, raster_type, tier };
  const planning = await planningFor({ ...wanted, jpeg_quality: input.jpeg_quality }, source, context);
  const tiling = await tilingOf(input, planning, source, { folder, context });
  const cut = cutOf(tiling);
  const tile_count = tileCount(cut);
  context.progress(0.7);
  await writeScheme(input, tiling, planning.planOf(), context);
  const { access, batchSize } = accessOf(planning, source, tiling);
  return {
    scheme_blob: input.scheme_blob,
    scheme_container: input.scheme_container,
    tiling,
    tile_count,
    grid_dimensions: gridDimensions(cut),
    source_access: access,
    batch_size: batchSize,
    source_crs,
    crs_override,
    raster_type,
    tier,
    detected_type: validation.raster_type.detected_type,
    confidence: validation.raster_type.confidence,
    bit_depth_efficient: validation.bit_depth_check.efficient,
    warnings: validation.warnings,
  };
}

/** As in validate_raster: strict mode makes errors of warnings. */
async function inspect(
  input: GenerateTilingSchemeInput,
  source: GdalSource,
  folder: string,
  context: TaskContext,
): Promise<ValidateRasterOutput> {
  const inspection = { ...input, requested_tiers: [input.output_tier] };
  const found = await inspectSource(inspection, source, folder, context);
  const failure = strictFailure(inspection, found);
  if (failure) throw failure;
  return found;
}

async function tilingOf(
  input: GenerateTilingSchemeInput,
  planning: Planning,
  source: GdalSource,
  { folder, context }: { folder: string; context: TaskContext },
): Promise<Tiling> {
  const grid = await targetPixels(planning, source, folder, context);
  const { bands, width, height } = planning.facts;
  const bytesPerPixel = bands.reduce((sum, { type }) => sum + bytesOf(type), 0);
  const tile_size = input.tile_size ?? automaticTileSize(bytesPerPixel);
  checkOverlap(input.overlap, tile_size);
  const seam = seamColumn(grid, planning.cylinder);
  const scale: Tiling['scale'] = [grid.width / width, grid.height / height];
  return { grid, scale, tile_size, overlap: input.overlap, ...(seam !== null && { seam_column: seam }) };
}

/** Throws INVALID_PARAMETERS: a tile's own pixels are to be more than its neighbours'. */
function checkOverlap(overlap: number, tileSize: number): void {
  if (overlap < tileSize / 2) return;
  const message = `must be less than half of tile_size (${tileSize})`;
  throw new CoreMachineError('INVALID_PARAMETERS', `overlap ${message}`, { details: [{ path: 'overlap', message }] });
}

/** Of GDAL's types, e.g. 2 for `UInt16`. */
function bytesOf(type: string): number {
  return Number(/\d+$/.exec(type)?.[0] ?? 8) / 8;
}

async function writeScheme(
  input: GenerateTilingSchemeInput,
  tiling: Tiling,
  plan: CogPlan,
  { services, signal }: TaskContext,
): Promise<void> {
  const facts = {
    sourceBlob: input.blob_name,
    sourceContainer: input.container_name,
    targetCrs: input.target_crs,
    gridCrs: plan.warpTarget,
  };
  const document = await schemeDocument(tiling, facts, services.gdal);
  const target = { container: input.scheme_container, name: input.scheme_blob };
  await requireOwnBlob(services.blobs, target, input.owner);
  const metadata = { owner: input.owner };
  await services.blobs.upload(target, document, { contentType: 'application/geo+json', metadata, signal });
}
