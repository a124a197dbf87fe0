import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { BlobServiceClient, type ContainerClient } from '@azure/storage-blob';
import type { Log } from '../../core/log.ts';
import type { GdalSource } from '../../core/ports/blob-store.ts';
import type { Gdal } from '../../core/ports/gdal.ts';
import { openGdal } from '../../infrastructure/gdal/gdal.ts';
import { testStorage, uniqueContainerName } from '../tools/azurite.ts';
import { childProcesses, environmentOf } from '../tools/child-processes.ts';
import { writeBadFiles, writeRaster } from '../tools/gdal-files.ts';

const container = uniqueContainerName('gdal');
const fakeKey = Buffer.from('a key that opens nothing at all').toString('base64');
let folder = '';
let gdal: Gdal;
let connection = '';
let client: ContainerClient;
const logged: string[] = [];

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'gdal-blobs-'));
  connection = await testStorage();
  client = BlobServiceClient.fromConnectionString(connection).getContainerClient(container);
  await client.create();
  gdal = await openGdal({ processes: 1, log: recordingLog(), cacheMb: 64, tempFolder: folder });
  const bad = await writeBadFiles(folder);
  for (const [name, file] of Object.entries(bad)) await client.getBlockBlobClient(`${name}.tif`).uploadFile(file);
});
after(async () => {
  await gdal?.close();
  await client?.deleteIfExists();
  await rm(folder, { recursive: true, force: true });
});

function blob(name: string, options: { container?: string; connection?: string } = {}): GdalSource {
  return {
    path: `/vsiaz/${options.container ?? container}/${name}`,
    config: { AZURE_STORAGE_CONNECTION_STRING: options.connection ?? connection },
  };
}

async function upload(name: string, width: number): Promise<void> {
  const file = writeRaster(join(folder, 'upload.tif'), { width, height: 300 });
  await client.getBlockBlobClient(name).uploadFile(file);
}

test('a blob is read in place, whatever its name', async () => {
  for (const name of ['a.tif', 'scenes/2024 ä/b+c%20#1?.tif']) {
    await upload(name, 400);
    assert.deepEqual((await gdal.info(blob(name), ['-checksum'])).size, [400, 300]);
    assert.equal((await gdal.readPixels(blob(name), { width: 40, height: 30 })).bands[0]?.length, 1200);
  }
});

test('a replaced blob is seen as it is now, by a process that read it before', async () => {
  await upload('replaced.tif', 400);
  assert.deepEqual((await gdal.info(blob('replaced.tif'))).size, [400, 300]);
  await upload('replaced.tif', 500);
  assert.deepEqual((await gdal.info(blob('replaced.tif'))).size, [500, 300]);
  await client.deleteBlob('replaced.tif');
  await assert.rejects(gdal.info(blob('replaced.tif')), { code: 'FILE_NOT_FOUND' });
  await upload('replaced.tif', 600);
  assert.deepEqual((await gdal.info(blob('replaced.tif'))).size, [600, 300]);
});

test('the storage and not the file is to blame: each case has its code', async () => {
  await upload('there.tif', 400);
  const refused = connection.replace(/AccountKey=[^;]+/, `AccountKey=${fakeKey}`);
  const silent = connection.replace(/(BlobEndpoint=http:\/\/[^:/]+):\d+/, '$1:9');
  assert.ok(refused !== connection && silent !== connection);
  const cases: readonly (readonly [GdalSource, string])[] = [
    [blob('none.tif'), 'FILE_NOT_FOUND'],
    [blob('none.tif', { container: 'no-such-container' }), 'CONTAINER_NOT_FOUND'],
    [blob('there.tif', { connection: refused }), 'STORAGE_DENIED'],
    [blob('there.tif', { connection: silent }), 'STORAGE_UNAVAILABLE'],
    [{ path: `/vsiaz/${container}/there.tif`, config: {} }, 'STORAGE_DENIED'],
  ];
  for (const [source, code] of cases) {
    await assert.rejects(gdal.info(source), { code }, code);
    const command = { tool: 'gdalwarp', source, destination: join(folder, 'x.tif'), args: [] } as const;
    await assert.rejects(gdal.run(command), { code }, code);
  }
  // Also through a local file that refers to the blob.
  const reference = join(folder, 'reference.vrt');
  await gdal.run({ tool: 'gdal_translate', source: blob('there.tif'), destination: reference, args: ['-of', 'VRT'] });
  const source = { ...blob('there.tif', { connection: refused }), path: reference, refersTo: blob('there.tif').path };
  const command = { tool: 'gdalwarp', source, destination: join(folder, 'x.tif'), args: [] } as const;
  await assert.rejects(gdal.run(command), { code: 'STORAGE_DENIED' });
  // The credentials of the failures are not those of the next call.
  assert.deepEqual((await gdal.info(blob('there.tif'))).size, [400, 300]);
});

test('a blob that is no raster is FILE_UNREADABLE', async () => {
  for (const name of ['empty.tif', 'text.tif'])
    await assert.rejects(gdal.info(blob(name)), { code: 'FILE_UNREADABLE' });
  await assert.rejects(gdal.info(blob('truncated.tif'), ['-stats']), { code: 'FILE_UNREADABLE' });
  const destination = join(folder, 'x.tif');
  const command = { tool: 'gdalwarp', source: blob('truncated.tif'), destination, args: ['-multi'] } as const;
  await assert.rejects(gdal.run(command), { code: 'FILE_UNREADABLE' });
});

test('credentials are in no error, no log, no command line and no environment', async () => {
  const secret = connection.replace(/AccountKey=[^;]+/, `AccountKey=${fakeKey}`);
  const account = { AZURE_STORAGE_ACCOUNT: 'an-account-of-mine', AZURE_STORAGE_ACCESS_KEY: fakeKey };
  const sources: readonly GdalSource[] = [
    blob('there.tif', { connection: secret }),
    blob('none.tif', { connection: secret }),
    { path: `/vsiaz/${container}/${fakeKey}.tif`, config: { AZURE_STORAGE_CONNECTION_STRING: secret } },
    { path: `/data/${fakeKey}.tif`, config: account },
  ];
  for (const source of sources) {
    const error: unknown = await gdal.info(source).catch((reason: unknown) => reason);
    assert.ok(error instanceof Error);
    for (let at: unknown = error; at instanceof Error; at = at.cause) {
      const text = `${at.message} ${at.stack} ${JSON.stringify(at)}`;
      assert.ok(!text.includes(fakeKey) && !text.includes(account.AZURE_STORAGE_ACCOUNT), text);
    }
  }
  const processes = childProcesses('infrastructure/gdal/child');
  assert.ok(processes.length > 0);
  const visible = processes.map(({ pid, commandLine }) => commandLine + environmentOf(pid)).join('');
  assert.ok(!`${visible}${logged.join('')}`.includes(fakeKey));
  assert.ok(logged.length > 0);
});

function recordingLog(): Log {
  const record = (...parts: unknown[]) => void logged.push(JSON.stringify(parts));
  const log: Log = { info: record, warn: record, error: record, with: () => log };
  return log;
}
