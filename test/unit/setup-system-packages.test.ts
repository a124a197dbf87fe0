import assert from 'node:assert/strict';
import { afterEach, beforeEach, test } from 'node:test';
import { SetupSandbox } from '../tools/setup-sandbox.ts';

const install = `
  const { ensureSystemPackages, mayInstall, onPath } = await import('setup/system-packages.ts');
  console.log('may install: ' + mayInstall());
  const wanted = ['foo', 'bar'].map((name) => ({ apt: 'lib' + name, brew: name, present: () => onPath(name) }));
  await ensureSystemPackages(wanted).catch((error) => { console.log(error.name + ': ' + error.message); });`;
const byRoot = ['apt-get update', 'apt-get install -y --no-install-recommends libfoo libbar'];

let sandbox: SetupSandbox;
beforeEach(async () => {
  sandbox = await SetupSandbox.make();
});
afterEach(() => sandbox.remove());

test('what is there already is not installed', async () => {
  for (const name of ['foo', 'bar', 'apt-get']) await sandbox.program(name);
  const { output } = await sandbox.run(install);
  assert.equal(output, 'may install: true\n');
  assert.deepEqual(await sandbox.calls(), []);
});

test('root: one call of apt for all that is missing', async () => {
  await sandbox.program('apt-get', `[ "$1" = update ] || { ${sandbox.installing('foo', 'bar')}; }`);
  const { output } = await sandbox.run(install);
  assert.match(output, /^may install: true\nInstalling libfoo, libbar with apt … \d+ s\n$/);
  assert.deepEqual(await sandbox.calls(), byRoot);
});

test('an installation that asks nothing: only what is missing, without questions of packages', async () => {
  await sandbox.program('foo');
  await sandbox.program('apt-get', `echo "$DEBIAN_FRONTEND"; ${sandbox.installing('bar')}`);
  const { output } = await sandbox.run(`${install}
    const { readFileSync } = await import('node:fs');
    console.log(readFileSync('.cache/logs/apt-install.log', 'utf8'));`);
  assert.match(output, /Installing libbar with apt/);
  assert.match(output, /noninteractive/);
});

test('apt that fails: the end of what it said; apt that brings something else: the packages', async () => {
  await sandbox.program('apt-get', 'echo "E: Unable to locate package libfoo"; exit 100');
  const failed = await sandbox.run(install);
  assert.match(failed.output, /ToolFailedError: .*exit code 100\n\nE: Unable to locate package libfoo\n/s);
  await sandbox.program('apt-get', sandbox.installing('bar'));
  const { output } = await sandbox.run(install);
  assert.match(output, /Error: apt installed libfoo, but what they bring is not found/);
});

test('a user whose sudo asks no password: sudo -n', async () => {
  await sandbox.program('apt-get', sandbox.installing('foo', 'bar'));
  await sandbox.program('sudo', 'shift; exec "$@"');
  const { output } = await sandbox.run(install, { user: 'somebody' });
  assert.match(output, /^may install: true\nInstalling/);
  const calls = await sandbox.calls();
  assert.ok(calls.includes('sudo -n env DEBIAN_FRONTEND=noninteractive apt-get update'), calls.join('\n'));
  assert.deepEqual(
    calls.filter((call) => !call.startsWith('sudo')),
    byRoot,
  );
});

test('a user whose sudo asks for a password, or who has none: the one command to type, and nothing is called', async () => {
  await sandbox.program('apt-get');
  const command = 'sudo apt-get update && sudo apt-get install -y --no-install-recommends libfoo libbar';
  for (const script of [null, 'echo "a password is required" >&2; exit 1']) {
    if (script !== null) await sandbox.program('sudo', script);
    const { output } = await sandbox.run(install, { user: 'somebody' });
    assert.match(output, /^may install: false\nNeedsByHandError: /);
    assert.ok(output.endsWith(`the same command again:\n\n  ${command}\n\n`), output);
    assert.ok((await sandbox.calls()).every((call) => call === 'sudo -n true'));
  }
});

test('without apt: brew on macOS, the names elsewhere', async () => {
  const mac = await sandbox.run(install, { platform: 'darwin' });
  assert.match(
    mac.output,
    /may install: false\nNeedsByHandError: [^\n]+libfoo libbar[^\n]+\n\n {2}brew install foo bar\n/,
  );
  const other = await sandbox.run(install);
  assert.match(other.output, /may install: false\nNeedsByHandError: [^\n]+\n\n {2}install libfoo libbar\n/);
  const tools = await sandbox.run(install.replaceAll('brew: name', 'brew: null'), { platform: 'darwin' });
  assert.match(tools.output, /\n {2}xcode-select --install\n/);
});
