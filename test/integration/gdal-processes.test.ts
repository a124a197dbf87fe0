import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, beforeEach, test } from 'node:test';
import { silentLog } from '../../core/log.ts';
import type { Gdal, GdalCommand, GdalRunOptions } from '../../core/ports/gdal.ts';
import { type GdalOptions, openGdal } from '../../infrastructure/gdal/gdal.ts';
import { childProcesses, isRunning } from '../tools/child-processes.ts';
import { localSource, writeRaster } from '../tools/gdal-files.ts';
import { eventually } from '../tools/poll.ts';

const childProgram = 'infrastructure/gdal/child';
let folder = '';
let scratch = '';
let out = '';
let source = '';
let open: Gdal[] = [];

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'gdal-processes-'));
  scratch = join(folder, 'scratch');
  source = writeRaster(join(folder, 'source.tif'), { width: 1000, height: 1000, bands: 3 });
});
beforeEach(async () => {
  out = await mkdtemp(join(folder, 'out-'));
  open = [];
});
afterEach(async () => {
  await Promise.all(open.map((gdal) => gdal.close()));
  assert.deepEqual(childPids(), []);
});
after(() => rm(folder, { recursive: true, force: true }));

async function start(options: Partial<GdalOptions> = {}): Promise<Gdal> {
  const gdal = await openGdal({ processes: 2, log: silentLog, cacheMb: 64, tempFolder: scratch, ...options });
  open.push(gdal);
  return gdal;
}

function childPids(parent?: number): readonly number[] {
  return childProcesses(childProgram, parent).map(({ pid }) => pid);
}

function rssMb(pid: number): number {
  const [, kilobytes] = /VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
  return Number(kilobytes) / 1024;
}

/** Takes half a minute or more, and writes temporary overviews on the way. */
const longCommand = (name = 'long.tif'): GdalCommand => ({
  tool: 'gdal_translate',
  source: localSource(source),
  destination: join(out, name),
  args: ['-of', 'COG', '-outsize', '16000', '16000', '-r', 'cubic', '-co', 'COMPRESS=DEFLATE', '-co', 'LEVEL=9'],
});
const shortCommand = (): GdalCommand => ({
  tool: 'gdal_translate',
  source: localSource(source),
  destination: join(out, 'short.tif'),
  args: ['-outsize', '50', '50'],
});

/** Starts the long command and waits until GDAL is at work in it. */
async function startLong(gdal: Gdal, options: GdalRunOptions = {}): Promise<{ result: Promise<unknown>; pid: number }> {
  const working = Promise.withResolvers<void>();
  const result = gdal.run(longCommand(), { ...options, onProgress: () => working.resolve() }).then(
    () => assert.fail('it was to be stopped'),
    (error: unknown) => error,
  );
  await working.promise;
  const [pid, ...others] = childPids();
  assert.ok(pid !== undefined && others.length === 0);
  return { result, pid };
}

test('progress rises to 1', async () => {
  const gdal = await start();
  const seen: number[] = [];
  const command = {
    ...longCommand(),
    args: ['-of', 'COG', '-outsize', '6000', '6000', '-r', 'bilinear'],
  } as GdalCommand;
  await gdal.run(command, { onProgress: (fraction) => seen.push(fraction) });
  assert.ok(seen.length >= 2, `only ${seen}`);
  assert.equal(seen.at(-1), 1);
  for (const [index, fraction] of seen.entries()) {
    assert.ok(fraction > (seen[index - 1] ?? -1) && fraction >= 0 && fraction <= 1, `${seen}`);
  }
});

test('aborting stops GDAL within a second and leaves nothing', async () => {
  const gdal = await start();
  const controller = new AbortController();
  const { result, pid } = await startLong(gdal, { signal: controller.signal });
  await eventually(async () => (await readdir(scratch)).length > 0);
  const reason = new Error('the job was cancelled');
  const aborted = performance.now();
  controller.abort(reason);
  assert.equal(await result, reason);
  assert.ok(performance.now() - aborted < 1000);
  assert.ok(!isRunning(pid));
  assert.deepEqual([await readdir(scratch), await readdir(out)], [[], []]);
  await gdal.run(shortCommand());
});

