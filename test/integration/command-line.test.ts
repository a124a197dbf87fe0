import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { projectRoot } from '../../src/cli/setup/paths.ts';

const programs = {
  demo: 'src/cli/demo.ts',
  start: 'src/cli/start.ts',
  test: 'src/cli/test-runner.ts',
  chaos: 'test/chaos/main.ts',
  bench: 'src/cli/bench.ts',
};

function called(file: string, ...args: string[]) {
  const quiet = '--disable-warning=ExperimentalWarning';
  return spawnSync(process.execPath, [quiet, file, ...args], { cwd: projectRoot, encoding: 'utf8', timeout: 60_000 });
}

for (const [command, file] of Object.entries(programs)) {
  test(`./run ${command} tells how it is used, when asked and when it was called wrongly`, () => {
    const help = called(file, '--help');
    assert.deepEqual([help.status, help.stderr], [0, '']);
    assert.ok(help.stdout.startsWith(`./run ${command} `), help.stdout);
    const wrong = called(file, '--no-such-option');
    assert.deepEqual([wrong.status, wrong.stdout], [2, '']);
    assert.match(wrong.stderr, /^Unknown option '--no-such-option'/);
    assert.ok(wrong.stderr.endsWith(help.stdout), wrong.stderr);
  });
}

test('numbers out of their bounds are refused by name', () => {
  assert.match(
    called(programs.start, '--port', '99999').stderr,
    /^--port takes a whole number from 0 to 65535, not 99999/,
  );
  assert.match(called(programs.bench, 'raster', '--rounds', 'z').stderr, /^--rounds takes a whole number .*, not z/);
  assert.match(called(programs.start, '--port', '').stderr, /^--port takes a whole number/);
  assert.match(called(programs.bench, 'vector', '--scale', '2').stderr, /^--scale takes a number/);
});

test('a file that is not there is told by demo', () => {
  const { status, stderr } = called(programs.demo, 'no-such.tif');
  assert.deepEqual([status, stderr], [1, 'demo failed: there is no file no-such.tif\n']);
});
