import { z } from 'zod';
import { cursorParameter } from '../cursor.ts';
import { keyParameter } from '../routes/job-id.ts';
import { bboxParameter } from './bbox.ts';
import { datetimeParameter } from './datetime.ts';

export const largestPage = 10_000;

const format = z.enum(['json', 'geojson']).optional().describe('There is nothing but JSON.');

export const documentQuery = keyParameter.extend({ f: format });

/** An encoded slash comes through as it is: the host leaves it alone. */
const pathText = z
  .string()
  .max(1000)
  .transform((text) => text.replace(/%2F/gi, '/'));

export const collectionPath = z.object({
  collection_id: pathText.describe('From the list of collections; `schema.table` is understood too.'),
});
export const featurePath = collectionPath.extend({
  feature_id: pathText.describe('The `id` of a feature.'),
});

/** More than the most is not an error, but the most: /req/core/fc-limit-response. */
const limit = z
  .string()
  .regex(/^\d{1,100}$/, 'must be a whole number')
  .transform((text) => Math.min(largestPage, Number(text)))
  .refine((value) => value >= 1, 'must be at least 1')
  .default(100)
  .meta({ type: 'integer', minimum: 1, maximum: largestPage, default: 100, description: 'Features a page.' });

/** Primary keys may be texts of 2,700 bytes. */
const cursorLength = 8000;
const cursor = cursorParameter(z.object({ after: z.array(z.string()).min(1).max(32) }), cursorLength);

export const itemsQuery = documentQuery.extend({
  bbox: bboxParameter.optional(),
  datetime: datetimeParameter.optional(),
  limit,
  cursor: cursor.optional(),
});
