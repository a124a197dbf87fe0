import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { answering, SetupSandbox } from '../tools/setup-sandbox.ts';

const platformKey = `node-v${process.versions.modules}-${process.platform}-${process.arch}`;
const addonFile = `node_modules/gdal-async/lib/binding/${platformKey}/gdal.node`;
const bundled = { version: '3.12.3', bundled: true };
const debian = { version: '3.6.2', bundled: false };

/** In place of gdal-async: its addon is a text that says what would be loaded. */
const fakePackage = `
  const { readFileSync } = require('node:fs');
  module.exports = JSON.parse(readFileSync(require('node:path').join(__dirname, '${addonFile.slice(24)}'), 'utf8'));`;

/** In place of node-pre-gyp: it writes down what it was asked, and the addon that would come of it. */
const fakeBuilder = `
  const { appendFileSync, mkdirSync, writeFileSync } = require('node:fs');
  const { dirname, join } = require('node:path');
  const [command, ...options] = process.argv.slice(2);
  if (command === 'reveal') console.log(JSON.stringify({ hosted_tarball: process.env.TARBALL }));
  else {
    appendFileSync(join(process.env.HOME, 'calls'), [command, ...options.filter((one) => /gdal/.test(one))].join(' ') + '\\n');
    const isFromSystem = options.includes('--shared_gdal=true');
    if (process.env.BREAKS === command) process.exit(1);
    const addon = join(process.env.HOME, '${addonFile}');
    mkdirSync(dirname(addon), { recursive: true });
    const made = isFromSystem ? ${JSON.stringify(debian)} : ${JSON.stringify(bundled)};
    writeFileSync(addon, process.env.BROKEN ? 'no addon' : JSON.stringify(made));
  }`;

const header = ['MAJOR    3', 'MINOR    12', 'REV      3'].map((part) => `#  define GDAL_VERSION_${part}`).join('\n');

/** What \`prepare\` does with the addon; whatever packages are missing, it has found a way to them. */
const getReady = (wanted: 'any' | 'programs') => `
  const { buildGdal, gdalWithoutBuild } = await import('setup/gdal.ts');
  if (!(await gdalWithoutBuild('${wanted}'))) await buildGdal();`;

let sandbox: SetupSandbox;
let [there, missing]: { url: string; close(): void }[] = [];

beforeEach(async () => {
  sandbox = await SetupSandbox.make();
  const folder = 'node_modules/gdal-async';
  await sandbox.write(`${folder}/package.json`, '{"version": "3.12.3", "main": "index.js"}');
  await sandbox.write(`${folder}/index.js`, fakePackage);
  await sandbox.write(`${folder}/node_modules/@mapbox/node-pre-gyp/bin/node-pre-gyp`, fakeBuilder);
  await sandbox.write(`${folder}/deps/libgdal/gdal/gcore/gdal_version.h`, header);
  [there, missing] = [await answering(302), await answering(404)];
});
afterEach(async () => {
  await sandbox.remove();
  there?.close();
  missing?.close();
});

async function debianGdal(): Promise<void> {
  await sandbox.program('gdal-config', 'echo 3.6.2');
  await sandbox.program('gdalinfo', 'echo "GDAL 3.6.2, released 2023/01/02"');
}

/** Runs set-up of the addon; what the builder was asked, without what only looked. */
async function setUp(wanted: 'any' | 'programs', env: NodeJS.ProcessEnv = {}) {
  const { code, output } = await sandbox.run(getReady(wanted), { env: { TARBALL: there?.url, ...env } });
  const calls = (await sandbox.calls()).filter((call) => !/^gdal/.test(call));
  return { code, output, calls };
}

test('the prebuilt addon is taken where there is one; a second call, and another clone, find it', async () => {
  const first = await setUp('any');
  assert.deepEqual([first.code, first.calls], [0, ['install']]);
  assert.match(first.output, /^Fetching the prebuilt gdal-async … \d+ s\n$/);
  assert.deepEqual(await setUp('any'), { code: 0, output: '', calls: [] });
  await rm(join(sandbox.root, addonFile));
  assert.deepEqual(await setUp('any', { TARBALL: missing?.url }), { code: 0, output: '', calls: [] });
  assert.ok(existsSync(join(sandbox.root, addonFile)));
});

