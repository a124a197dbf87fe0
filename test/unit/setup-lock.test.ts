import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, writeFileSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { withSetupLock } from '../../src/cli/setup/lock.ts';
import { eventually } from '../tools/poll.ts';

let folder: string;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'coremachine-lock-'));
});
after(() => rm(folder, { recursive: true, force: true }));

/** A process id that nobody has any more. */
function deadProcess(): number {
  return spawnSync(process.execPath, ['-e', '']).pid;
}

test('a process that may not be asked lives: it is waited for without a busy loop, and told once', async (t) => {
  const lock = join(folder, 'foreign.lock');
  await writeFile(lock, '4242');
  const kill = t.mock.method(process, 'kill', () => {
    throw Object.assign(new Error('kill EPERM'), { code: 'EPERM' });
  });
  const said: string[] = [];
  const write = t.mock.method(process.stderr, 'write', (text: string) => said.push(text) > 0);
  const cpu = process.cpuUsage();
  const work = withSetupLock(async () => 'done', lock);
  await eventually(() => kill.mock.callCount() >= 4);
  const { user, system } = process.cpuUsage(cpu);
  write.mock.restore();
  assert.ok(kill.mock.callCount() < 10, `asked ${kill.mock.callCount()} times`);
  assert.ok(user + system < 500_000, `${user + system} us of processor time`);
  assert.deepEqual(said, ['Waiting for another set-up (process 4242) to end …\n']);
  await rm(lock);
  assert.equal(await work, 'done');
});

test('of several that find the lock of a dead process, one works at a time', { timeout: 60_000 }, async () => {
  const lock = join(folder, 'stale.lock');
  const busy = join(folder, 'busy');
  await writeFile(lock, String(deadProcess()));
  // A process that died in the middle of taking over stops nobody either.
  await writeFile(`${lock}.of-${await readFile(lock, 'utf8')}`, String(deadProcess()));
  const module = new URL('../../src/cli/setup/lock.ts', import.meta.url).href;
  const script = `
    import { rmSync, writeFileSync } from 'node:fs';
    import { withSetupLock } from ${JSON.stringify(module)};
    await withSetupLock(async () => {
      writeFileSync(${JSON.stringify(busy)}, '', { flag: 'wx' });
      await new Promise((resolve) => setTimeout(resolve, 30));
      rmSync(${JSON.stringify(busy)});
    }, ${JSON.stringify(lock)});`;
  const run = async () => {
    const flags = ['--disable-warning=ExperimentalWarning', '--input-type=module', '-e', script];
    const child = spawn(process.execPath, flags, { stdio: 'ignore' });
    return (await once(child, 'exit'))[0];
  };
  assert.deepEqual(await Promise.all(Array.from({ length: 4 }, run)), [0, 0, 0, 0]);
  assert.ok(!existsSync(lock));
  assert.deepEqual(
    (await readdir(folder)).filter((name) => name.startsWith('stale')),
    [],
  );
});

test('a lock that another took meanwhile is not removed', async (t) => {
  const lock = join(folder, 'raced.lock');
  await writeFile(lock, String(deadProcess()));
  const { kill } = process;
  let first = true;
  // As if another had taken over between the look at the lock and its removal.
  t.mock.method(process, 'kill', (pid: number, signal: number) => {
    try {
      return kill.call(process, pid, signal);
    } finally {
      if (first) writeFileSync(lock, String(process.ppid));
      first = false;
    }
  });
  const work = withSetupLock(async () => 'done', lock);
  await new Promise((resolve) => setTimeout(resolve, 300));
  assert.equal(await readFile(lock, 'utf8'), String(process.ppid));
  await rm(lock);
  assert.equal(await work, 'done');
});
