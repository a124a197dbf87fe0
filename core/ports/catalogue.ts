import type { JsonObject } from '../json.ts';

export interface StacCollection extends JsonObject {
  readonly type: 'Collection';
  readonly id: string;
}

export interface StacItem extends JsonObject {
  readonly type: 'Feature';
  readonly id: string;
  readonly collection: string;
  readonly bbox: readonly number[];
}

export interface ItemWriteOutcome {
  /** Ids that lie in the catalogue after the write, counted by reading them back. */
  readonly stored: readonly string[];
  readonly missing: readonly string[];
}

/** A STAC catalogue. Writes are upserts. Throws CATALOGUE_FAILED (retryable), DATABASE_UNAVAILABLE. */
export interface Catalogue {
  /** `pgstac 0.9.11`, or `small` for the built-in compatible schema. */
  readonly flavour: string;
  getCollection(id: string): Promise<StacCollection | null>;
  /** Creates the collection unless it exists; never touches an existing one. True when it was created. */
  ensureCollection(collection: StacCollection): Promise<boolean>;
  upsertCollection(collection: StacCollection): Promise<void>;
  /** All items of one collection in one transaction. */
  upsertItems(collectionId: string, items: readonly StacItem[]): Promise<ItemWriteOutcome>;
  getItem(collectionId: string, itemId: string): Promise<StacItem | null>;
  /** Those of the items that are there, in any order, by one statement. */
  getItems(collectionId: string, itemIds: readonly string[]): Promise<readonly StacItem[]>;
  /** Ids of the collection's items that begin with `prefix`, in order. */
  itemIds(collectionId: string, prefix: string): Promise<readonly string[]>;
  /** Ids that are not there are passed over. */
  deleteItems(collectionId: string, itemIds: readonly string[]): Promise<void>;
  /** Grows the collection's spatial and temporal extent to cover all of its items. */
  refreshExtent(collectionId: string): Promise<void>;
  /** A STAC API search body, e.g. `{collections, bbox, datetime, limit}`; answers a FeatureCollection. */
  search(body: JsonObject): Promise<JsonObject>;
  /** Registers a search for mosaics and returns the id the catalogue gives it. Same body and metadata: same id. */
  registerSearch(body: JsonObject, metadata: JsonObject): Promise<string>;
}