test("without a prebuilt one, or when it does not arrive, the addon is built against the system's GDAL", async () => {
  await debianGdal();
  const none = await setUp('any', { TARBALL: missing?.url });
  assert.deepEqual([none.code, none.calls], [0, ['rebuild --shared_gdal=true']]);
  assert.match(none.output, /^Building gdal-async against this system's GDAL 3\.6\.2 \(about 80 s\) … \d+ s\n$/);
  for (const place of [addonFile, 'kept']) await rm(join(sandbox.root, place), { recursive: true });
  const lost = await setUp('any', { BREAKS: 'install' });
  assert.deepEqual([lost.code, lost.calls], [0, ['install', 'rebuild --shared_gdal=true']]);
});

test('an addon that was built but does not load is an error, as is a build that fails', async () => {
  await debianGdal();
  const broken = await setUp('any', { TARBALL: missing?.url, BROKEN: '1' });
  assert.equal(broken.code, 1);
  assert.match(broken.output, /gdal-async was built but does not load/);
  const failed = await setUp('any', { TARBALL: missing?.url, BREAKS: 'rebuild' });
  assert.equal(failed.code, 1);
  assert.match(failed.output, /failed\n[\s\S]*ToolFailedError: [^\n]+rebuild --shared_gdal=true/);
});

test('for tests a prebuilt addon of another version than gdalinfo is not taken, not even one that is there', async () => {
  await debianGdal();
  const fresh = await setUp('programs');
  assert.deepEqual([fresh.code, fresh.calls], [0, ['rebuild --shared_gdal=true']]);
  assert.deepEqual((await setUp('programs')).calls, []);
  for (const place of [addonFile, 'kept']) await rm(join(sandbox.root, place), { recursive: true });
  assert.deepEqual((await setUp('any')).calls, ['install']);
  assert.deepEqual((await setUp('programs')).calls, ['rebuild --shared_gdal=true']);
  // Both are kept now, and the demo goes on with the one that is there.
  assert.deepEqual((await setUp('any')).calls, []);
  await rm(join(sandbox.root, addonFile));
  assert.deepEqual((await setUp('programs')).calls, []);
});

test('for tests a prebuilt addon of the version of gdalinfo is taken', async () => {
  await sandbox.program('gdalinfo', 'echo "GDAL 3.12.3 \\"Chicoutimi\\", released 2026/03/17"');
  assert.deepEqual((await setUp('programs')).calls, ['install']);
  assert.deepEqual((await setUp('programs')).calls, []);
});

test('the source build of 18 minutes runs for who asks, and says so; nothing else leads to it', async () => {
  const asked = await setUp('any', { COREMACHINE_GDAL_FROM_SOURCE: '1' });
  assert.deepEqual([asked.code, asked.calls], [0, ['rebuild --shared_gdal=false']]);
  assert.match(asked.output, /bundled GDAL, as COREMACHINE_GDAL_FROM_SOURCE asks \(about 18 min\)/);
  for (const place of [addonFile, 'kept']) await rm(join(sandbox.root, place), { recursive: true });
  for (const wanted of ['any', 'programs'] as const) {
    const { calls } = await setUp(wanted, { TARBALL: missing?.url, BREAKS: 'rebuild' });
    assert.deepEqual(calls, ['rebuild --shared_gdal=true']);
  }
});

const prepareApp = `await import('setup/prepare.ts').then(({ prepare }) => prepare('app'))
  .catch((error) => { console.log(error.name + ': ' + error.message); process.exitCode = 1; });`;
const buildPackages = 'libgdal-dev g++ make python3';

test('./run demo where apt may not install: the one command for what a build takes, and no build', async () => {
  await sandbox.program('apt-get');
  const { code, output } = await sandbox.run(prepareApp, { user: 'somebody', env: { TARBALL: missing?.url } });
  assert.equal(code, 1);
  assert.match(output, /^NeedsByHandError: /);
  assert.ok(output.includes(`install -y --no-install-recommends ${buildPackages}\n`), output);
  assert.deepEqual(await sandbox.calls(), []);
});

test('./run demo as a user for whom the prebuilt addon is there needs nothing of the system', async () => {
  await sandbox.program('apt-get');
  const { code, output } = await sandbox.run(prepareApp, { user: 'somebody', env: { TARBALL: there?.url } });
  assert.equal(code, 0, output);
  assert.deepEqual(await sandbox.calls(), ['install']);
});

test('./run demo as root: apt brings what a build takes, then the build', async () => {
  const brought = `${sandbox.installing('c++', 'make', 'python3')}; printf '#!/bin/sh\\necho 3.6.2\\n' >'${sandbox.bin}/gdal-config'; chmod +x '${sandbox.bin}/gdal-config'`;
  await sandbox.program('apt-get', `[ "$1" = update ] || { ${brought}; }`);
  const { code, output } = await sandbox.run(prepareApp, { env: { TARBALL: missing?.url } });
  assert.equal(code, 0, output);
  const calls = await sandbox.calls();
  assert.match(calls[1] ?? '', new RegExp(`^apt-get install .*${buildPackages.replaceAll('+', '\\+')}`));
  assert.equal(calls.at(-1), 'rebuild --shared_gdal=true');
});

test('packages that are not those of the lock file are installed first, without their scripts', async () => {
  await sandbox.write('package-lock.json', '{"packages": {"node_modules/a": {"version": "1.0.0"}}}');
  await sandbox.program('npm');
  await sandbox.run(prepareApp, { env: { TARBALL: there?.url } });
  assert.deepEqual(await sandbox.calls(), ['npm ci --ignore-scripts --no-audit --no-fund', 'install']);
});
