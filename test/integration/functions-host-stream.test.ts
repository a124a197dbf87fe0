import assert from 'node:assert/strict';
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { after, before, test } from 'node:test';
import { type FunctionsHost, startFunctionsHost } from '../../src/local/functions-host/host.ts';
import type { HostLogEntry } from '../../src/local/functions-host/log.ts';
import { door } from '../fixtures/functions/calls.ts';
import { eventually } from '../tools/poll.ts';

const lines: HostLogEntry[] = [];
let host: FunctionsHost;

before(async () => {
  host = await startFunctionsHost({
    hostJson: { version: '2.0' },
    settings: { FUNCTIONS_REQUEST_BODY_SIZE_LIMIT: '3000000' },
    load: () => import('../fixtures/functions/stream.ts'),
    port: 0,
    keys: { function: ['k'], admin: [] },
    log: (entry) => lines.push(entry),
  });
});
after(async () => {
  door('endless').resolve();
  await host.stop({ graceMs: 0 });
});

const url = (path: string) => `${host.url}/api/${path}`;
const body = (size: number): RequestInit => ({
  method: 'POST',
  body: new Blob([Buffer.alloc(size)]).stream(),
  duplex: 'half',
});

test('bodies are streams both ways: the answer begins before the request ends', async () => {
  const request = httpRequest(url('shout/one%20name?q=a%26b'), { method: 'POST', headers: { 'x-sent': 'header' } });
  request.write('first');
  const [answer] = (await once(request, 'response')) as [IncomingMessage];
  assert.equal(answer.statusCode, 201);
  assert.deepEqual(
    [answer.headers['x-name'], answer.headers['x-query'], answer.headers['x-sent']],
    ['one name', 'a&b', 'header'],
  );
  assert.deepEqual(answer.headers['set-cookie'], ['seen=yes']);
  assert.equal(answer.headers['x-ms-invocation-id'], undefined);
  const chunks = answer.setEncoding('utf8')[Symbol.asyncIterator]();
  assert.equal((await chunks.next()).value, 'FIRST');
  request.end('second');
  assert.equal((await chunks.next()).value, 'SECOND');
  assert.equal((await chunks.next()).done, true);
});

test('the function sees the client’s address; keys and routes are the host’s matter', async () => {
  const answer = await fetch(url('read?code=k&a=1&a=2'));
  assert.deepEqual(await answer.json(), { url: url('read?code=k&a=1&a=2'), query: { code: 'k', a: '2' } });
  assert.equal((await fetch(url('read'))).status, 401);
  assert.equal((await fetch(url('elsewhere'))).status, 404);
  const head = await fetch(url('read?code=k'), { method: 'HEAD' });
  assert.deepEqual([head.status, await head.text()], [200, '']);
});

test('a large chunked upload arrives whole; one over the limit is 413', async () => {
  assert.deepEqual(await (await fetch(url('size'), body(3_000_000))).json(), { size: 3_000_000 });
  assert.equal((await fetch(url('size'), body(3_000_001))).status, 413);
  assert.equal((await fetch(url('size'), { method: 'POST', body: Buffer.alloc(3_000_001) })).status, 413);
});

test('nothing returned is 204, a failure before the answer 500', async () => {
  assert.equal((await fetch(url('nothing'))).status, 204);
  const failed = await fetch(url('throws'), { method: 'POST', body: 'x' });
  assert.equal(failed.status, 500);
  assert.equal(((await failed.json()) as { error: string }).error, 'FUNCTION_FAILED');
});

test('a failure in the middle of an answer breaks the connection off', async () => {
  const answer = await fetch(url('breaks_off'));
  const reader = answer.body?.getReader();
  assert.equal(Buffer.from((await reader?.read())?.value ?? []).toString(), 'some of it');
  door('break off').resolve();
  await assert.rejects(async () => reader?.read());
  await eventually(() => lines.some(({ message }) => message.includes('in the middle')));
});

test('a client that goes away is no failure of the host', async () => {
  const before = lines.length;
  const leave = new AbortController();
  const answer = await fetch(url('endless'), { signal: leave.signal });
  await answer.body?.getReader().read();
  leave.abort();
  assert.equal((await fetch(url('nothing'))).status, 204);
  const errors = lines.slice(before).filter(({ level }) => level === 'error');
  assert.deepEqual(errors, []);
});

test('a process ends by itself after its host has stopped', async () => {
  const child = fork(new URL('../fixtures/functions-host-program.ts', import.meta.url), {
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  });
  let errors = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    errors += text;
  });
  const [code, signal] = await once(child, 'exit', { signal: AbortSignal.timeout(20_000) });
  assert.deepEqual([code, signal], [0, null], errors);
});
