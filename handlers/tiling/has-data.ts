import type { TaskContext } from '../../core/handler.ts';
import type { GdalSource } from '../../core/ports/blob-store.ts';
import { statisticsCommand } from '../raster/cog-commands.ts';
import type { Planning } from '../raster/plan-for.ts';
import { type Span, scratchPixels, stepOptions } from '../raster/scratch.ts';
import { type RasterFacts, rasterFacts } from '../stac/raster-facts.ts';
import type { Tiling } from './schemas.ts';
import type { GridWindow } from './snapped-grid.ts';
import { tileWindowOf } from './tile-windows.ts';
import type { Tile } from './tiles.ts';

/** The side of the windows that are made to see whether a tile holds something. */
const probeSize = 256;
/** Where in the tile they lie, as fractions of its sides: the middle first, where most tiles show what they hold. */
const probePlaces = [
  [0.5, 0.5],
  [0.25, 0.25],
  [0.75, 0.25],
  [0.25, 0.75],
  [0.75, 0.75],
] as const;

export interface TileSource {
  readonly planning: Planning;
  readonly tiling: Tiling;
  readonly source: GdalSource;
  readonly sourceCrs: string;
}

/** Tiles that hold data for sure, told from their place alone: those of a source without a single invalid pixel. */
export async function surelyFull(tiles: readonly Tile[], from: TileSource, context: TaskContext): Promise<Set<string>> {
  const { planning, tiling, sourceCrs } = from;
  if (!planning.facts.bands.every(({ allValid, nodata }) => allValid && nodata === null)) return new Set();
  const plan = planning.planOf();
  if (!plan.reprojects) return new Set(tiles.map(({ id }) => id));
  const points = tiles.flatMap((tile) => pointsOf(tile, tiling));
  const placed = await context.services.gdal.transformPoints(plan.warpTarget, sourceCrs, points);
  const inside = placed.map((point) => point !== null && isInside(planning.facts, point));
  const full = (index: number) =>
    inside.slice(index * probePlaces.length, (index + 1) * probePlaces.length).some(Boolean);
  return new Set(tiles.filter((_, index) => full(index)).map(({ id }) => id));
}

/** In units of the target: middles of pixels. */
function pointsOf(tile: Tile, { grid }: Tiling): [number, number][] {
  return probePlaces.map(([across, down]) => {
    const column = tile.column + Math.floor(across * (tile.width - 1));
    const row = tile.row + Math.floor(down * (tile.height - 1));
    return [grid.left + (column + 0.5) * grid.dx, grid.top - (row + 0.5) * grid.dy];
  });
}

/** By two pixels, so that rounding does not matter. */
function isInside({ width, height, geoTransform: g }: RasterFacts, [x, y]: readonly [number, number]): boolean {
  const [g0 = 0, g1 = 0, g2 = 0, g3 = 0, g4 = 0, g5 = 0] = g;
  const area = g1 * g5 - g2 * g4;
  const column = ((x - g0) * g5 - (y - g3) * g2) / area;
  const row = ((y - g3) * g1 - (x - g0) * g4) / area;
  return column > 2 && column < width - 2 && row > 2 && row < height - 2;
}

/**
 * True when the tile has at least one valid pixel. Nothing is guessed from overviews or from every n-th pixel: small
 * windows of the tile are made at full resolution, which mostly tells at the first, and where none holds anything the
 * whole tile is made.
 */
export async function hasData(tile: Tile, from: TileSource, context: TaskContext): Promise<boolean> {
  for (const window of probesOf(tile)) {
    if (await probeHasData(window, from, context)) return true;
  }
  return context.services.workspace.use('tile', (folder) => wholeHasData(tile, from, folder, context));
}

function probesOf(tile: Tile): GridWindow[] {
  if (tile.width <= 2 * probeSize || tile.height <= 2 * probeSize) return [];
  return probePlaces.map(([across, down]) => ({
    column: tile.column + Math.floor(across * tile.width - probeSize / 2),
    row: tile.row + Math.floor(down * tile.height - probeSize / 2),
    width: probeSize,
    height: probeSize,
  }));
}

function probeHasData(window: GridWindow, from: TileSource, context: TaskContext): Promise<boolean> {
  const { workspace, gdal } = context.services;
  return workspace.use('probe', async (folder) => {
    const plan = from.planning.planOf(tileWindowOf(from.tiling, window));
    const file = await scratchPixels(plan, from.source, folder, quiet(context), [0, 1]);
    const size = { width: window.width, height: window.height };
    const { mask } = await gdal.readPixels({ path: file, config: {} }, size, { signal: context.signal });
    return mask.some((valid) => valid !== 0);
  });
}

async function wholeHasData(
  window: GridWindow,
  from: TileSource,
  folder: string,
  context: TaskContext,
): Promise<boolean> {
  const plan = from.planning.planOf(tileWindowOf(from.tiling, window));
  const file = await scratchPixels(plan, from.source, folder, context, [0, 0.8]);
  return fileHasData(file, context, [0.8, 1]);
}

/** Bands without a valid pixel get no statistics. */
export async function fileHasData(file: string, context: TaskContext, span: Span): Promise<boolean> {
  const { gdal } = context.services;
  await gdal.run(statisticsCommand(file), stepOptions(context, span));
  const facts = rasterFacts(await gdal.info({ path: file, config: {} }, ['-norat'], { signal: context.signal }));
  return facts.bands.some(({ statistics }) => statistics !== null);
}

/** Probes take a moment. */
function quiet(context: TaskContext): TaskContext {
  return { ...context, progress: () => {} };
}
