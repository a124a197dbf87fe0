import { CoreMachineError } from '../../core/errors.ts';
import type { Box } from '../../core/ports/feature-collections.ts';
import type { Query } from '../postgres/database.ts';
import { isDatabaseError } from '../postgres/errors.ts';
import { query } from '../postgres/sql-files.ts';
import type { Window } from './conditions.ts';

const windowSql = query('features_window');

interface WindowRow {
  readonly west: number | null;
  readonly south: number | null;
  readonly east: number | null;
  readonly north: number | null;
  readonly faithful: boolean | null;
}

/** Boxes with their counterparts in the table's system. */
export function windowsOf(run: Query, boxes: readonly Box[], srid: number): Promise<Window[]> {
  const native = async (box: Box) => {
    const found = srid === 4326 ? null : await transformed(run, box, 4326, srid);
    return found && wider(found, 0.05);
  };
  return Promise.all(boxes.map(async (box) => ({ box, native: await native(box) })));
}

/** A box of the table's system in lon/lat, within the globe; null where the projection does not reach. */
export async function lonLatBox(run: Query, box: Box, srid: number): Promise<Box | null> {
  if (srid === 4326) return withinGlobe(box);
  const found = await transformed(run, box, srid, 4326);
  if (!found) return null;
  // It has a pole in it, or crosses the antimeridian: all around, and a pole may lie between the points.
  const around = found[2] - found[0] > 180;
  const [west, south, east, north] = wider(found, around ? 0.05 : 0.0025);
  return withinGlobe(around ? [-180, south, 180, north] : [west, south, east, north]);
}

function withinGlobe([west, south, east, north]: Box): Box {
  return [Math.max(-180, west), Math.max(-90, south), Math.min(180, east), Math.min(90, north)];
}

/** Null when a point of the box cannot be transformed, or does not come back to where it was. */
async function transformed(run: Query, box: Box, from: number, to: number): Promise<Box | null> {
  const size = Math.max(box[2] - box[0], box[3] - box[1]);
  const tolerance = from === 4326 ? 1e-6 : Math.max(0.01, 1e-6 * size);
  try {
    const [row] = await run<WindowRow>(windowSql, [...box, from, to, tolerance]);
    return row?.faithful ? boxOf(row) : null;
  } catch (error) {
    if (isRefused(error)) return null;
    throw error;
  }
}

/** PostGIS cannot transform it: as it says so, or as the features' reader has put it. */
function isRefused(error: unknown): boolean {
  return isDatabaseError(error) || (error instanceof CoreMachineError && error.code === 'FEATURE_UNREADABLE');
}

/** Null unless all four are finite numbers. */
export function boxOf(row: Omit<WindowRow, 'faithful'> | undefined): Box | null {
  const { west = null, south = null, east = null, north = null } = row ?? {};
  if (west === null || south === null || east === null || north === null) return null;
  return [west, south, east, north].every(Number.isFinite) ? [west, south, east, north] : null;
}

/** The edges of a box are curves in another system, and reach a little farther than 21 of their points. */
function wider([west, south, east, north]: Box, share: number): Box {
  const x = share * (east - west) + 1e-9 * Math.max(Math.abs(west), Math.abs(east));
  const y = share * (north - south) + 1e-9 * Math.max(Math.abs(south), Math.abs(north));
  return [west - x, south - y, east + x, north + y];
}
