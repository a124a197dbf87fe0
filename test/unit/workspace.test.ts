import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, isAbsolute, join } from 'node:path';
import { after, before, beforeEach, test } from 'node:test';
import { openWorkspace } from '../../infrastructure/workspace/workspace.ts';

let base = '';
let root = '';
before(async () => {
  base = await mkdtemp(join(tmpdir(), 'workspace-test-'));
});
beforeEach(async () => {
  root = await mkdtemp(join(base, 'root-'));
});
after(() => rm(base, { recursive: true, force: true }));

test('work gets a fresh empty folder, and its result comes back', async () => {
  const workspace = await openWorkspace({ root });
  const folders = await Promise.all(
    [1, 2].map((number) =>
      workspace.use('task', async (folder) => {
        assert.ok(isAbsolute(folder));
        assert.deepEqual(await readdir(folder), []);
        await mkdir(join(folder, 'deep'));
        await writeFile(join(folder, 'deep', 'file'), String(number));
        return folder;
      }),
    ),
  );
  assert.notEqual(folders[0], folders[1]);
  assert.deepEqual(await readdir(root), []);
});

test('the folder goes when work throws, and the error comes through', async () => {
  const workspace = await openWorkspace({ root });
  const reason = new Error('no luck');
  await assert.rejects(
    workspace.use('task', async (folder) => {
      await writeFile(join(folder, 'half'), 'x');
      throw reason;
    }),
    reason,
  );
  assert.deepEqual(await readdir(root), []);
});

test('the folder is private, and any label will do', async () => {
  const workspace = await openWorkspace({ root });
  await workspace.use('../../é\0 tiles/17:3', async (folder) => {
    assert.equal(join(root, basename(folder)), folder);
    assert.equal((await stat(folder)).mode & 0o777, 0o700);
  });
});

test('a missing root is made', async () => {
  const workspace = await openWorkspace({ root: join(root, 'a', 'b') });
  await workspace.use('task', async () => {});
  assert.deepEqual(await readdir(join(root, 'a', 'b')), []);
});

test('opening removes what a killed process left, and nothing of a living one', async () => {
  const [killed, living] = await Promise.all([holdFolder(), holdFolder()]);
  try {
    killed.child.kill('SIGKILL');
    await once(killed.child, 'exit');
    assert.equal((await readdir(root)).length, 2);
    await openWorkspace({ root });
    assert.deepEqual(await readdir(root), [living.name]);
    assert.deepEqual(await readdir(join(root, living.name)), ['kept']);
  } finally {
    living.child.kill('SIGKILL');
    await once(living.child, 'exit');
  }
});

test('opening again in the same process leaves the folders in use', async () => {
  const workspace = await openWorkspace({ root });
  await workspace.use('task', async (folder) => {
    await openWorkspace({ root });
    assert.ok((await stat(folder)).isDirectory());
  });
});

test('a later process with the id of a dead one does not protect its folders', async () => {
  const own = await ownFolderName();
  const [, host = '', pid = '', start = ''] = /^coremachine-(\w+)-(\d+)-(\d+)-/.exec(own) ?? [];
  const stale = `coremachine-${host}-${pid}-${Number(start) - 1}-task-AbCdEf`;
  await mkdir(join(root, stale, 'deep'), { recursive: true });
  await openWorkspace({ root });
  assert.deepEqual(await readdir(root), []);
});

test('folders of other hosts and of other programs stay', async () => {
  const names = ['coremachine-00000000-1-1-task-AbCdEf', 'coremachine-data', 'something-else'];
  await Promise.all(names.map((name) => mkdir(join(root, name))));
  await writeFile(join(root, 'coremachine-00000000-1-1-file'), '');
  await openWorkspace({ root });
  assert.deepEqual((await readdir(root)).sort(), [...names, 'coremachine-00000000-1-1-file'].sort());
});

async function ownFolderName(): Promise<string> {
  const workspace = await openWorkspace({ root });
  return workspace.use('task', async (folder) => basename(folder));
}

/** Another process that is inside `use`, with a file in its folder. */
async function holdFolder(): Promise<{ child: ChildProcess; name: string }> {
  const module = new URL('../../infrastructure/workspace/workspace.ts', import.meta.url);
  const program = `
    const { openWorkspace } = await import(${JSON.stringify(module.href)});
    const { writeFileSync } = await import('node:fs');
    const workspace = await openWorkspace({ root: ${JSON.stringify(root)} });
    await workspace.use('held', async (folder) => {
      writeFileSync(folder + '/kept', '');
      console.log(folder);
      await new Promise((resolve) => setTimeout(resolve, 600_000));
    });`;
  const child = spawn(
    process.execPath,
    ['--disable-warning=ExperimentalWarning', '--input-type=module', '-e', program],
    {
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  );
  const [line] = await once(child.stdout, 'data');
  return { child, name: basename(String(line).trim()) };
}

test('of works that fill the disk a few go on at a time, and one that is called off does not wait', async () => {
  const workspace = await openWorkspace({ root, largeAtOnce: 2 });
  const { signal } = new AbortController();
  let running = 0;
  let most = 0;
  const work = async () => {
    running += 1;
    most = Math.max(most, running);
    await workspace.use('small', async () => {});
    running -= 1;
  };
  const gate = Promise.withResolvers<void>();
  const two = [1, 2].map(() => workspace.use('large', () => gate.promise, { large: true, signal }));
  const off = new AbortController();
  const third = workspace.use('large', work, { large: true, signal: off.signal });
  off.abort(new Error('called off'));
  await assert.rejects(third, /called off/);
  assert.equal(most, 0);
  gate.resolve();
  await Promise.all(two);
  const many = Array.from({ length: 8 }, () => workspace.use('large', work, { large: true, signal }));
  await Promise.all(many);
  assert.equal(most, 2);
});
