import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { request as httpRequest } from 'node:http';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { startFunctionsHost } from '../../src/local/functions-host/host.ts';
import type { HostLogEntry } from '../../src/local/functions-host/log.ts';
import { door, hookCalls, running, timerCalls } from '../fixtures/functions/calls.ts';
import { eventually } from '../tools/poll.ts';

const lines: HostLogEntry[] = [];
const keys = { function: ['host-key'], admin: ['master-key'] };
const hostJson = (functionTimeout: string) => ({
  version: '2.0',
  functionTimeout,
  extensions: { http: { customHeaders: { 'X-Content-Type-Options': 'nosniff' } } },
});
const folder = await mkdtemp(join(tmpdir(), 'functions-host-'));
const timerStatusFile = join(folder, 'state', 'timers.json');

type Host = Awaited<ReturnType<typeof startFunctionsHost>>;
let host: Host;

function start(functionTimeout: string): Promise<Host> {
  return startFunctionsHost({
    hostJson: hostJson(functionTimeout),
    settings: { TICK: '*/1 * * * * *' },
    load: async () => {
      await import('../fixtures/functions/http.ts');
      await import('../fixtures/functions/timers.ts');
    },
    port: 0,
    keys,
    log: (entry) => lines.push(entry),
    bodyLimit: 200_000,
    timerStatusFile,
  });
}

before(async () => {
  host = await start('00:10:00');
});
after(async () => {
  await host.stop({ graceMs: 0 });
  await rm(folder, { recursive: true });
});

const url = (path: string) => `${host.url}/api/${path}`;
const call = (path: string, init: RequestInit = {}) => fetch(url(path), init);
const streamed = (body: Blob): RequestInit => ({ method: 'POST', body: body.stream(), duplex: 'half' });

interface HostError {
  readonly error: string;
  readonly request_id: string;
}

interface Echo {
  readonly method: string;
  readonly url: string;
  readonly params: Record<string, string>;
  readonly query: Record<string, string>;
  readonly headers: Record<string, string>;
  readonly body: string;
  readonly functionName: string;
  readonly traceParent: string;
  readonly triggerMetadata: unknown;
}

const errorOf = async (answer: Response) => (await answer.json()) as HostError;
const echoOf = async (answer: Response) => (await answer.json()) as Echo;

test('the functions are those that the modules registered', () => {
  const triggers = Object.fromEntries(host.functions.map(({ name, type, trigger }) => [name, `${type} ${trigger}`]));
  assert.equal(triggers.echo, 'http GET,POST,PUT /api/echo/{id?}');
  assert.equal(triggers.every_second, 'timer */1 * * * * *');
  assert.deepEqual(hookCalls, ['appStart']);
});

