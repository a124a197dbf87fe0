import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { openBlobStore } from '../../infrastructure/blob/azure-blob-store.ts';
import type { AzuriteOptions } from '../../src/local/stack/azurite-process.ts';
import { startChild } from '../../src/local/stack/child.ts';
import { pickPort } from '../../src/local/stack/ports.ts';
import { isSoleUser } from '../../src/local/stack/sole-user.ts';
import { isRunning } from '../tools/child-processes.ts';
import { eventually } from '../tools/poll.ts';
import { type StartCommand, startCommand } from '../tools/start-command.ts';

async function withFolder(work: (folder: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'coremachine-killed-'));
  try {
    await work(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

const ends: Readonly<Record<string, (stack: StartCommand, folder: string) => Promise<void> | void>> = {
  'its terminal is closed': (stack) => {
    stack.process.stdout?.destroy();
    stack.process.stderr?.destroy();
    stack.signalAll('SIGHUP');
  },
  'it is killed with -9': (stack) => void stack.process.kill('SIGKILL'),
  'all its processes are, a moment later': async (stack, folder) => {
    await indexed(join(folder, 'data', 'blobs'), 'scene.tif');
    stack.signalAll('SIGKILL');
  },
};

for (const [how, end] of Object.entries(ends)) {
  const title = `./run start, when ${how}: what was answered for before is there after a restart, under the same key`;
  test(title, { timeout: 180_000 }, (context) =>
    withFolder(async (folder) => {
      const first = await startCommand(folder);
      context.after(() => killAll(first));
      const job = String((await first.client.submit('hello_world', { n: 2 })).job_id);
      assert.equal((await first.client.follow(job, () => {})).status, 'completed');
      const headers = { 'x-ms-blob-type': 'BlockBlob' };
      assert.equal((await fetch(first.upload, { method: 'PUT', headers, body: 'a raster' })).status, 201);
      await end(first, folder);
      // Started at once, while the parts of the one before may still close.
      const second = await startCommand(folder);
      context.after(() => killAll(second));
      assert.equal((await second.client.status(job)).status, 'completed');
      const found = await fetch(second.upload);
      assert.deepEqual([found.status, await found.text()], [200, 'a raster']);
      assert.equal(second.functionKey, first.functionKey);
      await first.gone();
      second.signalAll('SIGTERM');
      await second.gone();
    }),
  );
}

test('kill -9 of the blob store itself: what it stored is there a moment later, and its folder is free for the next', (context) =>
  withFolder(async (folder) => {
    const blobs = join(folder, 'blobs');
    const first = await startAzurite(blobs);
    context.after(() => first.process.kill('SIGKILL'));
    const names = ['a', 'b', 'c'];
    for (const name of names) {
      const blob = { container: 'bronze', name };
      await storageOf(first).upload(blob, Buffer.from(name), { contentType: 'text/plain' });
      await indexed(blobs, name);
    }
    assert.equal(await isSoleUser(blobs, 0), false);
    first.process.kill('SIGKILL');
    const second = await startAzurite(blobs);
    try {
      for (const name of names) {
        const read = await storageOf(second).read({ container: 'bronze', name });
        assert.equal(Buffer.from(read).toString(), name);
      }
    } finally {
      await second.stop();
    }
    assert.equal(await isSoleUser(blobs, 0), true);
  }));

/** Soon: Azurite's own five seconds would do for one blob of several at most. */
async function indexed(folder: string, name: string): Promise<void> {
  const read = () => readFile(join(folder, '__azurite_db_blob__.json'), 'utf8');
  await eventually(async () => (await read()).includes(`"name":"${name}"`), { timeoutMs: 3000 });
}

/** Whatever a test that failed has left. */
function killAll({ family }: StartCommand): void {
  for (const pid of family.filter(isRunning)) process.kill(pid, 'SIGKILL');
}

async function startAzurite(folder: string) {
  return startChild<{ connectionString: string }>({
    name: 'azurite',
    entry: new URL('../../src/local/stack/azurite-process.ts', import.meta.url),
    options: { folder, port: await pickPort(0) } satisfies AzuriteOptions,
    output: `${folder}.log`,
  });
}

function storageOf({ ready }: { ready: { connectionString: string } }) {
  return openBlobStore({ connection: ready.connectionString });
}
