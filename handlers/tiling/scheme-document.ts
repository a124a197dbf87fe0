import type { JsonObject } from '../../core/json.ts';
import type { Gdal } from '../../core/ports/gdal.ts';
import { geoJsonOf, type LonLat, outlineOf } from './lon-lat.ts';
import type { Tiling } from './schemas.ts';
import { boundsOfWindow } from './snapped-grid.ts';
import { cutOf } from './tile-windows.ts';
import { gridDimensions, type Tile, tileAt, tileCount } from './tiles.ts';

/** Tiles whose outlines are transformed together. */
const atOnce = 1000;
const pointsPerSide = 4;

export interface SchemeFacts {
  readonly sourceBlob: string;
  readonly sourceContainer: string;
  /** What users know it as. */
  readonly targetCrs: string;
  /** What its numbers are in: the same, or one that goes on beyond the antimeridian. */
  readonly gridCrs: string;
}

/**
 * The tiling as a GeoJSON FeatureCollection, one feature a tile, in pieces of text. Geometries are in degrees
 * (RFC 7946); the tile's place in the target grid is among its properties.
 */
export async function schemeDocument(tiling: Tiling, facts: SchemeFacts, gdal: Gdal): Promise<Uint8Array> {
  const cut = cutOf(tiling);
  const count = tileCount(cut);
  const { grid, tile_size, overlap } = tiling;
  const head = {
    type: 'FeatureCollection',
    name: 'tiling_scheme',
    source_blob: facts.sourceBlob,
    source_container: facts.sourceContainer,
    target_crs: facts.targetCrs,
    grid: { ...grid },
    grid_dimensions: gridDimensions(cut),
    tile_count: count,
    tile_size,
    overlap,
  };
  const parts = [`${JSON.stringify(head).slice(0, -1)},"features":[`];
  for (let first = 0; first < count; first += atOnce) {
    const tiles = Array.from({ length: Math.min(atOnce, count - first) }, (_, index) => tileAt(cut, first + index));
    const features = await featuresOf(tiles, tiling, facts, gdal);
    parts.push(first === 0 ? '\n' : ',\n', features.map((feature) => JSON.stringify(feature)).join(',\n'));
  }
  parts.push('\n]}\n');
  return new TextEncoder().encode(parts.join(''));
}

async function featuresOf(
  tiles: readonly Tile[],
  tiling: Tiling,
  { gridCrs }: SchemeFacts,
  gdal: Gdal,
): Promise<JsonObject[]> {
  const outlines = tiles.map((tile) => outlineOf(boundsOfWindow(tiling.grid, tile), pointsPerSide));
  const points = gridCrs === 'EPSG:4326' ? outlines.flat() : await onGlobe(outlines.flat(), gridCrs, gdal);
  const perTile = pointsPerSide * 4;
  return tiles.map((tile, index) => ({
    type: 'Feature',
    id: tile.id,
    geometry: geoJsonOf(points.slice(index * perTile, (index + 1) * perTile)),
    properties: {
      tile_id: tile.id,
      row: tile.tileRow,
      column: tile.tileColumn,
      bounds: [...boundsOfWindow(tiling.grid, tile)],
      pixel_window: [tile.column, tile.row, tile.width, tile.height],
    },
  }));
}

function onGlobe(points: readonly LonLat[], crs: string, gdal: Gdal): Promise<readonly (LonLat | null)[]> {
  return gdal.transformPoints(crs, 'EPSG:4326', points);
}
