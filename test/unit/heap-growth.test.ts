import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const child = fileURLToPath(new URL('heap-growth.child.ts', import.meta.url));

/** How often a process that lets 640 MB of buffers pass marks its whole heap, and what it complains of. */
async function markings(...args: string[]): Promise<{ count: number; complaints: string }> {
  const flags = ['--trace-gc', '--disable-warning=ExperimentalWarning'];
  const { stdout, stderr } = await promisify(execFile)(process.execPath, [...flags, child, ...args]);
  return { count: stdout.split('Mark-Compact').length - 1, complaints: stderr };
}

test('buffers that pass do not have the whole heap marked again and again, and V8 knows the flags', async (t) => {
  const [plain, grown] = [await markings(), await markings('grow')];
  t.diagnostic(`${plain.count} markings, then ${grown.count}`);
  assert.doesNotMatch(grown.complaints, /unrecognized flag/);
  // V8 of Node 22 marks seldom by itself, and there is nothing to see.
  assert.ok(plain.count < 6 || grown.count <= plain.count / 2, `${grown.count} of ${plain.count}`);
});
