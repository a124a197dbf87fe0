import { z } from 'zod';
import type { Box } from '../../../core/ports/feature-collections.ts';

/** What `bbox` asks for: one box, two where it crosses the antimeridian, and heights when it has six numbers. */
export interface BoundingBox {
  readonly boxes: readonly Box[];
  readonly heights: readonly [number, number] | null;
}

const number = /^\s*[+-]?(?:\d{1,40}(?:\.\d{0,40})?|\.\d{1,40})(?:[eE][+-]?\d{1,2})?\s*$/;

/** `west,south,east,north` or `west,south,low,east,north,high` in CRS84; west > east crosses the antimeridian. */
export const bboxParameter = z
  .string()
  .transform((text, context): BoundingBox => {
    const parsed = parseBbox(text);
    if (typeof parsed !== 'string') return parsed;
    context.addIssue({ code: 'custom', message: parsed });
    return z.NEVER;
  })
  .meta({
    type: 'array',
    items: { type: 'number' },
    oneOf: [
      { minItems: 4, maxItems: 4 },
      { minItems: 6, maxItems: 6 },
    ],
    description:
      'west,south,east,north in degrees (CRS84), or west,south,low,east,north,high; west > east crosses 180°.',
  });

/** The box, or what is wrong with it. */
export function parseBbox(text: string): BoundingBox | string {
  if (text.length > 300) return 'must be 4 or 6 numbers with commas between';
  const parts = text.split(',');
  const numbers = parts.map(Number);
  if (!parts.every((part) => number.test(part)) || (numbers.length !== 4 && numbers.length !== 6))
    return 'must be 4 or 6 numbers with commas between';
  const half = numbers.length / 2;
  const [west = 0, south = 0, low = 0] = numbers;
  const [east = 0, north = 0, high = 0] = numbers.slice(half);
  if (south > north) return 'must have its south before its north';
  if (half === 3 && low > high) return 'must have its lowest height before its highest';
  const latitudes = [clamped(south), clamped(north)] as const;
  const boxes = spans(west, east).map(([from, to]): Box => [from, latitudes[0], to, latitudes[1]]);
  return { boxes, heights: half === 3 ? [low, high] : null };
}

function clamped(latitude: number): number {
  return Math.min(90, Math.max(-90, latitude));
}

/** Stretches of longitude between -180 and 180. Maps that are panned around the globe ask for more, or for 190. */
function spans(west: number, east: number): [number, number][] {
  if (west >= -180 && east <= 180 && west <= east) return [[west, east]];
  if (east - west >= 360) return [[-180, 180]];
  const from = west === 180 ? west : around(west);
  const to = east === -180 ? east : around(east);
  return from <= to
    ? [[from, to]]
    : [
        [from, 180],
        [-180, to],
      ];
}

/** The same meridian in [-180, 180). */
function around(longitude: number): number {
  return longitude >= -180 && longitude <= 180 ? longitude : ((((longitude + 180) % 360) + 360) % 360) - 180;
}
