import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { test } from 'node:test';
import { BlobServiceClient } from '@azure/storage-blob';
import pg from 'pg';
import { projectRoot } from '../../src/cli/setup/paths.ts';
import { testStorage, uniqueContainerName } from '../tools/azurite.ts';
import { gdalCli } from '../tools/gdal-cli.ts';
import { eventually } from '../tools/poll.ts';
import { createTestDatabase, withClient } from '../tools/postgres.ts';
import { python } from '../tools/python.ts';

test('databases are clones that do not see each other', async () => {
  const [one, other] = await Promise.all([createTestDatabase(), createTestDatabase()]);
  await withClient(one.url, (client) => client.query('CREATE TABLE mine (place geometry)'));
  const { rows } = await withClient(other.url, (client) => client.query("SELECT to_regclass('mine') AS found"));
  assert.deepEqual(rows, [{ found: null }]);
  await Promise.all([one.drop(), other.drop()]);
});

test('the pgstac template answers its own functions', async () => {
  const database = await createTestDatabase({ template: 'pgstac' });
  const sql = 'SELECT pgstac.get_version() AS version';
  const { rows } = await withClient(database.url, (client) => client.query(sql));
  assert.deepEqual(rows, [{ version: '0.9.11' }]);
  await database.drop();
});

test('a client left connected is reported when its database is dropped', async () => {
  const database = await createTestDatabase({ template: 'empty' });
  const client = new pg.Client({ connectionString: database.url, application_name: 'forgetful' });
  client.on('error', () => {});
  await client.connect();
  await assert.rejects(database.drop(), /forgetful/);
});

test('the blob store takes and gives', async () => {
  const service = BlobServiceClient.fromConnectionString(await testStorage());
  const container = service.getContainerClient(uniqueContainerName());
  await container.create();
  await container.getBlockBlobClient('a/b.txt').upload('hello', 5);
  assert.equal((await container.getBlockBlobClient('a/b.txt').downloadToBuffer()).toString(), 'hello');
  await container.delete();
});

test('a service ends with the process that asked for it, even when that is killed', async () => {
  const script = `
    const { startService } = await import(${JSON.stringify(join(projectRoot, 'src/cli/testing/service.ts'))});
    console.log((await startService('azurite')).address);
    setInterval(() => {}, 1000);`;
  const owner = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [address] = (await once(createInterface({ input: owner.stdout }), 'line')) as [string];
  const port = Number(/127\.0\.0\.1:(\d+)/.exec(address)?.[1]);
  assert.ok(await accepts(port));
  owner.kill('SIGKILL');
  await eventually(async () => !(await accepts(port)));
});

test('the second opinions are there: rio-cogeo, rasterio, azure-servicebus and gdalinfo', async () => {
  const script = 'import rio_cogeo, rasterio, azure.servicebus; print(rio_cogeo.__version__)';
  assert.match((await python(['-c', script])).stdout, /^\d+\.\d+/);
  assert.match((await gdalCli('gdalinfo', ['--version'])).stdout, /GDAL 3\./);
});

async function accepts(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1');
  try {
    await once(socket, 'connect');
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}
