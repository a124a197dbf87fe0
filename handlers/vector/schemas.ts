import { z } from 'zod';
import { vectorWarningCodes } from '../../core/warnings.ts';
import { vectorExtensions } from './formats.ts';

/** Simplifying and snapping, with the units of the table: degrees. */
export const geometryParams = z
  .strictObject({
    simplify: z
      .strictObject({
        tolerance: z.number().positive().max(90).describe('Degrees.'),
        preserve_topology: z.boolean().default(true),
      })
      .optional(),
    quantize: z.strictObject({ snap_to_grid: z.number().positive().max(90).describe('Degrees.') }).optional(),
  })
  .default({});

export const tableRef = z.object({ schema: z.string(), table: z.string() });

export const vectorWarning = z.object({ code: z.enum(vectorWarningCodes), message: z.string() });

export const prepareVectorChunksInput = z.object({
  container_name: z.string(),
  blob_name: z.string(),
  file_extension: z.enum(vectorExtensions),
  target: tableRef,
  load_method: z.enum(['fail', 'replace', 'append']),
  chunk_size: z.int().nullable(),
  layer_name: z.string().nullable(),
  lat_name: z.string().nullable(),
  lon_name: z.string().nullable(),
  wkt_column: z.string().nullable(),
  input_crs: z.string().nullable(),
  geometry_params: geometryParams,
  spatial_index: z.boolean().default(true),
  indexed_columns: z.array(z.string()),
  run: z.int().describe('A run never takes over chunks of another: they are gone when it ends.'),
});

export const prepareVectorChunksOutput = z.object({
  layer_name: z.string(),
  chunk_container: z.string(),
  chunk_prefix: z.string(),
  chunk_count: z.int(),
  columns: z.array(z.object({ name: z.string(), type: z.string(), source_name: z.string() })),
  indexed_columns: z.array(z.string()),
  geometry_type: z.string(),
  feature_count: z.int(),
  preprocessing_stats: z.object({
    original_feature_count: z.int(),
    final_feature_count: z.int(),
    null_geometries_dropped: z.int().describe('Null, empty, or of no extent once repaired.'),
    geometries_repaired: z.int(),
    original_crs: z.string(),
    final_crs: z.string(),
    z_m_values_removed: z.int().describe('Geometries that had heights or measures.'),
    geometry_type_changes: z.record(z.string(), z.int()).describe('How many of each type became a Multi*.'),
  }),
  warnings: z.array(vectorWarning),
});

export const uploadVectorChunkInput = z.object({
  chunk: z.int(),
  container_name: z.string(),
  blob_name: z.string(),
});

export const uploadVectorChunkOutput = z.object({ chunk: z.int(), rows: z.int() });

export const tableItemOutput = z.object({
  item_id: z.string(),
  collection_id: z.string(),
  bbox: z.array(z.number()).describe('[west, south, east, north] in degrees.'),
  row_count: z.int(),
  geometry_types: z.array(z.string()),
  srid: z.int(),
  inserted_to_pgstac: z.boolean(),
});

export const createVectorStacInput = z.object({
  target: tableRef,
  load_method: z.enum(['fail', 'replace', 'append']),
  rows: z.int(),
  spatial_index: z.boolean(),
  indexed_columns: z.array(z.string()),
  collection_id: z.string(),
  source_container: z.string(),
  source_blob: z.string(),
});

export const createVectorStacOutput = tableItemOutput.extend({ rows_inserted: z.int() });

export type PrepareVectorChunksInput = z.output<typeof prepareVectorChunksInput>;
export type TableItemOutput = z.output<typeof tableItemOutput>;
