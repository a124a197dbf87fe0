import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { MosaicJson } from '../../handlers/mosaic/mosaic-json.ts';
import { python } from './python.ts';

/** The mosaic that cogeo-mosaic makes of `{files}` or of `{features, minzoom, maxzoom}`. */
export async function cogeoMosaic(folder: string, task: object): Promise<MosaicJson> {
  return (await asked(folder, task)) as MosaicJson;
}

/** A box in degrees as a feature for `cogeoMosaic`, standing for the COG at `path`. */
export function featureOf(path: string, [west, south, east, north]: readonly [number, number, number, number]): object {
  const ring = [
    [west, north],
    [west, south],
    [east, south],
    [east, north],
    [west, north],
  ];
  return { type: 'Feature', geometry: { type: 'Polygon', coordinates: [ring] }, properties: { path } };
}

/** The share of valid pixels in each [x, y, z] of a mosaic of local files, as cogeo-mosaic draws it. */
export async function drawnShares(
  folder: string,
  mosaic: MosaicJson,
  tiles: readonly (readonly number[])[],
): Promise<number[]> {
  return (await asked(folder, { mosaic, tiles })) as number[];
}

async function asked(folder: string, task: object): Promise<unknown> {
  const file = join(folder, 'task.json');
  await writeFile(file, JSON.stringify(task));
  const { stdout } = await python([join(import.meta.dirname, 'cogeo-mosaic.py'), file]);
  return JSON.parse(stdout);
}

/** The same zooms, bounds and tiles, each with the same assets in the same order. */
export function assertSame(ours: MosaicJson, theirs: MosaicJson): void {
  const zooms = ({ minzoom, maxzoom, quadkey_zoom }: MosaicJson) => ({ minzoom, maxzoom, quadkey_zoom });
  assert.deepEqual(zooms(ours), zooms(theirs));
  assertNear(ours.bounds, theirs.bounds);
  assert.deepEqual(ours.tiles, theirs.tiles);
}

/** A billionth of a degree is 0.1 mm. */
export function assertNear(ours: readonly number[], theirs: readonly number[]): void {
  assert.equal(ours.length, theirs.length);
  ours.forEach((value, index) => {
    assert.ok(Math.abs(value - (theirs[index] ?? Number.NaN)) < 1e-9, `[${ours}] is not [${theirs}]`);
  });
}
