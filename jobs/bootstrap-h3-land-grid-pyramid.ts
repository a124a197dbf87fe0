import { z } from 'zod';
import { CoreMachineError } from '../core/errors.ts';
import { defineJob } from '../core/job.ts';
import { cascade } from '../handlers/h3/cascade.ts';
import { finalizePyramid } from '../handlers/h3/finalize-pyramid.ts';
import { landSource, requireLandSource } from '../handlers/h3/land-source.ts';
import { isCountryCode } from '../handlers/h3/natural-earth.ts';
import { type AreaFilter, gridPrefix, pyramidBase } from '../handlers/h3/pyramid.ts';
import { makePyramidBase } from '../handlers/h3/pyramid-base.ts';

const longitude = z.number().min(-180).max(180);
const latitude = z.number().min(-90).max(90);

const parameters = z.object({
  land_source: landSource,
  country_filter: z
    .string()
    .refine(isCountryCode, 'must be a country code of ISO 3166-1 alpha-3, e.g. KEN')
    .nullable()
    .default(null)
    .describe('Only this country, ISO 3166-1 alpha-3.'),
  bbox_filter: z
    .tuple([longitude, latitude, longitude, latitude])
    .refine(([, south, , north]) => south <= north, 'must be west, south, east, north')
    .nullable()
    .default(null)
    .describe('Only this box: west, south, east, north; west > east goes across the antimeridian.'),
  target_resolutions: z
    .array(
      z
        .int()
        .min(pyramidBase + 1)
        .max(10),
    )
    .min(1)
    .refine((list) => new Set(list).size === list.length, 'must not repeat')
    .default([3, 4, 5, 6, 7])
    .describe('Resolutions to make; each has seven times as many cells as the one before.'),
  cascade_batch_size: z.int().min(1).max(100).default(10).describe('Base cells a task.'),
});

type Parameters = z.output<typeof parameters>;

const result = z.object({
  grid_id_prefix: z.string(),
  filter_type: z.enum(['none', 'country', 'bbox', 'country_and_bbox']),
  filter_value: z.object({ country: z.string().nullable(), bbox: z.array(z.number()).nullable() }),
  total_cells: z.int(),
  ...finalizePyramid.output.shape,
  verified: z.literal(true),
});

/** Grids of several H3 resolutions over the land of an area, each cell's parent in the next coarser one. */
export const bootstrapH3LandGridPyramid = defineJob('bootstrap_h3_land_grid_pyramid', {
  description: 'Grids of several H3 resolutions over land, in PostGIS, each cell with its parent',
  parameters,
  checkResources: ({ land_source }, services) => requireLandSource(services, land_source),
})
  .stage('base', makePyramidBase, ({ params }) => [
    { key: 'base', input: { land_source: params.land_source, area: areaOf(params) } },
  ])
  .fanOut('cascade', cascade, async ({ params, previous, services }) => {
    const { base_cells } = await previous.only();
    requireFewEnough(base_cells.length, params, services.settings.h3MaxCells);
    return batches(base_cells, params.cascade_batch_size).map((batch, index) => ({
      key: `batch-${index}`,
      input: {
        grid_id_prefix: gridPrefix(areaOf(params)),
        base_cells: batch,
        resolutions: resolutionsOf(params),
        land_source: params.land_source,
      },
    }));
  })
  .fanIn('finalize', finalizePyramid, async ({ params, results }) => ({
    grid_id_prefix: gridPrefix(areaOf(params)),
    base_cells: (await results.base.only()).base_cells,
    resolutions: resolutionsOf(params),
  }))
  .finalize(result, async ({ params, results }) => {
    const { resolution_stats, stac_item_ids } = await results.finalize.only();
    return {
      grid_id_prefix: gridPrefix(areaOf(params)),
      filter_type: filterType(params),
      filter_value: { country: params.country_filter, bbox: params.bbox_filter && [...params.bbox_filter] },
      total_cells: Object.values(resolution_stats).reduce((sum, count) => sum + count, 0),
      resolution_stats,
      stac_item_ids,
      verified: true as const,
    };
  });

function areaOf({
  country_filter: country,
  bbox_filter: bbox,
}: Parameters): AreaFilter & { bbox: Parameters['bbox_filter'] } {
  return { country, bbox };
}

function resolutionsOf({ target_resolutions }: Parameters): number[] {
  return [...target_resolutions].sort((a, b) => a - b);
}

/** Before any is made: every base cell has all of its children. */
function requireFewEnough(baseCells: number, params: Parameters, most: number): void {
  const cells = resolutionsOf(params).reduce((sum, resolution) => sum + baseCells * 7 ** (resolution - pyramidBase), 0);
  if (cells <= most) return;
  const message = `the grids would have ${cells} cells, more than H3_MAX_CELLS (${most}): give country_filter or bbox_filter, or fewer target_resolutions`;
  throw new CoreMachineError('GRID_TOO_LARGE', message);
}

function filterType({ country_filter, bbox_filter }: Parameters): z.input<typeof result>['filter_type'] {
  if (country_filter !== null) return bbox_filter === null ? 'country' : 'country_and_bbox';
  return bbox_filter === null ? 'none' : 'bbox';
}

function batches<T>(items: readonly T[], size: number): T[][] {
  return Array.from({ length: Math.ceil(items.length / size) }, (_, index) =>
    items.slice(index * size, (index + 1) * size),
  );
}