test('as many processes grow as work on rasters at once: the one that answers questions meanwhile stays small', async () => {
  const gdal = await start({ processes: 1 });
  const [raster] = childPids();
  const large = { width: 4000, height: 3000 };
  const ask = () => gdal.transformPoints('EPSG:4326', 'EPSG:3857', [[10, 50]]);
  for (let round = 0; round < 4; round += 1) {
    const reading = gdal.readPixels(localSource(source), large);
    await ask();
    await reading;
    if (round % 2 === 1) await ask();
  }
  const sizes = childProcesses(childProgram).map(({ pid }) => ({ pid, rssMb: rssMb(pid) }));
  assert.equal(sizes.length, 2);
  const [larger] = sizes.toSorted((one, other) => other.rssMb - one.rssMb);
  const smaller = sizes.find((size) => size !== larger);
  assert.ok(larger && smaller && larger.pid === raster, JSON.stringify(sizes));
  assert.ok(larger.rssMb > smaller.rssMb + 50, JSON.stringify(sizes));
});

test('a signal that is aborted already runs nothing', async () => {
  const gdal = await start();
  const reason = new Error('too late');
  const pids = childPids();
  await assert.rejects(gdal.run(shortCommand(), { signal: AbortSignal.abort(reason) }), reason);
  assert.deepEqual([childPids(), await readdir(out)], [pids, []]);
});

test('the time limit is TIMEOUT, and is not counted while waiting for a process', async () => {
  const gdal = await start({ processes: 1 });
  const started = performance.now();
  const outcomes = [
    gdal.run(longCommand('first.tif'), { timeoutMs: 3000 }),
    // Waits longer than it may take.
    gdal.run(shortCommand(), { timeoutMs: 2900 }),
  ];
  const [first, second] = await Promise.allSettled(outcomes);
  assert.equal(first?.status === 'rejected' && first.reason.code, 'TIMEOUT');
  assert.equal(second?.status, 'fulfilled');
  assert.ok(performance.now() - started < 9000);
  assert.deepEqual([await readdir(scratch), await readdir(out)], [[], ['short.tif']]);
});

test('a process killed from outside is GDAL_FAILED, and the next call works', async () => {
  const gdal = await start();
  const { result, pid } = await startLong(gdal);
  process.kill(pid, 'SIGKILL');
  const error = (await result) as { code: string; retryable: boolean };
  assert.deepEqual([error.code, error.retryable], ['GDAL_FAILED', true]);
  assert.deepEqual([await readdir(scratch), await readdir(out)], [[], []]);
  await gdal.run(shortCommand());
});

test('an idle process killed from outside goes unnoticed', async () => {
  const gdal = await start();
  await gdal.run(shortCommand());
  for (const pid of childPids()) process.kill(pid, 'SIGKILL');
  await gdal.run(shortCommand());
  assert.ok(await gdal.describeCrs('EPSG:4326'));
});

test('processes are kept warm, no more than allowed, and ended when idle', async () => {
  const gdal = await start({ processes: 2, idleMs: 500 });
  await Promise.all(Array.from({ length: 6 }, () => gdal.info(localSource(source))));
  const pids = childPids();
  assert.ok(pids.length <= 3, 'two for rasters, one for questions');
  await gdal.info(localSource(source));
  assert.ok(childPids().every((pid) => pids.includes(pid)));
  await eventually(() => childPids().length === 0);
  await gdal.info(localSource(source));
});

test('what comes one after the other, questions and rasters, has one process', async () => {
  const gdal = await start({ processes: 2 });
  const pids = childPids();
  assert.equal(pids.length, 1);
  await gdal.info(localSource(source));
  assert.ok(await gdal.describeCrs('EPSG:4326'));
  await gdal.run(shortCommand());
  assert.deepEqual(childPids(), pids);
});

test('questions about coordinates do not wait behind rasters', async () => {
  const gdal = await start({ processes: 1 });
  const controller = new AbortController();
  const { result } = await startLong(gdal, { signal: controller.signal });
  assert.ok(await gdal.describeCrs('EPSG:4326'));
  assert.deepEqual(await gdal.transformPoints('EPSG:4326', 'EPSG:4326', [[1, 2]]), [[1, 2]]);
  controller.abort();
  await result;
});

