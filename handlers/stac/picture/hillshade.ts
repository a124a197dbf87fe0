/** Heights on a grid, NaN where there are none. */
export interface HeightGrid {
  readonly width: number;
  readonly height: number;
  readonly values: Float64Array;
  /** Size of a cell in the heights' unit, metres: east to west, north to south. */
  readonly cell: readonly [number, number];
}

/** Light from the north-west at 45 degrees, as on printed maps. */
const zenith = Math.PI / 4;
const azimuth = (Math.PI * 3) / 4;

/**
 * Brightness of each cell, 0-1, by its slope towards the light: Horn's method over the eight neighbours, the same as
 * gdaldem's. Cells beside a gap take the middle's height for it. `exaggeration` makes gentle land visible.
 */
export function hillshade(grid: HeightGrid, exaggeration: number): Float64Array {
  const { width, height, values, cell } = grid;
  const shade = new Float64Array(width * height);
  for (let y = 0; y < height; y += 1) {
    for (let x = 0; x < width; x += 1) {
      const middle = values[y * width + x] ?? Number.NaN;
      const z = (dx: number, dy: number) => {
        const value = values[clamp(y + dy, height) * width + clamp(x + dx, width)] ?? Number.NaN;
        return Number.isNaN(value) ? middle : value;
      };
      const eastward = (z(1, -1) + 2 * z(1, 0) + z(1, 1) - z(-1, -1) - 2 * z(-1, 0) - z(-1, 1)) / (8 * cell[0]);
      const southward = (z(-1, 1) + 2 * z(0, 1) + z(1, 1) - z(-1, -1) - 2 * z(0, -1) - z(1, -1)) / (8 * cell[1]);
      shade[y * width + x] = brightness(eastward * exaggeration, southward * exaggeration);
    }
  }
  return shade;
}

function brightness(eastward: number, southward: number): number {
  const slope = Math.atan(Math.hypot(eastward, southward));
  const aspect = Math.atan2(southward, -eastward);
  const light = Math.cos(zenith) * Math.cos(slope) + Math.sin(zenith) * Math.sin(slope) * Math.cos(azimuth - aspect);
  return Math.max(0, light);
}

function clamp(index: number, size: number): number {
  return Math.min(size - 1, Math.max(0, index));
}
