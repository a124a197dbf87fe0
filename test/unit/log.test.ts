import assert from 'node:assert/strict';
import { test } from 'node:test';
import { eventNames } from '../../core/log.ts';
import { createLog, type LogFormat } from '../../infrastructure/log/log.ts';
import { sourceFiles } from '../tools/source-files.ts';

const noon = new Date('2024-05-06T12:00:00.123Z');

function capture(format: LogFormat) {
  const lines: string[] = [];
  const log = createLog({ format, write: (line) => lines.push(line), now: () => noon });
  return { log, lines };
}

test('json: one object a line, time in UTC first, undefined left out', () => {
  const { log, lines } = capture('json');
  log.info('Task:Completed', { jobId: 'a', attempt: 2, cached: false, parent: null, gone: undefined });
  assert.deepEqual(lines, [
    '{"time":"2024-05-06T12:00:00.123Z","level":"info","event":"Task:Completed","jobId":"a","attempt":2,"cached":false,"parent":null}',
  ]);
});

test('json: fields cannot replace the head of the line', () => {
  const { log, lines } = capture('json');
  log.error('Job:Failed', { level: 'info', event: 'x', time: 'never', code: 'TIMEOUT', message: 'too\nlong' });
  assert.deepEqual(JSON.parse(lines[0] ?? ''), {
    time: noon.toISOString(),
    level: 'error',
    event: 'Job:Failed',
    code: 'TIMEOUT',
    message: 'too\nlong',
  });
});

test('json: fields may be named like what every object has', () => {
  const { log, lines } = capture('json');
  log.info('System:Stopped', { constructor: 'c', toString: 't', z: 0 });
  const { time, level, event, ...fields } = JSON.parse(lines[0] ?? '') as Record<string, unknown>;
  assert.deepEqual(Object.entries(fields), [
    ['constructor', 'c'],
    ['toString', 't'],
    ['z', 0],
  ]);
});

test('with: fields of all lines, nested, the nearest wins; the parent stays as it was', () => {
  const { log, lines } = capture('json');
  const task = log.with({ jobId: 'a', attempt: 1 }).with({ attempt: 2 });
  task.warn('Task:Retried', { code: 'GDAL_FAILED' });
  log.info('System:Stopped');
  const [retried, stopped] = lines.map((line) => JSON.parse(line));
  assert.deepEqual([retried.jobId, retried.attempt, retried.code], ['a', 2, 'GDAL_FAILED']);
  assert.equal('jobId' in stopped, false);
});

test('text: readable, one line whatever the value holds', () => {
  const { log, lines } = capture('text');
  log.warn('Task:Failed', { file: 'späß/ø.tif', message: 'no "such" file\nINFO forged=1', empty: '', n: 3 });
  log.info('System:Warning', { message: 'a\u2028b\u001b[31mred', 'a b': 'x=y' });
  assert.deepEqual(lines, [
    '2024-05-06T12:00:00.123Z WARN  Task:Failed file=späß/ø.tif message="no \\"such\\" file\\nINFO forged=1" empty="" n=3',
    '2024-05-06T12:00:00.123Z INFO  System:Warning message="a\\u2028b\\u001b[31mred" "a b"="x=y"',
  ]);
  for (const line of lines) assert.equal(line.split(/[\r\n\u2028\u2029]/).length, 1);
});

test('credentials are hidden, also in fields given by with', () => {
  const secrets = [
    'AccountName=a;AccountKey=SECRETkey+/==;EndpointSuffix=core.windows.net',
    'Endpoint=sb://n/;SharedAccessKeyName=k;SharedAccessKey=SECRETkey=',
    'BlobEndpoint=https://a.blob.core.windows.net;SharedAccessSignature=sv=2024-01-01&sig=SECRETsig%3D',
    'https://a.blob.core.windows.net/c/b.tif?sv=2024&sp=r&sig=SECRETsig%3D&se=2024',
    'sv=2024-08-04&sr=c&sig=SECRETsig%3D',
    'http://127.0.0.1:7071/api/health?code=SECRETcode',
    'connect postgresql://user:SECRETword@db.example.org/geo failed',
    'host=db password=SECRETword user=u',
    'authorization: Bearer SECRET.to-ken.part',
  ];
  for (const format of ['json', 'text'] as const) {
    const { log, lines } = capture(format);
    for (const message of secrets) log.with({ context: message }).error('Http:Failed', { message });
    assert.equal(lines.length, secrets.length);
    for (const line of lines) assert.doesNotMatch(line, /SECRET/);
    assert.match(lines[0] ?? '', /AccountName=a;AccountKey=\*\*\*;EndpointSuffix=core\.windows\.net/);
    assert.match(lines[3] ?? '', /b\.tif\?sv=2024&sp=r&sig=\*\*\*&se=2024/);
    assert.match(lines[6] ?? '', /postgresql:\/\/user:\*\*\*@db\.example\.org\/geo/);
  }
});

test('every event of the closed list is told by something', () => {
  const sources = sourceFiles(['core', 'infrastructure', 'handlers', 'jobs', 'src']);
  const others = sources.filter(({ path }) => path !== 'core/log.ts');
  assert.ok(others.length < sources.length);
  const untold = eventNames.filter((name) => !others.some(({ text }) => text.includes(`'${name}'`)));
  assert.deepEqual(untold, []);
});
