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
      return (JSON.parse(await readFile(file, 'utf8')) as Read).features;
    };
    const rows = (text: string) => rowsOf(databaseUrl(), text);

    test('ogrinfo lists every collection', async () => {
      const { stdout } = await tool(['ogrinfo', '-ro', address()], header());
      for (const layer of ['places', 'fields', 'nokey', 'odd', 'some_places', 'grids', 'h3.grids']) {
        assert.match(stdout, new RegExp(`\\d: ${layer}\\b`), stdout);
      }
    });

    test('ogr2ogr reads every feature back, page by page, as the table has it', async () => {
      for (const [layer, table] of [
        ['places', 'geo.places'],
        ['fields', 'geo.fields'],
        ['h3.grids', 'h3.grids'],
        ['nokey', 'geo.nokey'],
      ] as const) {
        const found = await read(layer, ['-oo', 'PAGE_SIZE=7']);
        const [counted] = await rows(`SELECT count(*)::int AS n FROM ${table}`);
        assert.equal(found.length, counted?.n, layer);
        const distinct = new Set(found.map(({ properties }) => JSON.stringify(properties)));
        assert.equal(distinct.size, found.length, layer);
      }
    });

    test('values and geometries are those of the table', async () => {
      const found = await read('places', ['-oo', 'PAGE_SIZE=100']);
      const expected = await rows(
        `SELECT name, size, big::text, share, note, ST_X(geom) AS x, ST_Y(geom) AS y FROM geo.places ORDER BY id`,
      );
      const seen = found.map(({ properties, geometry }) => {
        const [x, y] = (geometry?.coordinates ?? []) as number[];
        const { name: called, size, share, note } = properties;
        return { name: called, size, share: Math.round(Number(share) * 1e9) / 1e9, note, x, y };
      });
      assert.deepEqual(
        seen,
        expected.map(({ big: _big, ...row }) => ({ ...row, share: Math.round(Number(row.share) * 1e9) / 1e9 })),
      );
    });

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