test('a function is given method, address, route values, query, headers and body', async () => {
  const body = Buffer.from([0, 1, 2, 255]);
  const answer = await call('echo/gr%C3%BCn?a=1&b=x%20y&a=2&empty=', {
    method: 'POST',
    body,
    headers: { 'X-Custom': 'yes', traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01' },
  });
  assert.equal(answer.status, 200);
  assert.equal(answer.headers.get('content-type'), 'application/json');
  assert.equal(answer.headers.get('x-content-type-options'), 'nosniff');
  const seen = await echoOf(answer);
  assert.equal(seen.method, 'POST');
  assert.equal(seen.url, url('echo/gr%C3%BCn?a=1&b=x%20y&a=2&empty='));
  assert.deepEqual(seen.params, { id: 'grün' });
  assert.deepEqual(seen.query, { a: '1,2', b: 'x y', empty: '' });
  assert.equal(seen.headers['x-custom'], 'yes');
  assert.equal(seen.body, body.toString('base64'));
  assert.equal(seen.functionName, 'echo');
  assert.equal(seen.traceParent, '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01');
  assert.equal(seen.triggerMetadata, null);
  assert.ok(
    lines.some(
      ({ category, functionName, message }) =>
        category === 'user' && functionName === 'echo' && message.startsWith('echo of'),
    ),
  );
});

test('routes: optional, catch-all, the function’s name, literals first', async () => {
  assert.deepEqual((await echoOf(await call('echo'))).params, {});
  assert.deepEqual((await echoOf(await call('echo/deep/a/b'))).params, { path: 'a/b' });
  assert.equal((await echoOf(await call('no_route'))).functionName, 'no_route');
  assert.equal(await (await call('things/types')).text(), 'types');
  assert.equal(await (await call('things/9')).text(), 'thing 9');
});

test('a route that Azure would hide is warned of at the start', () => {
  const warnings = lines.filter(({ level }) => level === 'warning').map(({ message }) => message);
  assert.ok(
    warnings.some((message) => message.includes("hides 'api/things/types' of types")),
    warnings.join('\n'),
  );
});

test('an unknown path and a wrong method are 404 with the host’s error as JSON', async () => {
  for (const [method, path] of [
    ['GET', 'unknown'],
    ['DELETE', 'echo'],
    ['POST', 'things/types'],
  ] as const) {
    const answer = await call(path, { method });
    assert.equal(answer.status, 404);
    const error = await errorOf(answer);
    assert.deepEqual(Object.keys(error), ['error', 'message', 'request_id', 'timestamp']);
    assert.equal(error.error, 'NOT_FOUND');
    assert.equal(answer.headers.get('x-request-id'), error.request_id);
  }
  const head = await call('echo', { method: 'HEAD' });
  assert.deepEqual([head.status, await head.text()], [404, '']);
});

test('keys: header or query, 401 without a body', async () => {
  for (const [path, init, status] of [
    ['keyed', {}, 401],
    ['keyed', { headers: { 'x-functions-key': 'wrong' } }, 401],
    ['keyed?code=host-key', { headers: { 'x-functions-key': 'wrong' } }, 401],
    ['keyed', { headers: { 'x-functions-key': 'host-key' } }, 200],
    ['keyed?code=host-key', {}, 200],
    ['secret?code=host-key', {}, 401],
    ['secret?code=master-key', {}, 200],
  ] as [string, RequestInit, number][]) {
    const answer = await call(path, init);
    assert.equal(answer.status, status, path);
    if (status === 401) assert.equal(await answer.text(), '');
  }
});

test('answers: bytes, headers, cookies, streams, statuses, nothing', async () => {
  const bytes = await call('bytes');
  assert.deepEqual([...new Uint8Array(await bytes.arrayBuffer())], [0, 255, 1, 254]);
  assert.equal(bytes.headers.get('content-type'), 'image/x-test');
  assert.equal(bytes.headers.get('x-own'), 'yes');
  assert.equal(bytes.headers.get('content-length'), '4');
  assert.deepEqual(bytes.headers.getSetCookie(), ['a=b%20c; Max-Age=5; SameSite=Lax; HttpOnly', 'd=e']);

  const head = await call('bytes', { method: 'HEAD' });
  assert.deepEqual([head.status, head.headers.get('content-length'), await head.text()], [200, '4', '']);

  assert.equal(await (await call('streamed')).text(), 'part 0;part 1;part 2;part 3;part 4;');
  assert.deepEqual([(await call('nothing')).status, (await call('no_content')).status], [204, 204]);
  const teapot = await call('teapot');
  assert.deepEqual([teapot.status, await teapot.json()], [418, { short: true, stout: true }]);
});

test('a failing function is 500 without its reason, which is in the log', async () => {
  for (const path of ['throws', 'bad_answer']) {
    const answer = await call(path);
    assert.equal(answer.status, 500);
    assert.equal((await errorOf(answer)).error, 'FUNCTION_FAILED');
  }
  assert.ok(lines.some(({ level, message }) => level === 'error' && message.includes('the secret reason')));
});

test('hooks may change inputs and result', async () => {
  assert.equal(await (await call('hooked')).text(), 'from the hook, seen after');
});

test('a body over the limit is 413, announced or not', async () => {
  const large = Buffer.alloc(200_001);
  const announced = await call('echo', { method: 'POST', body: large });
  assert.equal(announced.status, 413);
  assert.equal((await errorOf(announced)).error, 'PAYLOAD_TOO_LARGE');
  const chunked = await call('echo', streamed(new Blob([large])));
  assert.equal(chunked.status, 413);
  const fits = await call('echo', { method: 'POST', body: Buffer.alloc(200_000) });
  assert.equal(Buffer.from((await echoOf(fits)).body, 'base64').length, 200_000);
});

test('a chunked body is passed on, with a warning that Azure would not', async () => {
  const answer = await call('echo', streamed(new Blob(['in chunks'])));
  assert.equal(Buffer.from((await echoOf(answer)).body, 'base64').toString(), 'in chunks');
  assert.ok(lines.some(({ level, message }) => level === 'warning' && message.includes('without Content-Length')));
});

test('a client that waits to be asked for its body is refused before it sends it', async () => {
  const refused = httpRequest(url('keyed'), {
    method: 'POST',
    headers: { expect: '100-continue', 'content-length': 10 },
  });
  let asked = false;
  refused.on('continue', () => {
    asked = true;
  });
  refused.flushHeaders();
  const [answer] = await once(refused, 'response');
  assert.deepEqual([answer.statusCode, asked], [401, false]);
  refused.destroy();

  const accepted = httpRequest(url('echo'), {
    method: 'POST',
    headers: { expect: '100-continue', 'content-length': 2 },
  });
  accepted.on('continue', () => accepted.end('ok'));
  accepted.flushHeaders();
  const [echoed] = await once(accepted, 'response');
  assert.equal(echoed.statusCode, 200);
  echoed.resume();
});

/** What the server answers to these bytes, until it closes. */
async function raw(bytes: string): Promise<string> {
  const socket = connect(host.port, '127.0.0.1');
  socket.write(bytes);
  let text = '';
  for await (const chunk of socket.setEncoding('utf8')) text += chunk;
  return text;
}

test('requests that are none are 400', async () => {
  for (const line of ['GET /api/%00 HTTP/1.1\r\nHost: x', 'GET /api/echo HTTP/1.1\r\nHost: ]bad[']) {
    assert.match(await raw(`${line}\r\nConnection: close\r\n\r\n`), /^HTTP\/1\.1 400 /);
  }
  assert.match(await raw('GET //api/echo HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n'), /^HTTP\/1\.1 404 /);
  assert.match(
    await raw('GET http://elsewhere/api/echo HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n'),
    /^HTTP\/1\.1 200 /,
  );
});

test('a client that goes away during its upload is not served; one that goes away later changes nothing', async () => {
  const before = lines.length;
  const upload = httpRequest(url('echo'), { method: 'POST', headers: { 'content-length': 1000 } });
  upload.on('error', () => {});
  upload.write('begun');
  await eventually(() => upload.socket && !upload.socket.connecting);
  upload.destroy();
  await eventually(() => lines.slice(before).some(({ message }) => message.includes('client disconnected')));
  assert.ok(!lines.slice(before).some(({ message }) => message.includes("Executing 'echo'")));

  const impatient = new AbortController();
  const gone = call('waits?door=gone', { method: 'POST', signal: impatient.signal });
  await eventually(() => running.get('waits')?.now === 1);
  impatient.abort();
  await assert.rejects(gone);
  door('gone').resolve();
  await eventually(() => running.get('waits')?.now === 0);
  assert.equal((await call('teapot')).status, 418);
});

test('timers run, never two runs of one at a time, and failures do not stop them', async () => {
  const runs = (name: string) => timerCalls.filter(({ functionName }) => functionName === name);
  await eventually(() => runs('every_second').length >= 3 && runs('failing').length >= 3);
  assert.equal(runs('slow').length, 1);
  assert.equal(running.get('slow')?.most, 1);
  assert.equal(runs('at_start').length, 1);
  assert.equal(runs('yearly').length, 0);
  const { timer } = runs('every_second').at(-1) ?? {};
  assert.ok(timer);
  assert.equal(timer.isPastDue, false);
  assert.equal(timer.schedule.adjustForDST, true);
  assert.ok(Date.parse(timer.scheduleStatus.last) <= Date.parse(timer.scheduleStatus.next));
  assert.equal(new Date(timer.scheduleStatus.next).getMilliseconds(), 0);
  const seconds = runs('every_second').map((run) => run.timer.scheduleStatus.next);
  assert.equal(new Set(seconds).size, seconds.length, 'no occurrence twice');
});

test('stop waits for what runs, refuses what is new, tells the app, and leaves nothing open', async () => {
  door('slow timer').resolve();
  const waiting = call('waits?door=last', { method: 'POST' });
  await eventually(() => running.get('waits')?.now === 1);
  const stopped = host.stop({ graceMs: 1500 });
  await assert.rejects(call('teapot'), 'no new connection');
  door('last').resolve();
  const answer = await waiting;
  assert.deepEqual(
    [answer.status, answer.headers.get('connection'), await answer.text()],
    [200, 'close', 'through last'],
  );
  assert.deepEqual(await stopped, { abandoned: 0 });
  assert.equal(hookCalls.at(-1), 'appTerminate');
});

test('a missed occurrence is made up for at the next start, and said to be past due', async () => {
  const recorded = JSON.parse(await readFile(timerStatusFile, 'utf8'));
  assert.ok(recorded.yearly);
  assert.equal(recorded.every_second, undefined);
  const missed = {
    last: '2020-01-01T00:00:00.000Z',
    next: '2021-01-01T00:00:00.000Z',
    lastUpdated: '2020-01-01T00:00:00.000Z',
  };
  await writeFile(timerStatusFile, JSON.stringify({ ...recorded, yearly: missed }));
  host = await start('00:00:01');
  const run = await eventually(() => timerCalls.find(({ functionName }) => functionName === 'yearly'));
  assert.equal(run.timer.isPastDue, true);
  assert.deepEqual(run.timer.scheduleStatus, missed);
  await eventually(async () =>
    JSON.parse(await readFile(timerStatusFile, 'utf8')).yearly.last.startsWith(`${new Date().getFullYear()}`),
  );
});

test('a function that runs over the time limit counts as failed', async () => {
  const answer = await call('never');
  assert.equal(answer.status, 500);
  assert.equal((await errorOf(answer)).error, 'FUNCTION_TIMEOUT');
});

test('stop gives up on what does not end', async () => {
  await host.stop();
  host = await start('-1');
  const stuck = call('never');
  await eventually(() => (running.get('never')?.now ?? 0) >= 2);
  const [outcome, answer] = await Promise.all([host.stop({ graceMs: 100 }), stuck]);
  assert.deepEqual(outcome, { abandoned: 1 });
  assert.equal(answer.status, 503);
  assert.equal((await errorOf(answer)).error, 'HOST_STOPPING');
});
