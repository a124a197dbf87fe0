import assert from 'node:assert/strict';
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { startChild } from '../../src/local/stack/child.ts';
import { eventually } from '../tools/poll.ts';

const talkative = new URL('./stack-child.child.ts', import.meta.url);
const missing = new URL('./there-is-no-such-file.ts', import.meta.url);

test('a process of the stack whose terminal is gone goes on until it is told to end', async () => {
  const child = fork(talkative, { stdio: ['ignore', 'pipe', 'pipe', 'ipc'] });
  const exited = once(child, 'exit');
  child.send({});
  await once(child, 'message');
  await once(child.stdout as NodeJS.ReadableStream, 'data');
  child.stdout?.destroy();
  child.stderr?.destroy();
  await wait(200);
  assert.deepEqual([child.exitCode, child.signalCode], [null, null]);
  child.kill('SIGTERM');
  assert.deepEqual(await exited, [0, null]);
});

test('what a process says is added to its log; one that does not start tells the end of what it said', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'coremachine-child-'));
  const output = join(folder, 'part.log');
  try {
    await writeFile(output, 'of an earlier start\n');
    const child = await startChild({ name: 'part', entry: talkative, options: {}, output });
    await eventually(async () => (await readFile(output, 'utf8')).includes('another'));
    await child.stop();
    const text = await readFile(output, 'utf8');
    assert.match(text, /^of an earlier start\n.*a line\n/s);
    await assert.rejects(startChild({ name: 'part', entry: missing, options: {}, output }), (error: Error) => {
      assert.match(error.message, /^part ended with code 1 before it was ready\n.*there-is-no-such-file/s);
      assert.doesNotMatch(error.message, /a line/);
      return true;
    });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});
