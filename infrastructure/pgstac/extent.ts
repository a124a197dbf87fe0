import { isObject, type JsonObject, type JsonValue } from '../../core/json.ts';

/**
 * A STAC extent that covers both: `found`, what the items cover, and `declared`, what the collection says of itself.
 * Only the first box and interval of `declared` grow; by STAC 1.0 they stand for the whole, the others for parts.
 */
export function grownExtent(declared: JsonValue | undefined, found: JsonObject): JsonObject {
  const given = isObject(declared) ? declared : {};
  return {
    ...given,
    spatial: grown(given.spatial, found.spatial, 'bbox', unionBox),
    temporal: grown(given.temporal, found.temporal, 'interval', unionInterval),
  };
}

type Union = (declared: readonly JsonValue[], found: readonly JsonValue[]) => readonly JsonValue[];

function grown(declared: JsonValue | undefined, found: JsonValue | undefined, key: string, union: Union): JsonObject {
  const [first, ...parts] = listOfLists(declared, key);
  const [whole = []] = listOfLists(found, key);
  return { ...(isObject(declared) && declared), [key]: [first ? union(first, whole) : whole, ...parts] };
}

function listOfLists(value: JsonValue | undefined, key: string): (readonly JsonValue[])[] {
  const lists = isObject(value) ? value[key] : undefined;
  return Array.isArray(lists) ? lists.filter((list): list is readonly JsonValue[] => Array.isArray(list)) : [];
}

/** Boxes with heights lose them: items have none. A box over the antimeridian becomes the whole band. */
function unionBox(declared: readonly JsonValue[], found: readonly JsonValue[]): readonly JsonValue[] {
  const [west, south, east, north] = flatBox(declared);
  const [west2, south2, east2, north2] = flatBox(found);
  if ([west, south, east, north].some(Number.isNaN)) return found;
  if (west > east) return [-180, Math.min(south, south2), 180, Math.max(north, north2)];
  return [Math.min(west, west2), Math.min(south, south2), Math.max(east, east2), Math.max(north, north2)];
}

type Box = readonly [number, number, number, number];

function flatBox(box: readonly JsonValue[]): Box {
  const half = box.length / 2;
  return [number(box[0]), number(box[1]), number(box[half]), number(box[half + 1])];
}

function number(value: JsonValue | undefined): number {
  return typeof value === 'number' ? value : Number.NaN;
}

/** Null is an open end and covers everything on its side. Times are written as STAC does, in UTC with Z. */
function unionInterval(declared: readonly JsonValue[], found: readonly JsonValue[]): readonly JsonValue[] {
  return [
    declared[0] === null ? null : extreme(Math.min, declared[0], found[0]),
    declared[1] === null ? null : extreme(Math.max, declared[1], found[1]),
  ];
}

function extreme(pick: typeof Math.min, ...times: readonly (JsonValue | undefined)[]): string | null {
  const known = times.map((time) => (typeof time === 'string' ? Date.parse(time) : Number.NaN)).filter(Number.isFinite);
  return known.length === 0 ? null : new Date(pick(...known)).toISOString();
}
