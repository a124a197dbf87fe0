import { z } from 'zod';

const url = z.string().nullable();

/** As titiler-urls.ts makes them. */
export const titilerUrls = z.object({
  viewer_url: url,
  tilejson_url: url,
  tiles_url: url,
  preview_url: url,
  thumbnail_url: url,
  info_url: url,
  bounds_url: url,
  statistics_url: url,
});
