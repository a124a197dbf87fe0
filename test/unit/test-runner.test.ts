import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { parseSelection } from '../../src/cli/testing/arguments.ts';
import type { Outcome } from '../../src/cli/testing/outcome.ts';
import { closingReport, progressText } from '../../src/cli/testing/report.ts';
import { type FileOptions, runTestFile } from '../../src/cli/testing/run-file.ts';
import { eventually } from '../tools/poll.ts';

const folder = await mkdtemp(join(tmpdir(), 'coremachine-runner-'));
after(() => rm(folder, { recursive: true, force: true }));

let count = 0;

async function outcomeOf(source: string, options: FileOptions = {}): Promise<Outcome> {
  count += 1;
  const file = join(folder, `sample-${count}.test.ts`);
  await writeFile(file, `import { test, describe, before, after } from 'node:test';\n${source}`);
  return (await runTestFile(file, options)).outcome;
}

/** The one failure of a file, as text. */
async function failureOf(source: string, options: FileOptions = {}): Promise<string> {
  const { failures } = await outcomeOf(source, options);
  assert.equal(failures.length, 1, JSON.stringify(failures));
  return `${failures[0]?.name}: ${failures[0]?.detail}`;
}

test('passes, failures and skips are counted under their full names', async () => {
  const outcome = await outcomeOf(`
    describe('outer', () => {
      describe('inner', () => { test('fine', () => {}); test('bad', () => { throw new Error('boom'); }); });
      test('left out', { skip: 'no such thing here' }, () => {});
    });
    test('with subtests', async (t) => { await t.test('one', () => {}); });
  `);
  assert.equal(outcome.passed, 3);
  assert.deepEqual(
    outcome.failures.map((one) => one.name),
    ['outer > inner > bad'],
  );
  assert.match(outcome.failures[0]?.detail ?? '', /Error: boom/);
  assert.deepEqual(outcome.skips, [{ name: 'outer > left out', reason: 'no such thing here' }]);
});

test('a file that does not load has failed', async () => {
  assert.match(await failureOf("import './there-is-no-such-file.ts';"), /no account of its tests/);
});

test('a file without tests has failed', async () => {
  assert.match(await failureOf('const nothing = 1;'), /no account of its tests/);
});

test('leaving early does not pass for success', async () => {
  assert.match(await failureOf("test('a', () => {}); test('b', () => process.exit(0));"), /no account of its tests/);
});

test('an exit code after passed tests is a failure', async () => {
  assert.match(await failureOf("test('a', () => {}); process.on('exit', () => { process.exitCode = 3; });"), /code 3/);
});

test('an error after the end of its test is a failure', async () => {
  const source = `
    test('a', () => { setTimeout(() => { throw new Error('too late'); }, 20); });
    test('b', () => new Promise((resolve) => setTimeout(resolve, 200)));`;
  assert.match(await failureOf(source), /too late/);
});

test('a failing hook is a failure', async () => {
  const source = "describe('s', () => { after(() => { throw new Error('not tidy'); }); test('a', () => {}); });";
  assert.match(await failureOf(source), /^s: Error: not tidy/);
});

test('a skip without a reason and a todo are failures', async () => {
  assert.match(await failureOf("test.skip('a', () => {});"), /without a reason/);
  assert.match(await failureOf("test('a', { todo: true }, () => {});"), /todo/);
});

test('a file that an open handle keeps alive is ended', async () => {
  const source = "test('a', () => {}); setInterval(() => {}, 1000);";
  assert.match(await failureOf(source, { silenceLimitMs: 1_500 }), /open handle/);
});

const noProc = process.platform === 'linux' ? false : 'what a file leaves behind is found through /proc';

test('a process left running fails the file and is ended', { skip: noProc }, async () => {
  const pidFile = join(folder, 'pid');
  const failure = await failureOf(`
    import { spawn } from 'node:child_process';
    import { writeFileSync } from 'node:fs';
    test('a', () => {
      const child = spawn('sleep', ['300'], { detached: true, stdio: 'ignore' });
      writeFileSync(${JSON.stringify(pidFile)}, String(child.pid));
      child.unref();
    });`);
  assert.match(failure, /left processes running[\s\S]*sleep 300/);
  const pid = Number(await readFile(pidFile, 'utf8'));
  await eventually(() => !alive(pid));
});

test('breaking the run off ends a file with everything it started', async () => {
  const pidFile = join(folder, 'pid-broken-off');
  const controller = new AbortController();
  const running = outcomeOf(
    `import { spawn } from 'node:child_process';
     import { writeFileSync } from 'node:fs';
     test('a', () => {
       writeFileSync(${JSON.stringify(pidFile)}, String(spawn('sleep', ['300']).pid));
       return new Promise(() => setInterval(() => {}, 1000));
     });`,
    { signal: controller.signal },
  );
  const pid = await eventually(async () => Number(await readFile(pidFile, 'utf8')) || null);
  controller.abort();
  assert.equal((await running).failures.length, 1);
  await eventually(() => !alive(pid));
});

test('the report ends with the counts, after every failure and every reason', () => {
  const report = closingReport([
    { title: 'types', outcome: { passed: 1, failures: [], skips: [] }, output: '' },
    {
      title: 'x.test.ts',
      outcome: {
        passed: 2,
        failures: [{ name: 'a', detail: 'boom' }],
        skips: [{ name: 'b', reason: 'why' }],
      },
      output: 'hello',
    },
  ]);
  const lines = report.split('\n');
  assert.equal(lines.at(-1), '3 passed, 1 failed, 1 skipped');
  assert.equal(lines.at(-2), 'skipped: x.test.ts: b: why');
  assert.match(report, /FAILED x\.test\.ts: a\n {4}boom/);
});

test('a failure is told at once, as far as it fits, and not only in the closing report', () => {
  const detail = Array.from({ length: 40 }, (_, index) => `line ${index}`).join('\n');
  const outcome: Outcome = { passed: 1, failures: [{ name: 'outer > bad', detail }], skips: [] };
  const text = progressText({ title: 'x.test.ts', outcome, output: '' }, 1.25);
  assert.match(text, /^FAIL x\.test\.ts {2}1 passed, 1 failed {2}1\.3 s\n {4}outer > bad\n {8}line 0\n {8}line 1\n/);
  assert.equal(text.split('\n').length, 14);
});

test('arguments choose what runs', () => {
  const all = parseSelection([]);
  assert.deepEqual(all.checks, ['types', 'lint']);
  assert.deepEqual(all.suites, ['unit', 'contract', 'model', 'emulator', 'integration', 'crash', 'chaos']);
  const filtered = parseSelection(['raster', '--only', 'unit,contract', '--concurrency', '1']);
  assert.deepEqual(filtered, { checks: [], suites: ['unit', 'contract'], filters: ['raster'], concurrency: 1 });
  assert.deepEqual(parseSelection(['raster']).checks, []);
  assert.deepEqual(parseSelection(['--only', 'lint']).suites, []);
  assert.throws(() => parseSelection(['--only', 'unti']), /not unti/);
  assert.throws(() => parseSelection(['--concurrency', 'many']), /whole number/);
});

function alive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
