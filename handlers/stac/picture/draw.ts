import type { Display } from '../display.ts';
import type { RasterFacts } from '../raster-facts.ts';
import type { Sample } from '../sample.ts';
import { classColor, colorAt, evenRamp, grays, type Rgb, relief } from './color.ts';
import { hillshade } from './hillshade.ts';

/** Draws a sample as RGBA, four bytes a pixel; transparent where there are no data. */
export function draw(facts: RasterFacts, display: Display, sample: Sample): Uint8Array {
  const colorOf = painter(facts, display, sample);
  const picture = new Uint8Array(sample.width * sample.height * 4);
  for (let pixel = 0; pixel < sample.width * sample.height; pixel += 1) {
    if (sample.mask[pixel] === 0) continue;
    const color = colorOf(pixel);
    if (!color) continue;
    const [red, green, blue, alpha = 255] = color;
    const at = pixel * 4;
    picture[at] = Math.round(red);
    picture[at + 1] = Math.round(green);
    picture[at + 2] = Math.round(blue);
    picture[at + 3] = Math.round(alpha);
  }
  return picture;
}

/** Red, green, blue and perhaps alpha of a pixel; null: transparent. */
type Painter = (pixel: number) => readonly [number, number, number, number?] | null;

function painter(facts: RasterFacts, display: Display, sample: Sample): Painter {
  switch (display.kind) {
    case 'colors':
      return colorPainter(display, sample);
    case 'palette': {
      const values = valuesOf(sample, display.band);
      return (pixel) => {
        const [red = 0, green = 0, blue = 0, alpha = 255] = display.colors[values(pixel)] ?? [];
        return [red, green, blue, alpha];
      };
    }
    case 'classes': {
      const values = valuesOf(sample, display.band);
      return (pixel) => classColor(values(pixel) - display.range[0]);
    }
    case 'gray':
    case 'ramp': {
      const values = valuesOf(sample, display.band);
      const ramp = display.kind === 'gray' ? grays : evenRamp;
      return (pixel) => colorAt(ramp, within(display.range, values(pixel)));
    }
    case 'elevation':
      return reliefPainter(facts, display, sample);
  }
}

function colorPainter(display: Display & { kind: 'colors' }, sample: Sample): Painter {
  const channels = display.bands.map((band, index) => {
    const values = valuesOf(sample, band);
    const range = display.ranges?.[index];
    return range ? (pixel: number) => 255 * within(range, values(pixel)) : values;
  });
  const channel = (index: number, pixel: number) => channels[index]?.(pixel) ?? 0;
  return (pixel) => [channel(0, pixel), channel(1, pixel), channel(2, pixel)];
}

function reliefPainter(facts: RasterFacts, display: Extract<Display, { range: unknown }>, sample: Sample): Painter {
  const values = valuesOf(sample, display.band);
  const { width, height } = sample;
  const heights = Float64Array.from({ length: width * height }, (_, pixel) =>
    sample.mask[pixel] === 0 ? Number.NaN : values(pixel),
  );
  const cell = cellSize(facts, sample);
  const rise = display.range[1] - display.range[0];
  const shade = hillshade({ width, height, values: heights, cell }, exaggerationFor(rise, cell, sample));
  return (pixel) => {
    const light = 0.35 + 0.75 * (shade[pixel] ?? 1);
    const [red, green, blue]: Rgb = colorAt(relief, within(display.range, values(pixel)));
    return [lit(red, light), lit(green, light), lit(blue, light)];
  };
}

function lit(value: number, light: number): number {
  return Math.min(255, value * light);
}

/** So that the relief rises about a fifteenth of the picture's width, whether it shows dunes or the Andes. */
function exaggerationFor(rise: number, [across, down]: readonly [number, number], sample: Sample): number {
  const extent = Math.min(across * sample.width, down * sample.height);
  return Math.min(50, Math.max(0.5, extent / 15 / rise));
}

/** Metres, for the shade only: a degree is 111,320 m along a meridian. */
function cellSize({ geoTransform, width, height, crs }: RasterFacts, sample: Sample): readonly [number, number] {
  const [, g1 = 1, g2 = 0, g3 = 0, g4 = 0, g5 = 1] = geoTransform;
  const across = (Math.hypot(g1, g4) * width) / sample.width;
  const down = (Math.hypot(g2, g5) * height) / sample.height;
  if (!/^GEOG/.test(crs)) return [across, down];
  const middle = g3 + (width * g4 + height * g5) / 2;
  const narrowing = Math.max(0.01, Math.cos((middle * Math.PI) / 180));
  return [across * 111_320 * narrowing, down * 111_320];
}

function valuesOf(sample: Sample, band: number): (pixel: number) => number {
  const values = sample.bands[sample.numbers.indexOf(band)];
  return (pixel) => values?.[pixel] ?? 0;
}

function within([low, high]: readonly [number, number], value: number): number {
  return Math.min(1, Math.max(0, (value - low) / (high - low)));
}
