import { CoreMachineError } from '../../../core/errors.ts';
import type { JsonObject } from '../../../core/json.ts';
import { area, extentOf, type Point, type Polygon, type Ring } from './geometry.ts';
import { boxOf, cutAtAntimeridian, unwrapped } from './globe.ts';
import { halved, type Mask, outlines } from './mask-outline.ts';
import { simplified } from './simplify.ts';

export interface Grid {
  readonly width: number;
  readonly height: number;
  /** GDAL's six numbers: x = g0 + column * g1 + row * g2, y = g3 + column * g4 + row * g5. */
  readonly geoTransform: readonly number[];
}

export interface Footprint {
  /** GeoJSON Polygon or MultiPolygon, EPSG:4326, longitude first. */
  readonly geometry: JsonObject;
  /** [west, south, east, north]; west is greater than east over the antimeridian. */
  readonly bbox: readonly [number, number, number, number];
}

/** From the raster's CRS to longitude and latitude; null for points that have none. */
export type ToLonLat = (points: readonly Point[]) => Promise<readonly (Point | null)[]>;

/** Enough for a coast line at the size of a preview; every search of the catalogue reads all of them. */
const most = { rings: 200, points: 600 };
/** Gaps smaller than this share of the raster are noise, not a hole. */
const smallestHole = 0.0005;
/** In pixels of the mask: a slanting edge is a staircase, whose corners lie up to a pixel off the line. */
const staircase = 1.25;
/** Straight edges bend on the globe: they are cut into this many pieces along the longer side of the raster. */
const pieces = 64;
/** 1e-7 degrees are a centimetre. What is smaller than that keeps all digits there are. */
const decimals = { usual: 7, most: 15 } as const;

/**
 * Where a raster has data: along the edges of its grid, or of the valid pixels in `mask`, a reduced copy of its own.
 * Follows the valid pixels to within 1.25 pixels of the mask, and the bent edges to a quarter of one of the raster.
 */
export async function footprintOf(grid: Grid, mask: Mask | null, toLonLat: ToLonLat): Promise<Footprint> {
  const inPixels = mask && isPartly(mask) ? validAreas(mask, grid) : [[wholeOf(grid)]];
  const dense = inPixels.map((polygon) =>
    polygon.map((ring) => densified(ring, Math.max(grid.width, grid.height) / pieces)),
  );
  const onGlobe = await transformed(dense, grid, toLonLat);
  const smooth = simplified(onGlobe, pixelInDegrees(onGlobe, grid) / 4);
  const cut = smooth.flatMap(cutAtAntimeridian);
  const digits = closedPolygons(cut, decimals.usual).length > 0 ? decimals.usual : decimals.most;
  const parts = closedPolygons(cut, digits);
  if (parts.length === 0) throw new CoreMachineError('RASTER_UNSUPPORTED', 'the raster has no place on the globe');
  const geometry =
    parts.length === 1
      ? { type: 'Polygon', coordinates: parts[0] ?? [] }
      : { type: 'MultiPolygon', coordinates: parts };
  const [west, south, east, north] = boxOf(smooth);
  return {
    geometry,
    bbox: [rounded(west, digits), rounded(south, digits), rounded(east, digits), rounded(north, digits)],
  };
}

function isPartly({ valid }: Mask): boolean {
  return valid.includes(0) && valid.some((value) => value !== 0);
}

function wholeOf({ width, height }: Grid): Ring {
  return [
    [0, 0],
    [width, 0],
    [width, height],
    [0, height],
  ];
}

/** At half the resolution, until it is a shape of a reasonable number of points. */
function validAreas(full: Mask, grid: Grid): readonly Polygon[] {
  for (let mask = full, factor = 1; ; mask = halved(mask), factor *= 2) {
    const traced = outlines(mask, most.rings);
    if (traced === null) continue;
    const solid = traced.map((polygon) => withoutSmallHoles(polygon, mask));
    const shape = simplified(solid, staircase);
    const points = shape.flat().reduce((sum, ring) => sum + ring.length, 0);
    if (points > most.points && mask.width > 8) continue;
    const scale = [(grid.width / full.width) * factor, (grid.height / full.height) * factor] as const;
    return shape.map((polygon) => polygon.map((ring) => ring.map((point) => scaled(point, scale, grid))));
  }
}

function withoutSmallHoles([outer = [], ...holes]: Polygon, mask: Mask): Polygon {
  return [outer, ...holes.filter((hole) => -area(hole) >= smallestHole * mask.width * mask.height)];
}

/** A halved mask may reach past the grid's edge. */
function scaled([x, y]: Point, [byX, byY]: Point, { width, height }: Grid): Point {
  return [Math.min(x * byX, width), Math.min(y * byY, height)];
}

function densified(ring: Ring, step: number): Ring {
  return ring.flatMap(([x, y], index) => {
    const [nextX, nextY] = ring[(index + 1) % ring.length] ?? [x, y];
    const count = Math.max(1, Math.ceil(Math.hypot(nextX - x, nextY - y) / step));
    return Array.from({ length: count }, (_, part): Point => {
      return [x + ((nextX - x) * part) / count, y + ((nextY - y) * part) / count];
    });
  });
}

async function transformed(polygons: readonly Polygon[], grid: Grid, toLonLat: ToLonLat): Promise<Polygon[]> {
  const [g0 = 0, g1 = 1, g2 = 0, g3 = 0, g4 = 0, g5 = 1] = grid.geoTransform;
  const points = polygons.flat(2).map(([x, y]): Point => [g0 + x * g1 + y * g2, g3 + x * g4 + y * g5]);
  const found = await toLonLat(points);
  let position = 0;
  const take = (ring: Ring): Ring => {
    const part = found.slice(position, position + ring.length);
    position += ring.length;
    // Corners of a map of the whole globe may lie outside of it.
    return unwrapped(part.filter((point) => point !== null));
  };
  return polygons.flatMap((polygon) => {
    const [outer = [], ...holes] = polygon.map(take);
    return outer.length < 3 ? [] : [[outer, ...holes.filter((hole) => hole.length >= 3)]];
  });
}

function pixelInDegrees(polygons: readonly Polygon[], { width, height }: Grid): number {
  const [west, south, east, north] = extentOf(polygons.flat(2));
  return Math.hypot(east - west, north - south) / Math.hypot(width, height);
}

function closedPolygons(polygons: readonly Polygon[], digits: number): Point[][][] {
  return polygons.map((polygon) => closedPolygon(polygon, digits)).filter((rings) => rings.length > 0);
}

/** As GeoJSON has it: rounded, the first point repeated at the end. */
function closedPolygon(polygon: Polygon, digits: number): Point[][] {
  const [outer = [], ...holes] = polygon.map((ring) => closedRing(ring, digits));
  return outer.length < 4 ? [] : [outer, ...holes.filter((hole) => hole.length >= 4)];
}

function closedRing(ring: Ring, digits: number): Point[] {
  const points = ring.map(([x, y]): Point => [rounded(x, digits), rounded(y, digits)]);
  const distinct = points.filter(([x, y], index) => {
    const [beforeX, beforeY] = points[(index + points.length - 1) % points.length] ?? [];
    return x !== beforeX || y !== beforeY;
  });
  const [first] = distinct;
  return first ? [...distinct, first] : [];
}

function rounded(degrees: number, digits: number): number {
  const value = Number(degrees.toFixed(digits));
  return value === 0 ? 0 : value;
}
