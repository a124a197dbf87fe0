import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { cp, mkdir, mkdtemp, readdir, readFile, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import gdal from 'gdal-async';
import { projectRoot } from '../../src/cli/setup/paths.ts';
import { runDemo } from '../tools/demo.ts';

const samples = [
  {
    title: 'Blue Marble',
    stem: 'earth-blue-marble',
    type: 'rgb',
    compression: 'JPEG',
    tier: 'visualization',
    bands: 3,
  },
  { title: 'Landsat 7', stem: 'L7_ETMs', type: 'multispectral', compression: 'DEFLATE', tier: 'analysis', bands: 6 },
  // LERC_DEFLATE only where this GDAL has it.
  { title: 'Elevation', stem: 'olinda_dem_utm25s', type: 'dem', compression: '\\w+', tier: 'analysis', bands: 1 },
];

test('./run demo processes its own samples, in a folder with a space and a letter outside of ASCII', {
  timeout: 300_000,
}, async () => {
  const cwd = await mkdtemp(join(tmpdir(), 'coremachine demo é '));
  try {
    const { code, output } = await runDemo({ cwd, project: await copyOfProject(join(cwd, 'project')) });
    assert.equal(code, 0, output);
    assert.match(output, /\n3 of 3 rasters processed; /);
    const out = join(cwd, 'out');
    assert.equal((await readdir(out)).length, 9);
    for (const sample of samples) await assertShown(sample, output, out);
  } finally {
    await rm(cwd, { recursive: true, force: true });
  }
});

/** Its lines on the screen, and the files that they link to. */
async function assertShown(sample: (typeof samples)[number], output: string, out: string): Promise<void> {
  const { title, stem, type, compression, tier, bands } = sample;
  const part = output.split('\n\n').find((text) => text.startsWith(title)) ?? '';
  assert.match(part, new RegExp(`\n  type      ${type} \\(confidence `), output);
  assert.match(part, new RegExp(`\n  COG       [0-9.]+ MB, ${compression}, reprojected: (true|false)\n`), part);
  const files = [`${stem}_cog_${tier}.tif`, `${stem}.json`, `${stem}.webp`].map((name) => join(out, name));
  assert.deepEqual(linksIn(part), files);
  for (const file of files) assert.ok(existsSync(file), file);
  const [cog = '', item = '', picture = ''] = files;
  const dataset = gdal.open(cog);
  assert.equal(dataset.bands.count(), bands);
  dataset.close();
  assert.equal(JSON.parse(await readFile(item, 'utf8')).type, 'Feature');
  assert.equal((await readFile(picture)).toString('latin1', 8, 12), 'WEBP');
}

function linksIn(text: string): string[] {
  return [...text.matchAll(/file:\S+/g)].map(([link]) => fileURLToPath(link));
}

/** With real files, since Node looks through links for where a module is; what set-up made is shared. */
async function copyOfProject(folder: string): Promise<string> {
  await mkdir(folder);
  for (const name of ['core', 'handlers', 'infrastructure', 'jobs', 'sql', 'src', 'test/fixtures/samples'])
    await cp(join(projectRoot, name), join(folder, name), { recursive: true });
  for (const name of ['host.json', 'package.json']) await cp(join(projectRoot, name), join(folder, name));
  for (const name of ['.cache', 'node_modules']) await symlink(join(projectRoot, name), join(folder, name));
  return folder;
}
