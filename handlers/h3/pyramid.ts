import { createHash } from 'node:crypto';
import { cellToLatLng, latLngToCell } from 'h3-js';
import { cellsBelow } from './cells.ts';
import type { Land } from './land.ts';
import type { LandMap } from './land-source.ts';

export const pyramidBase = 2;

/** [west, south, east, north]; west is greater than east across the antimeridian. */
export type BoxFilter = readonly [number, number, number, number];

export interface AreaFilter {
  /** ISO 3166-1 alpha-3. */
  readonly country: string | null;
  readonly bbox: BoxFilter | null;
}

/**
 * Names the grids of one area, e.g. `land_world`, `land_deu`, `land_b1c2d3e4`, so that two areas have grids of their own;
 * `land_res4` is that of generate_h3_level4.
 */
export function gridPrefix({ country, bbox }: AreaFilter): string {
  const box = bbox && createHash('sha256').update(bbox.join()).digest('hex').slice(0, 8);
  const parts = [country?.toLowerCase(), box && `b${box}`].filter(Boolean);
  return ['land', ...(parts.length > 0 ? parts : ['world'])].join('_');
}

export function gridOf(prefix: string, resolution: number): string {
  return `${prefix}_res${resolution}`;
}

/** Whether a point is on the land of the area. */
export function inArea(map: LandMap, { country, bbox }: AreaFilter, longitude: number, latitude: number): boolean {
  if (bbox && !inBox(bbox, longitude, latitude)) return false;
  if (country === null) return map.land.at(longitude, latitude) !== undefined;
  return map.countries.at(longitude, latitude)?.countryCode === country;
}

/**
 * The base cells of an area, of resolution 2: each with the centre of one of its 49 cells of resolution 4 in the area. So
 * that no small island or box falls between the centres, also those with a corner of a polygon or a point of the box's
 * own raster in it.
 */
export function baseCellsOfArea(map: LandMap, area: AreaFilter, cells: Iterable<string>): string[] {
  const found = new Set<string>();
  for (const [longitude, latitude] of ownPoints(map, area)) {
    found.add(latLngToCell(latitude, longitude, pyramidBase));
  }
  for (const cell of cells) {
    if (found.has(cell)) continue;
    for (const part of cellsBelow(cell, pyramidBase + 2, pyramidBase)) {
      const [latitude, longitude] = cellToLatLng(part);
      if (!inArea(map, area, longitude, latitude)) continue;
      found.add(cell);
      break;
    }
  }
  return [...found].sort();
}

/** Corners of the area's polygons inside the box, and the box's raster points on land. */
function* ownPoints(map: LandMap, area: AreaFilter): Generator<readonly [number, number]> {
  const source: Land = area.country === null ? map.land : map.countries;
  for (const { rings, countryCode } of source.pieces) {
    if (area.country !== null && countryCode !== area.country) continue;
    for (const [x, y] of rings.flat()) if (!area.bbox || inBox(area.bbox, x, y)) yield [x, y];
  }
  for (const [x, y] of area.bbox ? raster(area.bbox) : []) if (inArea(map, area, x, y)) yield [x, y];
}

const rasterSteps = 16;

function* raster([west, south, east, north]: BoxFilter): Generator<readonly [number, number]> {
  const width = east < west ? east + 360 - west : east - west;
  for (let row = 0; row <= rasterSteps; row += 1) {
    for (let column = 0; column <= rasterSteps; column += 1) {
      const x = west + (width * column) / rasterSteps;
      yield [x > 180 ? x - 360 : x, south + ((north - south) * row) / rasterSteps];
    }
  }
}

function inBox([west, south, east, north]: BoxFilter, x: number, y: number): boolean {
  return y >= south && y <= north && (west <= east ? x >= west && x <= east : x >= west || x <= east);
}
