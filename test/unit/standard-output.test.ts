import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { test } from 'node:test';

const moduleUrl = new URL('../../infrastructure/log/standard-output.ts', import.meta.url).href;

/** A process that runs the code, with `line` to write one. */
function program(code: string): ChildProcess {
  const text = `import { standardOutput as line } from ${JSON.stringify(moduleUrl)};\n${code}`;
  return spawn(process.execPath, ['--input-type=module', '--eval', text], { stdio: ['ignore', 'pipe', 'inherit'] });
}

/** All it wrote until its end, and its exit code. */
async function run(code: string): Promise<{ readonly text: string; readonly exitCode: number | null }> {
  const child = program(code);
  let text = '';
  child.stdout?.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk;
  });
  const [exitCode] = (await once(child, 'close')) as [number | null];
  return { text, exitCode };
}

test('a line is written while the process goes on', async () => {
  const child = program(`line('one'); line('two'); setInterval(() => {}, 1000);`);
  const [chunk] = (await once(child.stdout as NodeJS.ReadableStream, 'data')) as [Buffer];
  assert.equal(chunk.toString(), 'one\ntwo\n');
  child.kill('SIGKILL');
});

test('lines of several turns are there, in their order, however the process ends', async () => {
  const lines = `line('one'); setImmediate(() => { line('two'); setImmediate(() => { line('three'); END }); });`;
  assert.deepEqual(await run(lines.replace('END', '')), { text: 'one\ntwo\nthree\n', exitCode: 0 });
  assert.deepEqual(await run(lines.replace('END', 'process.exit(3)')), { text: 'one\ntwo\nthree\n', exitCode: 3 });
  const thrown = await run(
    `process.on('uncaughtException', () => process.exit(4)); ${lines.replace('END', 'throw 1')}`,
  );
  assert.deepEqual(thrown, { text: 'one\ntwo\nthree\n', exitCode: 4 });
});

test('more than a pipe holds comes out whole', async () => {
  const { text } = await run(`for (let n = 0; n < 5000; n += 1) line('x'.repeat(100) + n); process.exit(0);`);
  const lines = text.trimEnd().split('\n');
  assert.equal(lines.length, 5000);
  assert.ok(lines.every((line, n) => line === 'x'.repeat(100) + n));
});

test('a long burst is written before it ends, not kept in memory until then', async () => {
  const code = `for (let n = 0; n < 2000; n += 1) line('x'.repeat(100)); process.kill(process.pid, 'SIGKILL');`;
  const { text } = await run(code);
  assert.ok(text.length > 160_000, `${text.length} of 202,000 characters`);
});
