import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { BlobRef, BlobStore } from '../../core/ports/blob-store.ts';
import { openBlobStore } from '../../infrastructure/blob/azure-blob-store.ts';
import { withClient } from './postgres.ts';
import { program } from './program.ts';
import { python } from './python.ts';
import { problemsOfEach } from './stac-validator.ts';

/** Where the tests of a file left what they made. */
export interface MadeByTests {
  readonly blobs: BlobStore;
  readonly cogContainer: string;
  /** Of a database with pgSTAC. */
  readonly databaseUrl: string;
}

/**
 * What has to hold for all that product code made, whatever a test looked at: every COG passes `rio cogeo validate
 * --strict` and gdalinfo, every STAC item and collection stac-node-validator; every item is read by pgstac.get_item and
 * found by a search of its bbox. Called by the tools that start a stack, at its end: no test file can forget it.
 */
export async function assertSoundOutputs(made: MadeByTests): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'coremachine-outputs-'));
  try {
    const problems = [...(await badCogs(made, folder)), ...(await badRecords(made.databaseUrl))];
    assert.deepEqual(problems, [], 'of what the tests of this file made');
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** The same for an embedded stack, by the settings of its host. */
export async function assertSoundStack(settings: Readonly<Record<string, string>>): Promise<void> {
  const { STORAGE_CONNECTION: connection, DATABASE_URL: databaseUrl, COG_CONTAINER: cogContainer } = settings;
  if (connection === undefined || databaseUrl === undefined) return;
  const blobs = openBlobStore({ connection });
  await assertSoundOutputs({ blobs, cogContainer: cogContainer ?? 'silver-cogs', databaseUrl });
}

async function badCogs({ blobs, cogContainer }: MadeByTests, folder: string): Promise<string[]> {
  const names = new Map<string, string>();
  for (const ref of await ourCogs(blobs, cogContainer)) {
    const file = join(folder, `${names.size}.tif`);
    await blobs.download(ref, file);
    names.set(file, ref.name);
  }
  if (names.size === 0) return [];
  const found = await cogProblems([...names.keys()]);
  const problems: string[] = [];
  for (const [file, name] of names) {
    problems.push(...(found[file] ?? ['rio cogeo did not see it']).map((problem) => `${name}: ${problem}`));
    const said = await program('gdalinfo', [file]).then(
      ({ stderr }) => stderr,
      (error: unknown) => String(error),
    );
    if (said !== '') problems.push(`${name}: gdalinfo says ${said}`);
  }
  return problems;
}

/** Told from sources that tests upload by their media type. */
async function ourCogs(blobs: BlobStore, container: string): Promise<BlobRef[]> {
  if (!/^[a-z0-9-]+$/.test(container) || !(await blobs.containerExists(container))) return [];
  const all = await Array.fromAsync(blobs.list(container));
  return all.filter(({ contentType }) => contentType?.includes('profile=cloud-optimized'));
}

const validator = `
import json, sys
from rio_cogeo.cogeo import cog_validate
def check(path):
    try:
        valid, errors, warnings = cog_validate(path, strict=True, quiet=True)
    except Exception as error:
        return [str(error)]
    return [] if valid and not errors and not warnings else errors + warnings + ['not valid']
print(json.dumps({path: check(path) for path in sys.argv[1:]}))
`;

/** What `rio cogeo validate --strict` has against the files, in one process; empty lists: nothing. */
async function cogProblems(files: readonly string[]): Promise<Readonly<Record<string, readonly string[]>>> {
  const { stdout } = await python(['-c', validator, ...files]);
  return JSON.parse(stdout) as Readonly<Record<string, readonly string[]>>;
}

interface StoredRecord {
  readonly name: string;
  readonly stac: unknown;
  readonly found: boolean;
}

/** A little wider, for the box of a point holds nothing; over the antimeridian what lies to the west of it. */
const storedRecords = `
  WITH stored AS (SELECT id, collection, pgstac.get_item(id, collection) AS stac FROM pgstac.items),
  placed AS (SELECT *, (stac #>> '{bbox,0}')::float AS west, (stac #>> '{bbox,1}')::float AS south,
    (stac #>> '{bbox,2}')::float AS east, (stac #>> '{bbox,3}')::float AS north FROM stored)
  SELECT collection || '/' || id AS name, stac,
    pgstac.search(jsonb_build_object('collections', jsonb_build_array(collection), 'ids', jsonb_build_array(id),
      'bbox', jsonb_build_array(west - 1e-6, south - 1e-6, CASE WHEN west > east THEN 180 ELSE east + 1e-6 END,
        north + 1e-6))) -> 'features' -> 0 ->> 'id' IS NOT DISTINCT FROM id AS found
  FROM placed
  UNION ALL SELECT id, content, true FROM pgstac.collections`;

async function badRecords(databaseUrl: string): Promise<string[]> {
  const records = await withClient(databaseUrl, async (client) => {
    const { rows } = await client.query<{ there: boolean }>(`SELECT to_regclass('pgstac.items') IS NOT NULL AS there`);
    if (!rows[0]?.there) return [];
    await client.query('SET search_path TO pgstac, public');
    return (await client.query<StoredRecord>(storedRecords)).rows;
  });
  const problems: string[] = [];
  const invalid = await problemsOfEach(records.map(({ stac }) => stac));
  for (const [index, { name, stac, found }] of records.entries()) {
    if (stac === null) problems.push(`${name}: pgstac.get_item does not find it`);
    if (!found) problems.push(`${name}: a search by its bbox does not find it`);
    problems.push(...(invalid[index] ?? ['not validated']).map((problem) => `${name}: ${problem}`));
  }
  return problems;
}
