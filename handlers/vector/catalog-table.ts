import { z } from 'zod';
import { defineHandler } from '../../core/handler.ts';
import { catalogueTable } from './catalog-item.ts';
import { tableItemOutput, tableRef } from './schemas.ts';

export const catalogTable = defineHandler('catalog_table', {
  description: 'Catalogues a PostGIS table as a STAC item.',
  input: z.object({
    target: tableRef,
    collection_id: z.string(),
    source: z.object({ container: z.string(), name: z.string() }).nullable(),
  }),
  output: tableItemOutput,
  async run({ target, collection_id, source }, { services }) {
    return catalogueTable(services, target, { collectionId: collection_id, source });
  },
});
