import { z } from 'zod';
import { isObject, type JsonObject } from '../../core/json.ts';

const json = z.custom<JsonObject>((value) => isObject(value), 'must be an object');

/**
 * What a STAC item says of its raster, whatever its id and collection. It is stored with the result of the task that
 * made the raster, so that nobody has to open the raster again.
 */
export const itemBody = z.object({
  /** GeoJSON, EPSG:4326. */
  geometry: json,
  /** [west, south, east, north]; west is greater than east over the antimeridian. */
  bbox: z.tuple([z.number(), z.number(), z.number(), z.number()]),
  /** When the data were taken, UTC; null: the file does not say. */
  acquired: z.object({ start: z.string(), end: z.string().nullable() }).nullable(),
  /** All but the times. */
  properties: json,
  assets: json,
});
export type ItemBody = z.output<typeof itemBody>;
