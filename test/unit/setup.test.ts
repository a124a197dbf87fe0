import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { lockSatisfied } from '../../src/cli/setup/packages.ts';
import { projectRoot } from '../../src/cli/setup/paths.ts';
import { runTool } from '../../src/cli/setup/tool.ts';

interface LockFile {
  readonly packages: Readonly<
    Record<string, { readonly optionalDependencies?: Readonly<Record<string, string>>; readonly resolved?: string }>
  >;
}

const wanted = {
  '': {},
  'node_modules/a': { version: '1.0.0' },
  'node_modules/b-for-another-system': { version: '2.0.0', optional: true },
};

test('installed packages are taken as they are when they match the lock file', () => {
  assert.ok(lockSatisfied(wanted, { 'node_modules/a': { version: '1.0.0' } }));
});

test('a missing, an older and an extra package ask for an install', () => {
  assert.ok(!lockSatisfied(wanted, {}));
  assert.ok(!lockSatisfied(wanted, { 'node_modules/a': { version: '0.9.0' } }));
  assert.ok(!lockSatisfied(wanted, { 'node_modules/a': { version: '1.0.0' }, 'node_modules/c': { version: '1.0.0' } }));
});

// npm leaves such packages out when it updates a lock file from installed ones; then `npm ci` refuses everywhere.
test('the lock file has every optional package of every platform, and names no registry', () => {
  const { packages } = JSON.parse(readFileSync(join(projectRoot, 'package-lock.json'), 'utf8')) as LockFile;
  const optional = Object.values(packages).flatMap((one) => Object.keys(one.optionalDependencies ?? {}));
  assert.ok(optional.length > 0);
  const there = new Set(Object.keys(packages).map((path) => path.slice(path.lastIndexOf('node_modules/') + 13)));
  assert.deepEqual(
    optional.filter((name) => !there.has(name)),
    [],
  );
  assert.ok(Object.values(packages).every((one) => one.resolved === undefined));
});

test('a tool that fails shows the end of what it printed', async () => {
  const script = 'for (let i = 0; i < 100; i++) console.log("line " + i); process.exitCode = 4';
  await assert.rejects(runTool(process.execPath, ['-e', script], { log: 'unit-test' }), (error: Error) => {
    assert.match(error.message, /exit code 4/);
    assert.match(error.message, /line 99/);
    assert.doesNotMatch(error.message, /line 5\n/);
    return true;
  });
});

test('a tool that does not exist, or hangs, fails', async () => {
  await assert.rejects(runTool('there-is-no-such-program', [], { log: 'unit-test' }), /ENOENT/);
  const hang = runTool(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { log: 'unit-test', timeoutMs: 500 });
  await assert.rejects(hang, /SIGTERM/);
});
