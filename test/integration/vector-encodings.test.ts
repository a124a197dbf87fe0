import assert from 'node:assert/strict';
import { readdirSync, rmSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { test } from 'node:test';
import type { JsonObject } from '../../core/json.ts';
import { ogr2ogr, vectorJobs } from '../tools/vector-jobs.ts';

const jobs = await vectorJobs();
jobs.stack.beforeClosing(async () => assert.deepEqual(await jobs.leftovers(), []));

const names = ['Zoë', 'Åland', 'plain'];

async function places(): Promise<string> {
  const path = jobs.path('places.geojson');
  const features = names.map((name, x) => ({
    ...{ type: 'Feature', properties: { name }, geometry: { type: 'Point', coordinates: [x, 1] } },
  }));
  await writeFile(path, JSON.stringify({ type: 'FeatureCollection', features }));
  return path;
}

const namesIn = async (table: string) =>
  (await jobs.sql<{ name: string }>(`SELECT name FROM geo.${table} ORDER BY id`)).map(({ name }) => name);

for (const [label, encoding] of [
  ['utf8', 'UTF-8'],
  ['latin1', 'ISO-8859-1'],
] as const) {
  for (const declared of [true, false]) {
    test(`DBF in ${encoding} ${declared ? 'with' : 'without'} .cpg: letters are what they were`, async () => {
      const table = `${label}_${declared}`;
      const file = jobs.path(`${table}.shp`);
      await ogr2ogr('-f', 'ESRI Shapefile', '-lco', `ENCODING=${encoding}`, file, await places());
      const folder = dirname(file);
      const parts = readdirSync(folder).filter((name) => name.startsWith(`${table}.`));
      assert.ok(parts.includes(`${table}.cpg`));
      if (!declared) rmSync(join(folder, `${table}.cpg`));
      const kept = parts.filter((name) => declared || !name.endsWith('.cpg'));
      for (const name of kept) await jobs.stack.upload(join(folder, name), `shp/${basename(name)}`);
      const place = { container_name: jobs.stack.container, blob_name: `shp/${table}.shp` };
      await jobs.load(file, { ...place, table_name: table });
      assert.deepEqual(await namesIn(table), names);
    });
  }
}

test('names of blobs: blanks at their ends, letters, signs', async () => {
  const file = await places();
  for (const [index, blob_name] of [' leading.geojson', 'trailing.geojson ', ' Höhe "100%25" &?#+.geojson'].entries()) {
    await jobs.stack.upload(file, blob_name);
    const [container_name, table_name] = [jobs.stack.container, `named_${index}`];
    await jobs.load(file, { container_name, blob_name, table_name, file_extension: 'geojson' });
    assert.deepEqual(await namesIn(table_name), names);
  }
});

test('CSV in UTF-16, as spreadsheets write it', async () => {
  const text = `\uFEFFlat\tlon\tname\r\n${names.map((name, x) => `1\t${x}\t${name}`).join('\r\n')}\r\n`;
  for (const [label, bytes] of [
    ['le', Buffer.from(text, 'utf16le')],
    ['be', Buffer.from(text, 'utf16le').swap16()],
  ] as const) {
    const file = jobs.path(`wide-${label}.csv`);
    await writeFile(file, bytes);
    await jobs.load(file, { table_name: `wide_${label}` });
    assert.deepEqual(await namesIn(`wide_${label}`), names);
  }
});

test('CSV with a NUL in a text: the row is told, and nothing is loaded', async () => {
  const file = jobs.path('nul.csv');
  await writeFile(file, 'lat,lon,name\n1,2,ok\n3,4,a\0b\n');
  await assert.rejects(jobs.load(file, { table_name: 'nul' }), (error: { code: string; details: JsonObject[] }) => {
    assert.equal(error.code, 'INVALID_ROWS');
    assert.deepEqual(error.details, [{ message: 'row 2 has a NUL character in "name"' }]);
    return true;
  });
});
