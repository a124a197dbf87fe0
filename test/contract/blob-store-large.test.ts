import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { testStorage, uniqueContainerName } from '../tools/azurite.ts';

const megabytes = 300;
/** Far below the file; what is in flight is four connections' buffers, the rest is the allocator's slack. */
const growthLimit = 100;

test(`${megabytes} MB up and down without holding them in memory`, async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'coremachine-large-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const child = join(import.meta.dirname, 'blob-store-large.child.ts');
  const { stdout } = await promisify(execFile)(
    process.execPath,
    [child, folder, String(megabytes), uniqueContainerName('large')],
    {
      env: { ...process.env, STORAGE: await testStorage() },
    },
  );
  const { before, after } = JSON.parse(stdout) as { before: number; after: number };
  t.diagnostic(`peak memory ${before.toFixed(0)} MiB for 16 MB, ${after.toFixed(0)} MiB for ${megabytes} MB`);
  assert.ok(after - before < growthLimit, `grew by ${(after - before).toFixed(0)} MiB`);
});
