import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import type { EventName, LogFields } from '../../core/log.ts';
import { counterNames, histogramNames } from '../../core/ports/telemetry.ts';
import { createLog } from '../../infrastructure/log/log.ts';
import { runIds } from '../../infrastructure/telemetry/span-ids.ts';
import { tracedLog } from '../../infrastructure/telemetry/traced-log.ts';
import { recordQueueAge } from '../../src/queue-age.ts';

test('docs/telemetry.md lists exactly the metrics there are', async () => {
  const page = await readFile(new URL('../../docs/telemetry.md', import.meta.url), 'utf8');
  const listed = [...page.matchAll(/^\| `(coremachine\.[a-z.]+)` \| (counter|histogram)/gm)].map(([, name, kind]) => ({
    name,
    kind,
  }));
  const known = [
    ...counterNames.map((name) => ({ name, kind: 'counter' })),
    ...histogramNames.map((name) => ({ name, kind: 'histogram' })),
  ];
  assert.deepEqual(listed, known);
});

test('a line about a run of a job carries its trace id, also when `with` gave job and run; others carry none', () => {
  const lines: (LogFields & { event: EventName })[] = [];
  const log = tracedLog(createLog({ format: 'json', write: (line) => lines.push(JSON.parse(line)) }));
  const { traceId } = runIds({ jobId: 'a', run: 2 });
  log.info('Job:Created', { jobId: 'a', run: 2 });
  log.with({ jobId: 'a' }).with({ run: 2 }).warn('Task:Retried', { code: 'TIMEOUT' });
  log.error('Http:Failed', { jobId: 'a' });
  log.info('System:Stopped');
  assert.deepEqual(
    lines.map((line) => line.traceId),
    [traceId, traceId, undefined, undefined],
  );
});

test('the age of a message comes from its trigger’s metadata; what is no time is not recorded', () => {
  const ages: number[] = [];
  const telemetry = {
    enabled: true,
    span() {},
    count() {},
    record: (_name: string, age: number) => void ages.push(age),
  };
  const ageOf = (enqueuedTimeUtc: unknown) =>
    recordQueueAge(telemetry, 'jobs', { triggerMetadata: { enqueuedTimeUtc } });
  const tenSecondsAgo = new Date(Date.now() - 10_000);
  ageOf(tenSecondsAgo);
  ageOf(tenSecondsAgo.toISOString());
  for (const nothing of [undefined, null, '', 'soon', {}]) ageOf(nothing);
  recordQueueAge(telemetry, 'jobs');
  assert.equal(ages.length, 2);
  for (const age of ages) assert.ok(age >= 10 && age < 15, String(age));
});
