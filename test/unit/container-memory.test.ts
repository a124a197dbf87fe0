import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';

/** A listing of 100 MB of names. */
const blobs = 100_000;
const heapMb = 32;

/** What the names or results would not fit into, if anybody kept them. */
function inLittleMemory(what: string) {
  const program = join(import.meta.dirname, 'container-memory.child.ts');
  const args = [`--max-old-space-size=${heapMb}`, program, what, String(blobs)];
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8', timeout: 50_000 });
  assert.equal(status, 0, stderr.slice(0, 2000));
  return JSON.parse(stdout) as unknown;
}

for (const what of ['list_blobs', 'plan', 'analyze_container', 'aggregate_results']) {
  test(`${what} of ${blobs} blobs with names of 1,000 bytes in a heap of ${heapMb} MB`, () => {
    assert.equal(inLittleMemory(what), blobs);
  });
}

test('the limit is one: who keeps the names does not get through', () => {
  assert.throws(() => inLittleMemory('keep'), /heap out of memory/);
});
