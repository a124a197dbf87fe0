import { createRequire } from 'node:module';
import { iso31661, iso31661Alpha2ToAlpha3, iso31661NumericToAlpha2 } from 'iso-3166';
import { feature } from 'topojson-client';
import type { GeometryCollection, Topology } from 'topojson-specification';
import type { LandPolygon } from '../../core/ports/grid-store.ts';
import { onTheMap } from './antimeridian.ts';
import { polygonsOf } from './geojson-polygons.ts';

const require = createRequire(import.meta.url);

/** Natural Earth 1:110m, from the npm package world-atlas. */
type Atlas = Topology<{ land: GeometryCollection; countries: GeometryCollection<{ name: string }> }>;

/**
 * The land of the world, without countries. The package joins Natural Earth's rings over the antimeridian: they jump from 180
 * to -180 there, and Antarctica's goes round the pole. Read in the plane as they are, a stripe of Siberia is sea, the sea
 * beside it land, and 81,380 cells of resolution 4 are land; cut at the antimeridian it is 81,767, of land and of countries
 * alike.
 */
export function naturalEarthLand(): LandPolygon[] {
  const atlas = require('world-atlas/land-110m.json') as Atlas;
  return feature(atlas, atlas.objects.land)
    .features.flatMap(({ geometry }) => polygonsOf(geometry, null))
    .flatMap(onTheMap);
}

/** The countries, with their codes; a few areas have none in ISO 3166. */
export function naturalEarthCountries(): LandPolygon[] {
  const atlas = require('world-atlas/countries-110m.json') as Atlas;
  return feature(atlas, atlas.objects.countries).features.flatMap(({ id, geometry }) =>
    polygonsOf(geometry, alpha3(String(id ?? ''))).flatMap(onTheMap),
  );
}

/** From ISO 3166-1 numeric, e.g. 276 to DEU. */
function alpha3(numeric: string): string | null {
  const alpha2 = iso31661NumericToAlpha2[numeric.padStart(3, '0')];
  return (alpha2 && iso31661Alpha2ToAlpha3[alpha2]) ?? null;
}

export function isCountryCode(code: string): boolean {
  return iso31661.some(({ alpha3 }) => alpha3 === code);
}
