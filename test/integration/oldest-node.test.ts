import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { projectRoot } from '../../src/cli/setup/paths.ts';
import { oldestNode } from '../tools/oldest-node.ts';
import { program } from '../tools/program.ts';

// The suite runs on one Node; package.json promises more. What one version knows and the other does not shows here.
const node = await oldestNode();
const options = { skip: node === null && 'npm has no Node for this platform', timeout: 600_000 };
const quiet = '--disable-warning=ExperimentalWarning';

test('the oldest Node reads every source', options, async () => {
  const child = join(import.meta.dirname, 'oldest-node.child.ts');
  const { stdout } = await program(String(node), ['--experimental-vm-modules', quiet, child]);
  assert.equal(stdout, '');
});

test('the oldest Node runs the unit tests', options, async () => {
  // gdal-async is built for the Node that runs the suite.
  const needsAddon = (file: string) => /gdal\/operations\/(?!moments|vrt-text)/.test(readFileSync(file, 'utf8'));
  const files = globSync(join(projectRoot, 'test/unit/*.test.ts')).filter((file) => !needsAddon(file));
  const outcome = await program(String(node), [quiet, '--test', '--test-reporter=tap', ...files], {
    timeoutMs: 580_000,
  })
    .then(({ stdout }) => stdout)
    .catch((error: Error) => error.message);
  const failed = outcome.split('\n').filter((line) => /^not ok|^ +error: /.test(line));
  assert.deepEqual(failed, []);
  assert.match(outcome, /^# fail 0$/m);
  assert.ok(Number(/^# pass (\d+)$/m.exec(outcome)?.[1]) > 400, outcome.slice(-500));
});
