import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { openBlobStore } from '../../infrastructure/blob/azure-blob-store.ts';
import { ApiClient } from '../../src/cli/client.ts';
import { startChild } from '../../src/local/stack/child.ts';
import { pickPort } from '../../src/local/stack/ports.ts';
import type { ServiceBusOptions } from '../../src/local/stack/service-bus-process.ts';
import { type Stack, startStack } from '../../src/local/stack/stack.ts';
import { childProcesses } from '../tools/child-processes.ts';
import { eventually } from '../tools/poll.ts';
import { testStackOptions } from '../tools/stack.ts';
import { familyOf } from '../tools/start-command.ts';

async function withFolder(work: (folder: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'coremachine-embedded-'));
  try {
    await work(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function storageOf(stack: Stack) {
  return openBlobStore({ connection: String(stack.settings.STORAGE_CONNECTION) });
}

test('data survive a restart: jobs, blobs, the function key, and a message that nobody had handled', () =>
  withFolder(async (folder) => {
    const options = await testStackOptions(folder, { dataFolder: join(folder, 'data') });
    const blob = { container: 'bronze', name: 'kept.txt' };
    const first = await startStack(options);
    let [done, waiting] = ['', ''];
    try {
      const client = new ApiClient(first.url, first.functionKey);
      done = String((await client.submit('hello_world', { n: 2 })).job_id);
      assert.equal((await client.follow(done, () => {})).status, 'completed');
      await storageOf(first).upload(blob, Buffer.from('kept'), { contentType: 'text/plain' });
      // The host dies with the answer, before anybody can work on the job's message.
      waiting = String((await client.submit('hello_world_sequential', { n: 2 })).job_id);
      first.host.process.kill('SIGKILL');
      assert.match(await first.broken, /host/);
    } finally {
      await first.stop();
    }
    const second = await startStack(options);
    try {
      const client = new ApiClient(second.url, second.functionKey);
      assert.equal((await client.status(done)).status, 'completed');
      assert.equal((await storageOf(second).properties(blob))?.sizeBytes, 4);
      assert.equal((await client.follow(waiting, () => {})).status, 'completed');
      assert.equal(second.functionKey, first.functionKey);
      assert.equal((await stat(join(folder, 'data', 'function-key'))).mode & 0o777, 0o600);
    } finally {
      await second.stop();
    }
  }));

test('a stack on a Service Bus of somebody else, and with a function key that is given, has no messages of its own', () =>
  withFolder(async (folder) => {
    const bus = await startChild<{ connectionString: string }>({
      name: 'service-bus',
      entry: new URL('../../src/local/stack/service-bus-process.ts', import.meta.url),
      options: { port: await pickPort(0), journal: null } satisfies ServiceBusOptions,
      output: join(folder, 'bus.log'),
    });
    try {
      const env = { SERVICE_BUS_CONNECTION: bus.ready.connectionString, FUNCTION_KEY: 'a key & more' };
      const said: string[] = [];
      const options = await testStackOptions(folder, {
        env,
        dataFolder: join(folder, 'data'),
        say: (line) => said.push(line),
      });
      const stack = await startStack(options);
      try {
        assert.equal(stack.functionKey, env.FUNCTION_KEY);
        assert.deepEqual(
          said.filter((line) => line.includes('messages')),
          [],
        );
        assert.equal(childProcesses('service-bus-process').length, 1);
        const client = new ApiClient(stack.url, stack.functionKey);
        const job = String((await client.submit('hello_world', { n: 2 })).job_id);
        assert.equal((await client.follow(job, () => {})).status, 'completed');
        assert.equal((await client.request('GET', 'health')).status, 'healthy');
      } finally {
        await stack.stop();
      }
    } finally {
      await bus.stop();
    }
  }));

test(
  './run start: one Ctrl-C drains and stops every process; a kill -9 of it leaves none behind',
  { timeout: 120_000 },
  () =>
    withFolder(async (folder) => {
      const entry = fileURLToPath(new URL('../../src/cli/start.ts', import.meta.url));
      for (const signal of ['SIGINT', 'SIGKILL'] as const) {
        const child = spawn(process.execPath, [entry, '--memory', '--port', '0'], {
          cwd: folder,
          stdio: ['ignore', 'pipe', 'pipe'],
        });
        let output = '';
        child.stdout.setEncoding('utf8').on('data', (text: string) => {
          output += text;
        });
        const ended = new Promise((resolve) => child.once('exit', resolve));
        const url = await eventually(() => /listens on (http:\S+)\/api/.exec(output)?.[1], { timeoutMs: 60_000 });
        assert.equal((await fetch(`${url}/api/health/live`)).status, 200);
        const put = await eventually(() => /curl -T \S+ -H '([^:]+): (\w+)' '([^']+)'/.exec(output), {
          timeoutMs: 10_000,
        });
        const [, header = '', value = '', address = ''] = put;
        const stored = await fetch(address, { method: 'PUT', headers: { [header]: value }, body: 'a raster' });
        assert.equal(stored.status, 201, 'the printed line puts a file into the storage');
        const family = (await familyOf(child.pid ?? 0)).slice(1);
        assert.ok(family.length >= 4, `database, blobs, messages, host: ${family}`);
        child.kill(signal);
        await ended;
        if (signal === 'SIGINT') assert.match(output, /stopped/);
        await eventually(() => family.every((pid) => !isAlive(pid)), { timeoutMs: 15_000 });
      }
    }),
);

test('./run start tells what is wrong in plain words: an option, a port, a setting, a database that is not there', async () => {
  const wrong = 'postgresql://nobody@127.0.0.1:1/none';
  const cases: [string[], Record<string, string>, number, RegExp][] = [
    [['--prot', '1'], {}, 2, /'--prot'.*--port N/s],
    [['--port', '7071x'], {}, 2, /--port takes a whole number from 0 to 65535, not 7071x/],
    [
      ['--port', '0'],
      { DATABASE_URL: wrong },
      1,
      /DATABASE_UNAVAILABLE: .*ECONNREFUSED.*start failed: functions host/s,
    ],
  ];
  await withFolder(async (folder) => {
    for (const [given, env, code, said] of cases) {
      const entry = fileURLToPath(new URL('../../src/cli/start.ts', import.meta.url));
      const child = spawn(process.execPath, [entry, '--memory', ...given], {
        cwd: folder,
        env: { ...process.env, ...env },
      });
      const output: string[] = [];
      for (const stream of [child.stdout, child.stderr])
        stream.setEncoding('utf8').on('data', (text) => output.push(text));
      const [ended] = (await once(child, 'close')) as [number];
      assert.equal(ended, code, output.join(''));
      assert.match(output.join(''), said);
      assert.doesNotMatch(output.join(''), /\n {4}at /, 'no stack trace');
    }
  });
});

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
