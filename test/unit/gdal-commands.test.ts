import assert from 'node:assert/strict';
import { test } from 'node:test';
import { childEnvironment } from '../../infrastructure/gdal/child-environment.ts';
import { mergeOptions, toPlain } from '../../infrastructure/gdal/command.ts';
import { Turns } from '../../infrastructure/turns.ts';

const local = { path: '/data/a.tif', config: {} };
const blob = { path: '/vsiaz/raw/a.tif', config: { AZURE_STORAGE_CONNECTION_STRING: 'one' } };

test('a plain command has paths and flags, no configuration', () => {
  const { plain, config } = toPlain({
    tool: 'gdalwarp',
    source: blob,
    destination: '/out.tif',
    args: ['-r', 'near', '--config', 'GDAL_TIFF_INTERNAL_MASK', 'YES', '-multi'],
  });
  assert.deepEqual(plain, {
    tool: 'gdalwarp',
    source: '/vsiaz/raw/a.tif',
    destination: '/out.tif',
    args: ['-r', 'near', '-multi'],
  });
  assert.deepEqual(config, { GDAL_TIFF_INTERNAL_MASK: 'YES' });
});

test('flags that only the programs know are refused, not ignored', () => {
  const command = { tool: 'gdal_translate', source: local, destination: '/out.tif', args: ['-oo', 'X=1'] } as const;
  assert.throws(() => toPlain(command), { code: 'RASTER_UNSUPPORTED' });
});

test("options: the network's, then the source's, then the caller's", () => {
  const merged = mergeOptions([blob], { GDAL_DISABLE_READDIR_ON_OPEN: 'FALSE' }, undefined, { X: '1' });
  assert.equal(merged.GDAL_DISABLE_READDIR_ON_OPEN, 'FALSE');
  assert.equal(merged.AZURE_STORAGE_CONNECTION_STRING, 'one');
  assert.equal(merged.VSI_CACHE, 'TRUE');
  assert.equal(merged.X, '1');
  assert.deepEqual(mergeOptions([local]), {});
  const subdataset = { path: 'NETCDF:"/vsiaz/raw/a.nc":rain', config: {} };
  assert.equal(mergeOptions([subdataset]).GDAL_DISABLE_READDIR_ON_OPEN, 'EMPTY_DIR');
  assert.equal(mergeOptions([{ ...local, refersTo: blob.path }]).GDAL_DISABLE_READDIR_ON_OPEN, 'EMPTY_DIR');
});

test('sources that need different credentials are refused without showing these', () => {
  const other = { path: '/vsiaz/raw/b.tif', config: { AZURE_STORAGE_CONNECTION_STRING: 'two' } };
  assert.throws(() => mergeOptions([blob, other]), {
    code: 'RASTER_UNSUPPORTED',
    message: 'The sources of one command differ in AZURE_STORAGE_CONNECTION_STRING',
  });
});

test("a child's environment has what GDAL and the loader need, and no settings of the host", () => {
  const environment = childEnvironment(
    {
      PATH: '/bin',
      PROJ_DATA: '/proj',
      https_proxy: 'http://proxy',
      AZURE_STORAGE_CONNECTION_STRING: 'secret',
      DATABASE_URL: 'secret',
      NODE_OPTIONS: '--inspect',
      HOME: '/home/me',
    },
    64,
  );
  assert.deepEqual(Object.keys(environment).sort(), [
    'CPL_MAX_ERROR_REPORTS',
    'GDAL_CACHEMAX',
    'GDAL_SKIP',
    'MALLOC_ARENA_MAX',
    'PATH',
    'PROJ_DATA',
    'https_proxy',
  ]);
  assert.equal(environment.GDAL_CACHEMAX, '64');
});

test('who goes ahead comes before all others, in order among themselves', async () => {
  const turns = new Turns(1);
  const order: string[] = [];
  await turns.take();
  const come = (name: string, ahead: boolean) => turns.take(undefined, ahead).then(() => order.push(name));
  const all = [come('a', false), come('b', true), come('c', false), come('d', true)];
  for (const _ of all) {
    turns.give();
    await Promise.resolve();
  }
  await Promise.all(all);
  assert.deepEqual(order, ['b', 'd', 'a', 'c']);
});

test('turns go in order, an aborted wait leaves the line, and none is lost', async () => {
  const turns = new Turns(1);
  const order: string[] = [];
  await turns.take();
  const leaving = new AbortController();
  const first = turns.take().then(() => order.push('first'));
  const second = assert.rejects(turns.take(leaving.signal), { message: 'left' });
  const third = turns.take().then(() => order.push('third'));
  leaving.abort(new Error('left'));
  await second;
  turns.give();
  await first;
  turns.give();
  await third;
  turns.give();
  await turns.take();
  assert.deepEqual(order, ['first', 'third']);
  const waiting = turns.take();
  turns.dismiss(new Error('closed'));
  await assert.rejects(waiting, { message: 'closed' });
});
