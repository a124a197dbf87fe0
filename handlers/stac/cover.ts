import { isObject } from '../../core/json.ts';
import type { StacItem } from '../../core/ports/catalogue.ts';

/** Where and when the items of a collection are. */
export interface Cover {
  /** [west, south, east, north] in degrees, never over the antimeridian: such a cover goes round the globe. */
  readonly bbox: readonly [number, number, number, number];
  /** First and last time, in UTC. */
  readonly interval: readonly [string, string];
}

/** `cover` grown by one item; null stands for nothing yet. */
export function withItem(cover: Cover | null, item: StacItem): Cover {
  const [w = -180, south = -90, e = 180, north = 90] = item.bbox;
  const [west, east] = w > e ? [-180, 180] : [w, e];
  const [start, end] = timesOf(item);
  if (!cover) return { bbox: [west, south, east, north], interval: [start, end] };
  const [west2, south2, east2, north2] = cover.bbox;
  const [start2, end2] = cover.interval;
  return {
    bbox: [Math.min(west, west2), Math.min(south, south2), Math.max(east, east2), Math.max(north, north2)],
    interval: [instant(start) < instant(start2) ? start : start2, instant(end) > instant(end2) ? end : end2],
  };
}

function timesOf({ properties }: StacItem): readonly [string, string] {
  const {
    datetime,
    start_datetime: start = datetime,
    end_datetime: end = datetime,
  } = isObject(properties) ? properties : {};
  return [String(start), String(end)];
}

function instant(time: string): number {
  return Date.parse(time);
}
