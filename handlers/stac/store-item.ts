import { CoreMachineError } from '../../core/errors.ts';
import { canonicalJson, isObject, type JsonObject } from '../../core/json.ts';
import type { Catalogue, StacItem } from '../../core/ports/catalogue.ts';
import { buildCollection } from './collection-builder.ts';

export interface StoredItem {
  /** As the catalogue gives it back. */
  readonly item: StacItem;
  /** The catalogue held it already. */
  readonly skipped: boolean;
}

/**
 * Puts an item into its collection, which is made if it is missing and grows to cover it. An item that says the same as
 * the one in the catalogue is left alone; a refreshed one keeps the time of its creation. Throws CATALOGUE_FAILED when
 * it cannot be read back.
 */
export async function storeItem(
  catalogue: Catalogue,
  item: StacItem,
  options: {
    readonly datetimeIsOfProcessing: boolean;
    /** Of the collection, should it be made. */
    readonly collectionDescription?: string;
  },
): Promise<StoredItem> {
  const present = await catalogue.getItem(item.collection, item.id);
  const refreshed = refreshedItem(item, present, options);
  if (present && refreshed === present) return { item: present, skipped: true };
  if (!present) {
    const description = options.collectionDescription ?? `Rasters of ${item.collection}`;
    await catalogue.ensureCollection(buildCollection(item.collection, description, item));
  }
  const { missing } = await catalogue.upsertItems(item.collection, [refreshed]);
  const stored = await catalogue.getItem(item.collection, item.id);
  if (missing.length > 0 || !stored) {
    throw new CoreMachineError('CATALOGUE_FAILED', `item ${item.id} was written and is not there`);
  }
  await catalogue.refreshExtent(item.collection);
  return { item: stored, skipped: false };
}

/** What takes the place of the item in the catalogue: that very item where nothing of it has changed but times. */
export function refreshedItem(
  item: StacItem,
  present: StacItem | null,
  times: { readonly datetimeIsOfProcessing: boolean },
): StacItem {
  const passing = ['created', 'updated', ...(times.datetimeIsOfProcessing ? ['datetime'] : [])];
  if (present && lasting(present, passing) === lasting(item, passing)) return present;
  return createdAs(item, present);
}

function lasting(item: StacItem, passing: readonly string[]): string {
  const properties = Object.entries(propertiesOf(item)).filter(([name]) => !passing.includes(name));
  return canonicalJson({ ...item, properties: Object.fromEntries(properties) });
}

function createdAs(item: StacItem, present: StacItem | null): StacItem {
  const created = present && propertiesOf(present).created;
  return created ? { ...item, properties: { ...propertiesOf(item), created } } : item;
}

function propertiesOf(item: StacItem): JsonObject {
  return isObject(item.properties) ? item.properties : {};
}
