import { z } from 'zod';
import { CoreMachineError } from '../core/errors.ts';
import { defineJob } from '../core/job.ts';
import type { FeatureTable } from '../core/ports/feature-tables.ts';
import type { JobSettings, Services } from '../core/services.ts';
import type { VectorWarning } from '../core/warnings.ts';
import { ogcFeaturesUrl } from '../handlers/links/ogc-features-urls.ts';
import { requireBlob } from '../handlers/raster/parameters.ts';
import { requireMapCrs } from '../handlers/raster/source-crs.ts';
import { chunkFile, loads } from '../handlers/vector/chunks.ts';
import { createVectorStac } from '../handlers/vector/create-vector-stac.ts';
import { vectorExtensions } from '../handlers/vector/formats.ts';
import {
  formatOf,
  type IngestVectorParameters,
  ingestVectorParameters,
  targetOf,
} from '../handlers/vector/parameters.ts';
import { prepareVectorChunks } from '../handlers/vector/prepare-vector-chunks.ts';
import { prepareVectorChunksOutput, tableItemOutput } from '../handlers/vector/schemas.ts';
import { uploadVectorChunk } from '../handlers/vector/upload-vector-chunk.ts';

const collectionId = 'system-vectors';

const result = z.object({
  blob_name: z.string(),
  container_name: z.string(),
  file_extension: z.enum(vectorExtensions),
  layer_name: z.string(),
  table_name: z.string(),
  schema: z.string(),
  rows_inserted: z.int(),
  summary: z.object({
    total_chunks: z.int(),
    chunks_uploaded: z.int(),
    chunks_failed: z.int(),
    success_rate: z.string(),
    data_complete: z.boolean(),
  }),
  ...prepareVectorChunksOutput.pick({
    preprocessing_stats: true,
    warnings: true,
    geometry_type: true,
    columns: true,
  }).shape,
  stac: tableItemOutput.pick({ collection_id: true, item_id: true, bbox: true }),
  ogc_features_url: z.string().nullable(),
});

/** One vector file -> PostGIS table -> STAC item. */
export const ingestVector = defineJob('ingest_vector', {
  description:
    'A vector file becomes a PostGIS table of clean two-dimensional geometries in EPSG:4326, with a STAC item',
  aliases: ['process_vector'],
  parameters: ingestVectorParameters,
  checkResources: checkSourceAndTarget,
  temporary: loads,
})
  .stage('prepare_chunks', prepareVectorChunks, ({ params, job }) => [
    { key: 'prepare', input: preparation(params, job.run) },
  ])
  .fanOut('upload_chunks', uploadVectorChunk, async ({ previous }) => {
    const { chunk_container, chunk_prefix, chunk_count } = await previous.only();
    return Array.from({ length: chunk_count }, (_, chunk) => ({
      key: `chunk-${chunk}`,
      input: { chunk, container_name: chunk_container, blob_name: chunk_prefix + chunkFile(chunk) },
    }));
  })
  .fanOut('create_stac_record', createVectorStac, async ({ params, results }) => {
    const { feature_count, indexed_columns } = await results.prepare_chunks.only();
    const input = {
      target: targetOf(params),
      load_method: params.load_method,
      rows: feature_count,
      spatial_index: params.indexes.spatial,
      indexed_columns,
      collection_id: collectionId,
      source_container: params.container_name,
      source_blob: params.blob_name,
    };
    return [{ key: 'publish', input }];
  })
  .finalize(result, async ({ params, results, stages, services }) => {
    const prepared = await results.prepare_chunks.only();
    const record = await results.create_stac_record.only();
    const uploads = stages.find(({ name }) => name === 'upload_chunks')?.counts;
    const [uploaded, failed] = [uploads?.completed ?? 0, uploads?.failed ?? 0];
    const target = targetOf(params);
    const share = prepared.chunk_count === 0 ? 100 : (100 * uploaded) / prepared.chunk_count;
    return {
      blob_name: params.blob_name,
      container_name: params.container_name,
      file_extension: formatOf(params),
      layer_name: prepared.layer_name,
      table_name: target.table,
      schema: target.schema,
      rows_inserted: record.rows_inserted,
      summary: {
        total_chunks: prepared.chunk_count,
        chunks_uploaded: uploaded,
        chunks_failed: failed,
        success_rate: `${Number(share.toFixed(1))}%`,
        data_complete: record.rows_inserted === prepared.feature_count,
      },
      preprocessing_stats: prepared.preprocessing_stats,
      warnings: [...prepared.warnings, ...notShown(services.settings, target)],
      geometry_type: prepared.geometry_type,
      columns: prepared.columns,
      stac: { collection_id: record.collection_id, item_id: record.item_id, bbox: record.bbox },
      ogc_features_url: ogcFeaturesUrl(services.settings, target),
    };
  });

/** Without a link to the features there is a reason. */
function notShown({ ogcFeaturesBaseUrl, ogcSchemas }: JobSettings, { schema }: FeatureTable): readonly VectorWarning[] {
  if (ogcFeaturesBaseUrl === null || ogcSchemas.includes(schema)) return [];
  const message = `the features API does not show the schema ${schema}: it is none of OGC_SCHEMAS`;
  return [{ code: 'SCHEMA_NOT_SHOWN', message }];
}

async function checkSourceAndTarget(
  params: IngestVectorParameters,
  services: Services,
  job: { readonly id: string },
): Promise<void> {
  await requireBlob(services, params.container_name, params.blob_name);
  if (params.input_crs !== null) await requireMapCrs(services.gdal, params.input_crs);
  if (params.load_method !== 'fail') return;
  const target = targetOf(params);
  const present = await services.featureTables.describe(target);
  // The same job again is answered with its result, not with the table that it made.
  if (!present || present.madeBy === job.id) return;
  const message = `the table ${target.schema}.${target.table} exists; choose load_method replace or append`;
  throw new CoreMachineError('TABLE_EXISTS', message);
}

function preparation(params: IngestVectorParameters, run: number) {
  const { container_name, blob_name, chunk_size, layer_name, lat_name, lon_name, wkt_column, input_crs } = params;
  return {
    ...{ container_name, blob_name, chunk_size, layer_name, lat_name, lon_name, wkt_column, input_crs },
    file_extension: formatOf(params),
    target: targetOf(params),
    load_method: params.load_method,
    geometry_params: params.geometry_params,
    spatial_index: params.indexes.spatial,
    indexed_columns: [...params.indexes.attributes, ...params.indexes.temporal],
    run,
  };
}
