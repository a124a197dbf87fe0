import { readdirSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import type { JsonObject } from '../../core/json.ts';
import { python } from './python.ts';

const script = join(import.meta.dirname, 'stac-referee.py');
const schemaFolder = join(import.meta.dirname, '../schemas');

/** What Python's stac-validator has against each item, with the local schemas alone. */
export async function refereeProblems(items: readonly unknown[]): Promise<unknown[][]> {
  return ask('validate', { schemas: schemaMap(), items });
}

/** The valid pixels of local rasters as geometries in EPSG:4326, by rasterio. */
export async function refereeFootprints(files: readonly string[]): Promise<JsonObject[][]> {
  return ask('footprints', files);
}

/** Where the first tile of local COGs lies, by GDAL. */
export async function refereeHeaders(files: readonly string[]): Promise<number[]> {
  return ask('headers', files);
}

async function ask<T>(what: string, request: unknown): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'coremachine-referee-'));
  try {
    const file = join(folder, 'request.json');
    await writeFile(file, JSON.stringify(request));
    const { stdout } = await python(['-W', 'ignore', script, what, file]);
    return JSON.parse(stdout) as T;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function schemaMap(): Record<string, string> {
  const files = readdirSync(schemaFolder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.name.endsWith('.json'))
    .map((entry) => join(entry.parentPath, entry.name));
  return Object.fromEntries(files.map((file) => [`https://${relative(schemaFolder, file)}`, file]));
}
