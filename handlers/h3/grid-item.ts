import { CoreMachineError } from '../../core/errors.ts';
import type { Services } from '../../core/services.ts';
import { ogcFeaturesUrl, ogcItemsUrl } from '../links/ogc-features-urls.ts';
import { storeItem } from '../stac/store-item.ts';
import { tableItem } from '../stac/table-item.ts';

export const gridTable = { schema: 'h3', table: 'grids' } as const;
const collectionId = 'system-h3-grids';

const columns = [
  { name: 'h3_index', type: 'bigint', description: 'the 64-bit H3 index' },
  { name: 'resolution', type: 'smallint' },
  { name: 'geom', type: 'geometry(Geometry,4326)', description: 'the cell, cut at the antimeridian' },
  { name: 'grid_id', type: 'text' },
  { name: 'is_land', type: 'boolean', description: 'whether the centre of the cell lies on land' },
  { name: 'country_code', type: 'text', description: 'ISO 3166-1 alpha-3 at the centre of the cell' },
  { name: 'parent_h3_index', type: 'bigint', description: 'the cell of the next coarser resolution of the grid' },
];

export interface GridItem {
  readonly itemId: string;
  readonly cells: number;
  readonly bbox: readonly [number, number, number, number] | null;
  /** Of the grid's cells alone. */
  readonly featuresUrl: string | null;
}

/** Catalogues a grid that has been stored; one of no cells has no item. Throws CATALOGUE_FAILED. */
export async function catalogueGrid(services: Services, gridId: string, title: string): Promise<GridItem> {
  const { cells, bbox } = await services.grids.summary(gridId);
  const itemId = `h3-${gridId}`;
  const itemsUrl = ogcItemsUrl(services.settings, gridTable);
  const featuresUrl = itemsUrl && `${itemsUrl}?grid_id=${encodeURIComponent(gridId)}`;
  if (bbox === null) throw new CoreMachineError('GRID_EMPTY', `the grid ${gridId} has no cells; is the area at sea?`);
  const datetime = new Date().toISOString();
  const item = tableItem({
    ...gridTable,
    itemId,
    collectionId,
    bbox,
    datetime,
    rowCount: cells,
    columns,
    primaryGeometry: 'geom',
    title,
    featuresUrl: ogcFeaturesUrl(services.settings, gridTable),
    ...(featuresUrl !== null && { itemsUrl: featuresUrl }),
  });
  await storeItem(services.catalogue, item, {
    datetimeIsOfProcessing: true,
    collectionDescription: 'Grids of H3 cells',
  });
  return { itemId, cells, bbox, featuresUrl };
}