test('an error in onProgress stops the operation and comes through', async () => {
  const gdal = await start();
  const reason = new Error('lease lost');
  const onProgress = () => {
    throw reason;
  };
  await assert.rejects(gdal.run(longCommand(), { onProgress }), reason);
  assert.deepEqual([await readdir(scratch), await readdir(out)], [[], []]);
});

test('close ends what runs and what waits, and leaves no process', async () => {
  const gdal = await start({ processes: 1 });
  const { result } = await startLong(gdal);
  const waiting = gdal.run(shortCommand());
  const closed = gdal.close();
  await assert.rejects(waiting, { code: 'GDAL_FAILED' });
  assert.equal(((await result) as { code: string }).code, 'GDAL_FAILED');
  await closed;
  assert.deepEqual(childPids(), []);
  await assert.rejects(gdal.info(localSource(source)), { code: 'GDAL_FAILED' });
  assert.deepEqual([await readdir(scratch), await readdir(out)], [[], []]);
});

test('no process outlives a parent that is killed', async () => {
  const parent = runScript(`
    const gdal = await openGdal(${JSON.stringify({ processes: 1, cacheMb: 64, tempFolder: scratch })});
    await gdal.run(${JSON.stringify(longCommand())}, { onProgress: () => console.log('working') });`);
  await once(parent.stdout, 'data');
  const pids = childPids(parent.pid);
  assert.equal(pids.length, 1);
  parent.kill('SIGKILL');
  await once(parent, 'exit');
  await eventually(() => !pids.some(isRunning), { timeoutMs: 5000 });
  // What the dead parent could not remove goes when the next one opens.
  assert.equal((await readdir(scratch)).length, 1);
  await start();
  assert.deepEqual(await readdir(scratch), []);
});

test('idle processes do not keep a program alive', async () => {
  const script = runScript(`
    const gdal = await openGdal(${JSON.stringify({ processes: 1, tempFolder: scratch })});
    console.log((await gdal.info(${JSON.stringify(localSource(source))})).size);`);
  const [code] = await once(script, 'exit');
  assert.equal(code, 0);
});

function runScript(body: string) {
  const module = new URL('../../infrastructure/gdal/gdal.ts', import.meta.url);
  const log = new URL('../../core/log.ts', import.meta.url);
  const lines = [
    `const { openGdal: open } = await import(${JSON.stringify(module.href)});`,
    `const { silentLog: log } = await import(${JSON.stringify(log.href)});`,
    'const openGdal = (options) => open({ ...options, log });',
    body,
  ];
  return spawn(
    process.execPath,
    ['--disable-warning=ExperimentalWarning', '--input-type=module', '-e', lines.join('\n')],
    {
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  );
}

test('a built copy works as the sources do', async () => {
  const build = join(import.meta.dirname, '..', '..', '.cache', `gdal-build-${process.pid}`);
  await mkdir(build, { recursive: true });
  try {
    await compile(build);
    const module = new URL(`file://${join(build, 'infrastructure/gdal/gdal.js')}`);
    const built = (await import(module.href)) as { openGdal: typeof openGdal };
    const gdal = await built.openGdal({ processes: 1, log: silentLog, tempFolder: scratch });
    open.push(gdal);
    assert.deepEqual((await gdal.info(localSource(source))).size, [1000, 1000]);
    assert.ok(childProcesses(join(build, 'infrastructure/gdal/child.js')).length > 0);
  } finally {
    await rm(build, { recursive: true, force: true });
  }
});

async function compile(target: string): Promise<void> {
  const root = join(import.meta.dirname, '..', '..');
  const compiler = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
  const flags = ['-p', 'tsconfig.build.json', '--outDir', target, '--sourceMap', 'false'];
  // Its exit code is about the types of the whole project, which is another check.
  await once(spawn(process.execPath, [compiler, ...flags], { cwd: root, stdio: 'ignore' }), 'exit');
}
