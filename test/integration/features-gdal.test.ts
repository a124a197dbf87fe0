import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { JsonObject } from '../../core/json.ts';
import { makeFeatureTables } from '../tools/feature-tables.ts';
import { rowsOf } from '../tools/features-client.ts';
import { createTestDatabase } from '../tools/postgres.ts';
import { program } from '../tools/program.ts';
import { type TestStack, testStack } from '../tools/stack.ts';

const database = await createTestDatabase({ template: 'pgstac' });
const folder = await mkdtemp(join(tmpdir(), 'coremachine-features-'));
const onPostgres = testStack({ env: { DATABASE_URL: database.url } });
const onPglite = testStack();
after(async () => {
  await database.drop();
  await rm(folder, { recursive: true, force: true });
});

interface Read {
  readonly type: string;
  readonly features: readonly { readonly properties: JsonObject; readonly geometry: JsonObject | null }[];
}

/** Whole numbers that are no doubles come as their text. */
function parsed(text: string): unknown {
  const exact = (_key: string, value: unknown, context?: { readonly source?: string }) =>
    typeof value === 'number' && !Number.isSafeInteger(value) && /^-?\d+$/.test(context?.source ?? '')
      ? context?.source
      : value;
  return JSON.parse(text, exact);
}

/** The same text for the same feature: floating numbers to 9 digits, instants in UTC, nulls left out. */
function comparable({ properties, geometry }: Read['features'][number]): string {
  const alike = (value: unknown): unknown => {
    if (typeof value === 'number') return Number.isInteger(value) ? value : Number(value.toPrecision(9));
    if (typeof value === 'string' && /^\d{4}-\d\d-\d\dT/.test(value)) return new Date(value).toISOString();
    if (Array.isArray(value)) return value.map(alike);
    if (typeof value !== 'object' || value === null) return value;
    const entries = Object.entries(value).filter(([, one]) => one !== null);
    return Object.fromEntries(
      entries.sort(([one], [other]) => (one < other ? -1 : 1)).map(([key, one]) => [key, alike(one)]),
    );
  };
  return JSON.stringify(alike({ properties, geometry }));
}

/** GDAL's client of OGC API Features, against the whole stack. */
function gdalReads(name: string, running: () => TestStack, databaseUrl: () => string): void {
  describe(`GDAL on ${name}`, () => {
    before(() => makeFeatureTables(databaseUrl()));

    const address = () => `OAPIF:${running().stack.url}/api/features`;
    const key = () => running().stack.functionKey;
    const tool = (args: readonly string[], env: NodeJS.ProcessEnv = {}) =>
      program(args[0] ?? '', args.slice(1), { env: { ...process.env, ...env } });
    const header = () => ({ GDAL_HTTP_HEADERS: `x-functions-key: ${key()}` });
    const read = async (layer: string, options: readonly string[], env = header()): Promise<Read['features']> => {
      const file = join(folder, `${crypto.randomUUID()}.geojson`);
      await tool(
        ['ogr2ogr', '-f', 'GeoJSON', '-lco', 'COORDINATE_PRECISION=9', file, address(), layer, ...options],
        env,
      );
      return (parsed(await readFile(file, 'utf8')) as Read).features;
    };
    const rows = (text: string) => rowsOf(databaseUrl(), text);

    test('ogrinfo lists every collection', async () => {
      const { stdout } = await tool(['ogrinfo', '-ro', address()], header());
      for (const layer of ['places', 'fields', 'nokey', 'odd', 'some_places', 'grids', 'h3.grids']) {
        assert.match(stdout, new RegExp(`\\d: ${layer}\\b`), stdout);
      }
    });

    for (const [layer, table] of [
      ['places', 'geo.places'],
      ['fields', 'geo.fields'],
      ['h3.grids', 'h3.grids'],
      ['nokey', 'geo.nokey'],
    ] as const) {
      test(`ogr2ogr reads every feature of ${layer} back, page by page: all values and geometries`, async () => {
        const features = await read(layer, ['-oo', 'PAGE_SIZE=7']);
        // Where no column is called id, GDAL makes one of the feature's.
        const found = features.map(({ properties, geometry }) => {
          const { id: _made, ...others } = properties;
          return { geometry, properties: layer === 'h3.grids' ? others : properties };
        });
        const expected = await rows(`SELECT json_build_object('properties', to_jsonb(t) - 'geom',
          'geometry', ST_AsGeoJSON(ST_ForcePolygonCCW(ST_Transform(t.geom, 4326)), 9)::json)::text AS feature FROM ${table} AS t`);
        assert.deepEqual(
          found.map(comparable).sort(),
          expected.map(({ feature }) => comparable(parsed(String(feature)) as Read['features'][number])).sort(),
        );
      });
    }

    test('a spatial filter is passed on and right', async () => {
      const found = await read('fields', ['-oo', 'PAGE_SIZE=3', '-spat', '9.05', '49.6', '9.15', '49.7']);
      const [expected] = await rows(`SELECT count(*)::int AS n FROM geo.fields
        WHERE ST_Intersects(ST_Transform(geom, 4326), ST_MakeEnvelope(9.05, 49.6, 9.15, 49.7, 4326))`);
      assert.ok(found.length > 3);
      assert.equal(found.length, expected?.n);
    });

    test('a key in the address is enough', async () => {
      const { stdout } = await tool([
        'ogrinfo',
        '-ro',
        '-so',
        `${address()}?code=${key()}`,
        'places',
        '-oo',
        'PAGE_SIZE=50',
      ]);
      assert.match(stdout, /Feature Count: 250/);
      await assert.rejects(tool(['ogrinfo', '-ro', '-so', address(), 'places']));
    });
  });
}

test('the link in a job’s result leads to what the job made', async () => {
  const { stack, client } = onPglite();
  const { job_id } = await client.submit('create_h3_base', { resolution: 1, exclude_antimeridian: false });
  const job = await client.follow(String(job_id), () => {});
  const { ogc_features_url: url, grid_id: grid } = job.result_data as JsonObject;
  // Beside another grid in the same table.
  const other = await client.submit('create_h3_base', { resolution: 0, exclude_antimeridian: false });
  await client.follow(String(other.job_id), () => {});
  assert.equal(url, `${stack.url}/api/features/collections/h3.grids/items?grid_id=${grid}`);
  const answer = await fetch(`${url}&limit=10000&code=${stack.functionKey}`);
  const page = (await answer.json()) as Read;
  assert.deepEqual([answer.status, page.features?.length], [200, 842]);
  const file = join(folder, 'grid.geojson');
  const source = `OAPIF:${stack.url}/api/features?code=${stack.functionKey}`;
  await program('ogr2ogr', ['-f', 'GeoJSON', '-where', `grid_id = '${grid}'`, file, source, 'grids']);
  const { features } = JSON.parse(await readFile(file, 'utf8')) as Read;
  assert.equal(features.length, 842);
});

gdalReads('PostgreSQL', onPostgres, () => database.url);
gdalReads('the embedded stack', onPglite, () => onPglite().stack.settings.DATABASE_URL ?? '');
