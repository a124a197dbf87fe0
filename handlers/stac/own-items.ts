import { CoreMachineError } from '../../core/errors.ts';
import { isObject } from '../../core/json.ts';
import type { BlobRef } from '../../core/ports/blob-store.ts';
import type { StacItem } from '../../core/ports/catalogue.ts';
import type { Services } from '../../core/services.ts';

export function itemPrefix(itemName: string): string {
  return `${itemName}-tile-`;
}

/** Whether an item's id is that of a tile of that name. */
export function isTileOf(itemName: string, id: string): boolean {
  const prefix = itemPrefix(itemName);
  return id.startsWith(prefix) && /^\d{4,}$/.test(id.slice(prefix.length));
}

/** Throws OUTPUT_TAKEN when the collection has tiles of that name which were made from another raster. */
export async function requireOwnItems(
  services: Pick<Services, 'catalogue' | 'blobs'>,
  { stacId, itemName, source }: { readonly stacId: string; readonly itemName: string; readonly source: BlobRef },
): Promise<void> {
  const ids = await services.catalogue.itemIds(stacId, itemPrefix(itemName));
  const tile = ids.find((id) => isTileOf(itemName, id));
  const item = tile === undefined ? null : await services.catalogue.getItem(stacId, tile);
  if (!item || sourceHref(item) === services.blobs.url(source)) return;
  throw new CoreMachineError(
    'OUTPUT_TAKEN',
    `the items ${itemPrefix(itemName)}… of collection ${stacId} were made from another source; give another stac_item_id`,
  );
}

function sourceHref({ assets }: StacItem): unknown {
  return isObject(assets) && isObject(assets.source) ? assets.source.href : undefined;
}
