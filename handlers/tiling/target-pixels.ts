import type { TaskContext } from '../../core/handler.ts';
import type { GdalSource } from '../../core/ports/blob-store.ts';
import { suggestionCommand } from '../raster/cog-commands.ts';
import { type CogPlan, isNorthUp } from '../raster/cog-plan.ts';
import { type Cylinder, seamBetween } from '../raster/cylinder.ts';
import type { Planning } from '../raster/plan-for.ts';
import type { TargetGrid } from '../raster/target-grid.ts';
import { type RasterFacts, rasterFacts } from '../stac/raster-facts.ts';
import { givenGrid, type PixelGrid, snappedGrid } from './snapped-grid.ts';

/** The grid of the whole raster in the target CRS: the source's own pixels where these are kept, else a snapped one. */
export async function targetPixels(
  planning: Planning,
  source: GdalSource,
  folder: string,
  context: TaskContext,
): Promise<PixelGrid> {
  const plan = planning.planOf();
  const { facts } = planning;
  const keepsPixels = plan.resampling.reproject === 'near' && isNorthUp(facts.geoTransform) && isSameSize(plan, facts);
  if (!plan.reprojects && !plan.place) return ownPixels(facts);
  const given = plan.place ?? plan.grid;
  if (given && keepsPixels) return givenGrid(given);
  const wanted = given ?? (await suggestedGrid(plan, source, folder, context));
  const [left, , right] = wanted.bounds;
  const seam = seamIn(left, right, { dx: (right - left) / wanted.width, cylinder: planning.cylinder });
  return snappedGrid(wanted, seam ?? 0);
}

/** The first column beyond the end of the CRS; null: the grid lies within. */
export function seamColumn(grid: PixelGrid, cylinder: Cylinder | null): number | null {
  const { left, dx, width } = grid;
  const seam = seamIn(left, left + width * dx, { dx, cylinder });
  return seam === null ? null : Math.ceil((seam - left) / dx - rounding);
}

/** Of a pixel. */
const rounding = 1e-6;

/** Where the CRS ends, with at least a pixel on both sides: a grid of the whole globe may be a little wider than that. */
function seamIn(left: number, right: number, { dx, cylinder }: { dx: number; cylinder: Cylinder | null }) {
  return cylinder && seamBetween(left + dx, right - dx, cylinder);
}

/** A raster of degrees that is only moved or rolled has as many pixels as before. */
function isSameSize({ place, grid }: CogPlan, { width, height }: RasterFacts): boolean {
  const given = place ?? grid;
  return given !== null && given.width === width && given.height === height;
}

function ownPixels({ geoTransform: g, width, height }: RasterFacts): PixelGrid {
  const [left = 0, dx = 1, , top = 0, , dy = -1] = g;
  return { left, top, dx, dy: -dy, width, height };
}

async function suggestedGrid(
  plan: CogPlan,
  source: GdalSource,
  folder: string,
  { services, signal }: TaskContext,
): Promise<TargetGrid> {
  const file = `${folder}/suggested.vrt`;
  await services.gdal.run(suggestionCommand(plan, source, file), { signal });
  const facts = rasterFacts(await services.gdal.info({ path: file, config: source.config }, ['-norat'], { signal }));
  const { left, top, dx, dy, width, height } = ownPixels(facts);
  return { bounds: [left, top - height * dy, left + width * dx, top], width, height };
}
