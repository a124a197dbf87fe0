import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { test } from 'node:test';
import { HostJsonError, validateHostJson } from '../../src/local/functions-host/host-json.ts';
import { parseTimeSpan } from '../../src/local/functions-host/time-span.ts';

const withServiceBus = (serviceBus: object) => ({ version: '2.0', extensions: { serviceBus } });

function problemsOf(hostJson: unknown): readonly string[] {
  try {
    validateHostJson(hostJson);
  } catch (error) {
    assert.ok(error instanceof HostJsonError);
    return error.problems;
  }
  return [];
}

test('the project’s host.json has only keys that are in force, in the flat form of extension 5.x', async () => {
  const { settings, warnings } = validateHostJson(
    JSON.parse(await readFile(new URL('../../host.json', import.meta.url), 'utf8')),
  );
  assert.deepEqual(warnings, []);
  assert.equal(settings.routePrefix, 'api');
  assert.equal(settings.serviceBus.maxConcurrentCalls, 16);
  assert.equal(settings.serviceBus.autoCompleteMessages, true);
  assert.deepEqual(settings.serviceBus.retry, {
    mode: 'exponential',
    tryTimeoutMs: 60_000,
    delayMs: 800,
    maxDelayMs: 60_000,
    maxRetries: 3,
  });
});

test('a function of the project cannot outlive the lock of its message', async () => {
  const { settings } = validateHostJson(
    JSON.parse(await readFile(new URL('../../host.json', import.meta.url), 'utf8')),
  );
  assert.ok(settings.functionTimeoutMs !== null);
  assert.ok(settings.serviceBus.maxAutoLockRenewalMs >= settings.functionTimeoutMs);
});

test('the extension bundle of the project carries Service Bus extension 5.x', async () => {
  const { extensionBundle } = JSON.parse(await readFile(new URL('../../host.json', import.meta.url), 'utf8'));
  assert.deepEqual(extensionBundle, { id: 'Microsoft.Azure.Functions.ExtensionBundle', version: '[4.*, 5.0.0)' });
});

test('what is left out has the defaults of the extension', () => {
  const { settings } = validateHostJson({ version: '2.0' });
  assert.equal(settings.routePrefix, 'api');
  assert.equal(settings.functionTimeoutMs, 1_800_000);
  assert.equal(settings.serviceBus.maxConcurrentCalls, 16 * availableParallelism());
  assert.equal(settings.serviceBus.maxAutoLockRenewalMs, 300_000);
  assert.equal(settings.serviceBus.maxMessageBatchSize, 1000);
});

test('keys are read without regard to case, infinite spans and an empty prefix are understood', () => {
  const { settings } = validateHostJson({
    Version: '2.0',
    functionTimeout: '-1',
    Extensions: {
      HTTP: { routeprefix: '' },
      servicebus: { MaxConcurrentCalls: 3, maxAutoLockRenewalDuration: '-00:00:00.0010000' },
    },
  });
  assert.equal(settings.routePrefix, '');
  assert.equal(settings.functionTimeoutMs, null);
  assert.equal(settings.serviceBus.maxConcurrentCalls, 3);
  assert.equal(settings.serviceBus.maxAutoLockRenewalMs, Number.POSITIVE_INFINITY);
});

test('a key that extension 5.x does not know is an error, one of 4.x a warning', () => {
  assert.deepEqual(problemsOf(withServiceBus({ maxConcurrentCall: 4 })), [
    'extensions.serviceBus.maxConcurrentCall is unknown',
  ]);
  const old = validateHostJson(
    withServiceBus({ messageHandlerOptions: { autoComplete: false, maxConcurrentCalls: 77 } }),
  );
  assert.match(old.warnings.join(), /messageHandlerOptions belongs to extension 4\.x/);
  assert.notEqual(old.settings.serviceBus.maxConcurrentCalls, 77);
});

test('what the local host does not imitate is named', () => {
  const { warnings } = validateHostJson({
    version: '2.0',
    singleton: {},
    nonsense: 1,
    extensions: { queues: {}, http: { maxConcurrentRequests: 5 }, serviceBus: { prefetchCount: 100 } },
  });
  assert.deepEqual(warnings, [
    'singleton has no effect on the local host',
    'nonsense is not a key of host.json; every host ignores it',
    'extensions.queues has no effect on the local host',
    'extensions.http.maxConcurrentRequests has no effect on the local host',
    'extensions.serviceBus.prefetchCount has no effect on the local host',
  ]);
});

test('all problems come at once, each with its path', () => {
  const problems = problemsOf({
    version: '1.0',
    functionTimeout: 'soon',
    extensions: {
      http: { routePrefix: 5, customHeaders: { 'X-A': 1 } },
      serviceBus: {
        maxConcurrentCalls: 0,
        autoCompleteMessages: 'yes',
        maxAutoLockRenewalDuration: '5 minutes',
        clientRetryOptions: { mode: 'linear', delay: '1', retries: 3 },
      },
    },
  });
  assert.deepEqual([...problems].sort(), [
    'extensions.http.customHeaders.X-A must be a text',
    'extensions.http.routePrefix must be a text',
    'extensions.serviceBus.autoCompleteMessages must be true or false',
    'extensions.serviceBus.clientRetryOptions.mode must be "exponential" or "fixed"',
    'extensions.serviceBus.clientRetryOptions.retries is unknown',
    'extensions.serviceBus.maxAutoLockRenewalDuration must be a time span hh:mm:ss',
    'extensions.serviceBus.maxConcurrentCalls must be a whole number, 1 or more',
    'functionTimeout must be a time span hh:mm:ss or "-1"',
    'version must be "2.0"',
  ]);
  assert.deepEqual(problemsOf([]), ['host.json must be an object', 'version must be "2.0"']);
});

test('time spans are .NET’s', () => {
  const minute = 60_000;
  const day = 1440 * minute;
  for (const [text, ms] of [
    ['00:05:00', 5 * minute],
    ['00:00:00.80', 800],
    ['-00:00:00.0010000', -1],
    ['1.00:00:00', day],
    ['2.03:04:05', 2 * day + 184 * minute + 5000],
    ['24:00:00', 24 * day],
    ['7', 7 * day],
    ['12:30', 750 * minute],
    ['00:60:00', null],
    ['1:2:3:4', null],
    ['5 minutes', null],
    ['', null],
  ] as const) {
    assert.equal(parseTimeSpan(text), ms, text);
  }
});
