import { CoreMachineError } from '../../core/errors.ts';
import type { BlobRef } from '../../core/ports/blob-store.ts';
import type { FeatureTable } from '../../core/ports/feature-tables.ts';
import type { Services } from '../../core/services.ts';
import { ogcFeaturesUrl } from '../links/ogc-features-urls.ts';
import { storeItem } from '../stac/store-item.ts';
import { tableItem } from '../stac/table-item.ts';
import type { TableItemOutput } from './schemas.ts';

/** Of a table without rows, or with rows of no known place: it may hold any. STAC catalogues take no item without a geometry. */
const wholeWorld = [-180, -90, 180, 90] as const;

/** Describes a table as a STAC item and catalogues it. Throws TABLE_NOT_FOUND. */
export async function catalogueTable(
  services: Services,
  target: FeatureTable,
  options: { readonly collectionId: string; readonly source: BlobRef | null },
): Promise<TableItemOutput> {
  const { catalogue, featureTables, settings } = services;
  const described = await featureTables.describe(target);
  const name = `${target.schema}.${target.table}`;
  if (!described?.geometry) {
    throw new CoreMachineError('TABLE_NOT_FOUND', `there is no table ${name} with a geometry column`);
  }
  const { rowCount, geometryTypes, bbox, srid } = await featureTables.summarize(target);
  const item = tableItem({
    itemId: name,
    collectionId: options.collectionId,
    bbox: bbox ?? wholeWorld,
    datetime: new Date().toISOString(),
    rowCount,
    columns: described.columns.map((column) => ({ name: column.name, type: column.type })),
    primaryGeometry: described.geometry.column,
    title: name,
    featuresUrl: ogcFeaturesUrl(settings, target),
    ...target,
    ...(options.source && { sourceHref: services.blobs.url(options.source) }),
  });
  const collectionDescription = `Tables of ${options.collectionId}`;
  await storeItem(catalogue, item, { datetimeIsOfProcessing: true, collectionDescription });
  return {
    item_id: item.id,
    collection_id: item.collection,
    bbox: [...item.bbox],
    row_count: rowCount,
    geometry_types: [...geometryTypes],
    srid,
    inserted_to_pgstac: true,
  };
}
