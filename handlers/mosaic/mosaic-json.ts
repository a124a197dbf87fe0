import { CoreMachineError } from '../../core/errors.ts';
import { quadkeyOf, type TileRange, tilesInside } from './tile-grid.ts';

/** [west, south, east, north] in degrees; west > east where it crosses the antimeridian. */
export type Bbox = readonly [number, number, number, number];

/** What a mosaic must know of one COG. Its footprint is its bbox, as it is for cogeo-mosaic. */
export interface MosaicAsset {
  readonly href: string;
  readonly bbox: Bbox;
  readonly minzoom: number;
  readonly maxzoom: number;
  /** e.g. `uint8`. */
  readonly dataType: string;
}

export interface MosaicOptions {
  /** Default: the greatest of the assets'. */
  readonly minzoom?: number;
  readonly maxzoom?: number;
  /** Zoom of the keys; default `minzoom`. */
  readonly quadkeyZoom?: number;
  readonly name?: string;
  readonly description?: string;
}

/** https://github.com/developmentseed/mosaicjson-spec/tree/main/0.0.3 */
export interface MosaicJson {
  readonly mosaicjson: '0.0.3';
  readonly name?: string;
  readonly description?: string;
  readonly version: '1.0.0';
  readonly minzoom: number;
  readonly maxzoom: number;
  readonly quadkey_zoom: number;
  /** Never crosses the antimeridian: such a mosaic goes round the globe. */
  readonly bounds: Bbox;
  /** Longitude, latitude, zoom; within the data also where the bounds go round the globe. */
  readonly center: readonly [number, number, number];
  readonly asset_type: 'COG';
  readonly data_type: string;
  /** By quadkey, in its order; the assets in the order given, which is the one of drawing: the first valid pixel shows. */
  readonly tiles: Readonly<Record<string, readonly string[]>>;
}

/** Of a mosaic whose COGs are of very different resolutions; its keys are then of a lower zoom. */
const mostQuadkeys = 200_000;

/** Throws RASTER_UNSUPPORTED for no assets at all and for assets of several data types. */
export function buildMosaicJson(assets: readonly MosaicAsset[], options: MosaicOptions = {}): MosaicJson {
  const { name, description } = options;
  const maxzoom = options.maxzoom ?? greatest(assets, 'maxzoom');
  const minzoom = Math.min(options.minzoom ?? greatest(assets, 'minzoom'), maxzoom);
  const dataType = onlyDataType(assets);
  const boxes = assets.map(({ bbox }) => withinGlobe(bbox));
  const all = boxes.flat();
  const quadkeyZoom = affordableZoom(all, options.quadkeyZoom ?? minzoom);
  const bounds = union(all);
  return {
    mosaicjson: '0.0.3',
    ...(name !== undefined && { name }),
    ...(description !== undefined && { description }),
    version: '1.0.0',
    minzoom,
    maxzoom,
    quadkey_zoom: quadkeyZoom,
    bounds,
    center: [middleLongitude(all), (bounds[1] + bounds[3]) / 2, minzoom],
    asset_type: 'COG',
    data_type: dataType,
    tiles: assetsByQuadkey(assets, boxes, quadkeyZoom),
  };
}

/** Not by Math.max(...): a hundred thousand arguments do not fit on the stack. */
function greatest(assets: readonly MosaicAsset[], zoom: 'minzoom' | 'maxzoom'): number {
  return assets.reduce((most, asset) => Math.max(most, asset[zoom]), 0);
}

function onlyDataType(assets: readonly MosaicAsset[]): string {
  const types = [...new Set(assets.map(({ dataType }) => dataType))].sort();
  const [type] = types;
  if (type === undefined) throw new CoreMachineError('RASTER_UNSUPPORTED', 'a mosaic needs at least one COG');
  if (types.length === 1) return type;
  throw new CoreMachineError(
    'RASTER_UNSUPPORTED',
    `the COGs of a mosaic are of one data type, not ${types.join(', ')}`,
  );
}

function assetsByQuadkey(
  assets: readonly MosaicAsset[],
  boxes: readonly (readonly Bbox[])[],
  zoom: number,
): Record<string, readonly string[]> {
  const tiles = new Map<string, Set<string>>();
  assets.forEach(({ href }, index) => {
    for (const tile of (boxes[index] ?? []).flatMap((box) => [...tilesOf(tilesInside(box, zoom))])) {
      const key = quadkeyOf(tile, zoom);
      const hrefs = tiles.get(key);
      if (hrefs) hrefs.add(href);
      else tiles.set(key, new Set([href]));
    }
  });
  const keys = [...tiles.keys()].sort();
  return Object.fromEntries(keys.map((key) => [key, [...(tiles.get(key) ?? [])]]));
}

function* tilesOf({ left, right, top, bottom }: TileRange): Generator<readonly [number, number]> {
  for (let y = top; y <= bottom; y += 1) for (let x = left; x <= right; x += 1) yield [x, y];
}

function affordableZoom(boxes: readonly Bbox[], wanted: number): number {
  let zoom = wanted;
  while (zoom > 0 && tilesNeeded(boxes, zoom) > mostQuadkeys) zoom -= 1;
  return zoom;
}

/** At most: where boxes overlap their tiles count twice. */
function tilesNeeded(boxes: readonly Bbox[], zoom: number): number {
  const ranges = boxes.map((box) => tilesInside(box, zoom));
  const counts = ranges.map(
    ({ left, right, top, bottom }) => Math.max(0, right - left + 1) * Math.max(0, bottom - top + 1),
  );
  return counts.reduce((sum, count) => sum + count, 0);
}

/** One box, or the two that it is made of at the antimeridian. */
function withinGlobe([west, south, east, north]: Bbox): Bbox[] {
  if (west > east) return withinGlobe([west, south, east + 360, north]);
  if (east - west >= 360) return [[-180, south, 180, north]];
  if (west >= 180) return withinGlobe([west - 360, south, east - 360, north]);
  if (east <= -180) return withinGlobe([west + 360, south, east + 360, north]);
  if (east > 180) return halves(west, south, east - 360, north);
  if (west < -180) return halves(west + 360, south, east, north);
  return [[west, south, east, north]];
}

function halves(west: number, south: number, east: number, north: number): Bbox[] {
  return [
    [west, south, 180, north],
    [-180, south, east, north],
  ];
}

function union(boxes: readonly Bbox[]): Bbox {
  const [first, ...others] = boxes;
  if (!first) throw new CoreMachineError('RASTER_UNSUPPORTED', 'a mosaic needs at least one COG');
  return others.reduce<Bbox>(
    (a, b) => [Math.min(a[0], b[0]), Math.min(a[1], b[1]), Math.max(a[2], b[2]), Math.max(a[3], b[3])],
    first,
  );
}

/** Opposite of the widest gap between the boxes, which for most mosaics is the one at the antimeridian. */
function middleLongitude(boxes: readonly Bbox[]): number {
  const sorted = boxes.map(([west, , east]) => [west, east] as const).sort(([a], [b]) => a - b);
  const first = sorted[0]?.[0] ?? 0;
  let [reached, widest, middle] = [first, -1, 0];
  for (const [west, east] of [...sorted, [first + 360, first + 360] as const]) {
    // The gap at the antimeridian comes last and wins a tie.
    if (west - reached >= widest) [widest, middle] = [west - reached, (west + reached) / 2 + 180];
    reached = Math.max(reached, east);
  }
  return ((middle + 180) % 360) - 180;
}
