import { z } from 'zod';
import { CoreMachineError } from '../core/errors.ts';
import { defineJob } from '../core/job.ts';
import { collectionId } from '../handlers/stac/parameters.ts';
import { catalogTable } from '../handlers/vector/catalog-table.ts';
import { tableName } from '../handlers/vector/parameters.ts';
import { tableItemOutput } from '../handlers/vector/schemas.ts';

const result = z.object({
  collection_id: z.string(),
  summary: tableItemOutput.pick({ item_id: true, row_count: true, geometry_types: true, bbox: true, srid: true }),
});

/** Catalogues a table that lies in PostGIS already. */
export const stacCatalogVectors = defineJob('stac_catalog_vectors', {
  description: 'A PostGIS table to a STAC item with the table extension',
  parameters: z.object({
    table_name: tableName.describe('A table with a geometry column.'),
    schema: z
      .string()
      .trim()
      .regex(/^[a-z][a-z0-9_]{0,62}$/)
      .default('geo')
      .describe('Schema of the table.'),
    collection_id: collectionId
      .unwrap()
      .default('system-vectors')
      .describe('STAC collection; made when it is missing.'),
    source_file: z
      .string()
      .regex(/^[^/\s]+\/.*\S.*$/, 'must be container/blob')
      .nullable()
      .default(null)
      .describe('container/blob that the rows came from; a link in the item.'),
  }),
  async checkResources({ schema, table_name }, { featureTables }) {
    const described = await featureTables.describe({ schema, table: table_name });
    if (described?.geometry) return;
    throw new CoreMachineError('TABLE_NOT_FOUND', `there is no table ${schema}.${table_name} with a geometry column`);
  },
})
  .stage('catalog_table', catalogTable, ({ params }) => {
    const { schema, table_name: table, collection_id, source_file } = params;
    return [{ key: 'table', input: { target: { schema, table }, collection_id, source: sourceOf(source_file) } }];
  })
  .finalize(result, async ({ results }) => {
    const { item_id, collection_id, row_count, geometry_types, bbox, srid } = await results.catalog_table.only();
    return { collection_id, summary: { item_id, row_count, geometry_types, bbox, srid } };
  });

function sourceOf(file: string | null) {
  if (file === null) return null;
  const slash = file.indexOf('/');
  return { container: file.slice(0, slash), name: file.slice(slash + 1) };
}
