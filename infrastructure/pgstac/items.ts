import { CoreMachineError } from '../../core/errors.ts';
import { isObject, type JsonObject, type JsonValue } from '../../core/json.ts';
import type { StacCollection, StacItem } from '../../core/ports/catalogue.ts';

/** Items in groups whose JSON is small enough for one statement; of equal ids the last one counts. */
export function batches(collectionId: string, items: readonly StacItem[], size: number): StacItem[][] {
  const stray = items.find((item) => item.collection !== collectionId);
  if (stray) throw new CoreMachineError('CATALOGUE_FAILED', `item ${stray.id} is not of collection ${collectionId}`);
  const unique = [...new Map(items.map((item) => [item.id, item])).values()];
  const groups: StacItem[][] = [];
  for (let start = 0; start < unique.length; start += size) groups.push(unique.slice(start, start + size));
  return groups;
}

export function asCollection(content: JsonValue | undefined): StacCollection | null {
  return isObject(content) ? (content as StacCollection) : null;
}

/** pgSTAC loses nulls; the one that STAC asks for, `datetime` of an item with a time span, is put back. */
export function asItem(content: JsonValue | undefined): StacItem | null {
  return isObject(content) ? (withDatetime(content) as StacItem) : null;
}

export function withDatetimes(found: JsonObject): JsonObject {
  const { features } = found;
  if (!Array.isArray(features)) return found;
  return { ...found, features: features.map((feature) => (isObject(feature) ? withDatetime(feature) : feature)) };
}

function withDatetime(item: JsonObject): JsonObject {
  const { properties } = item;
  if (!isObject(properties) || 'datetime' in properties) return item;
  return { ...item, properties: { ...properties, datetime: null } };
}
