import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { sortFunctions, UnsupportedFunctionError } from '../../src/local/functions-host/functions.ts';
import { registeredFunctions } from '../../src/local/functions-host/functions-core.ts';
import { importModules, startFunctionsHost } from '../../src/local/functions-host/host.ts';
import { FunctionsLoadError } from '../../src/local/functions-host/load-functions.ts';
import type { RpcBinding } from '../../src/local/functions-host/rpc-types.ts';
import { readSetting, resolveExpressions, SettingsError } from '../../src/local/functions-host/settings.ts';

const folder = await mkdtemp(join(tmpdir(), 'functions-'));
after(() => rm(folder, { recursive: true }));

const start = (load: () => Promise<unknown>, settings = {}) =>
  startFunctionsHost({ hostJson: { version: '2.0' }, settings, load, port: 0, keys: null, log: () => {} });

async function moduleOf(name: string, text: string): Promise<string> {
  const file = join(folder, name);
  await writeFile(file, text);
  return file;
}

test('an app without functions is told so', async () => {
  await assert.rejects(
    start(async () => {}),
    { name: 'FunctionsLoadError', message: /No function was registered/ },
  );
});

test('a module that cannot be loaded is named with its place', async () => {
  const cases = [
    ['throws.mjs', "const a = 1;\nthrow new Error('not today');", /throws\.mjs:2:7\): not today/],
    ['syntax.mjs', 'const a = ;', /syntax\.mjs\): Unexpected token/],
    ['missing.mjs', "import './nowhere.mjs';", /nowhere\.mjs.*imported from .*missing\.mjs/],
  ] as const;
  for (const [name, text, message] of cases) {
    const file = await moduleOf(name, text);
    await assert.rejects(
      start(() => importModules([pathToFileURL(file)])),
      (error) => {
        assert.ok(error instanceof FunctionsLoadError);
        assert.match(error.message, message);
        assert.ok(error.cause instanceof Error);
        return true;
      },
    );
  }
});

test('an error inside a plain load is named by its place as well', async () => {
  const file = await moduleOf('late.mjs', "export const fail = () => { throw new TypeError('late'); };");
  const { fail } = await import(pathToFileURL(file).href);
  await assert.rejects(
    start(async () => fail()),
    /late\.mjs:1:\d+\): late/,
  );
});

test('two functions of one name, and a setting that is missing, stop the start with the function’s name', async () => {
  const load = async () => {
    const { app } = await import('@azure/functions');
    app.serviceBusQueue('worker', { connection: 'BUS', queueName: '%WORK_QUEUE%', handler: () => {} });
  };
  await assert.rejects(start(load), {
    name: 'SettingsError',
    message: "Function worker: '%WORK_QUEUE%' does not resolve to a value: the setting WORK_QUEUE is missing",
  });
  assert.deepEqual(
    registeredFunctions().map(({ metadata }) => metadata.name),
    ['worker'],
  );
  await assert.rejects(
    start(async () => {}, { WORK_QUEUE: 'q' }),
    /Function worker: The setting BUS \(a connection string\) or BUS__fullyQualifiedNamespace is missing/,
  );
  await assert.rejects(start(load), /Two functions are named "worker"/);
});

test('what this host cannot run is refused, not ignored', () => {
  const sort = (...bindings: RpcBinding[]) =>
    sortFunctions([
      {
        metadata: { name: 'f', bindings: Object.fromEntries(bindings.map((binding, index) => [`b${index}`, binding])) },
        callback: () => {},
      },
    ]);
  const http: RpcBinding = { type: 'httpTrigger', direction: 'in' };
  const refused: [RpcBinding[], RegExp][] = [
    [[{ type: 'blobTrigger', direction: 'in' }], /uses the trigger blobTrigger/],
    [[{ type: 'serviceBusTrigger', direction: 'in', topicName: 't' }], /uses a topic/],
    [
      [{ type: 'serviceBusTrigger', direction: 'in', queueName: 'q', isSessionsEnabled: true }],
      /a queue with sessions/,
    ],
    [[http, { type: 'queue', direction: 'out' }], /uses the binding queue/],
    [[http, { type: 'blob', direction: 'in' }], /uses the binding blob/],
    [[{ ...http, authLevel: 'user' }], /uses the authLevel user/],
    [[], /a function without a trigger/],
  ];
  for (const [bindings, message] of refused) {
    assert.throws(() => sort(...bindings), UnsupportedFunctionError);
    assert.throws(() => sort(...bindings), message);
  }
  const [route] = sort(http, { type: 'http', direction: 'out' }).http;
  assert.deepEqual([route?.route, route?.methods, route?.authLevel], ['f', ['GET', 'POST'], 'anonymous']);
});

test('settings are read without regard to case, and empty ones are missing', () => {
  const settings = { Work_Queue: 'q', Bus__fullyQualifiedNamespace: 'n', EMPTY: '' };
  assert.equal(readSetting(settings, 'WORK_QUEUE'), 'q');
  assert.equal(readSetting(settings, 'BUS:fullyqualifiednamespace'), 'n');
  assert.equal(readSetting(settings, 'EMPTY'), undefined);
  assert.equal(resolveExpressions('a-%work_queue%-b', settings), 'a-q-b');
  assert.equal(resolveExpressions('100 %', settings), '100 %');
  assert.throws(() => resolveExpressions('%EMPTY%', settings), SettingsError);
});
