import { z } from 'zod';
import type { LandPolygon } from '../../core/ports/grid-store.ts';

const position = z.tuple([z.number().min(-180).max(180), z.number().min(-90).max(90)]).rest(z.number());
const rings = z.array(z.array(position).min(4)).min(1);
const polygon = z.object({ type: z.literal('Polygon'), coordinates: rings });
const multiPolygon = z.object({ type: z.literal('MultiPolygon'), coordinates: z.array(rings) });
const geometry = z.discriminatedUnion('type', [polygon, multiPolygon]);
const properties = z.record(z.string(), z.unknown()).nullish();
const feature = z.object({ type: z.literal('Feature'), geometry: geometry.nullable(), properties });
const document = z.discriminatedUnion('type', [
  polygon,
  multiPolygon,
  feature,
  z.object({ type: z.literal('FeatureCollection'), features: z.array(feature) }),
]);

type AnyGeometry = { readonly type: string } | null;

/** A geometry's polygons; none of what is no area. */
export function polygonsOf(given: AnyGeometry, countryCode: string | null): LandPolygon[] {
  const parsed = geometry.safeParse(given);
  if (!parsed.success) return [];
  const { type, coordinates } = parsed.data;
  const parts = type === 'Polygon' ? [coordinates] : coordinates;
  return parts.map((part) => ({ rings: part.map((ring) => ring.map(([x, y]) => [x, y] as const)), countryCode }));
}

/**
 * The polygons of a GeoJSON text, with the country code in the property `iso_a3` or `country_code`, in any case of letters.
 * Throws for what is not GeoJSON in longitude and latitude.
 */
export function parsePolygons(text: string): LandPolygon[] {
  const parsed = document.parse(JSON.parse(text));
  if (parsed.type !== 'FeatureCollection' && parsed.type !== 'Feature') return polygonsOf(parsed, null);
  const features = parsed.type === 'Feature' ? [parsed] : parsed.features;
  return features.flatMap((one) => polygonsOf(one.geometry, countryCodeOf(one.properties ?? {})));
}

function countryCodeOf(values: Readonly<Record<string, unknown>>): string | null {
  const named = Object.entries(values).filter(([name]) => ['iso_a3', 'country_code'].includes(name.toLowerCase()));
  const code = named.map(([, value]) => value).find((value) => typeof value === 'string' && /^[A-Z]{3}$/.test(value));
  return typeof code === 'string' ? code : null;
}
