import type { StacCollection, StacItem } from '../../core/ports/catalogue.ts';

/**
 * A new collection with the extent of its first item. It names no assets (`item_assets`): pgSTAC would take them out of
 * every item and put them back on reading, so that a later change of the collection would change all items.
 */
export function buildCollection(id: string, description: string, first: StacItem): StacCollection {
  const { datetime = null, start_datetime = datetime, end_datetime = datetime } = first.properties as Times;
  return {
    type: 'Collection',
    stac_version: '1.1.0',
    id,
    title: id,
    description,
    license: 'other',
    extent: {
      spatial: { bbox: [[...first.bbox]] },
      temporal: { interval: [[start_datetime, end_datetime]] },
    },
    links: [],
  };
}

interface Times {
  readonly datetime?: string | null;
  readonly start_datetime?: string;
  readonly end_datetime?: string;
}
