import assert from 'node:assert/strict';
import { test } from 'node:test';
import { z } from 'zod';
import { defineJob } from '../../core/job.ts';
import { jsonBytes } from '../../core/json.ts';
import { limits, retryDelayMs, retryDelaysMs } from '../../core/limits.ts';
import { bench, numberHandler } from './engine-tools.ts';

const told = defineJob('told', { description: 'for tests', parameters: z.object({ text: z.string() }) })
  .stage(
    'work',
    numberHandler('double', (value) => value * 2),
    () => [{ key: 'one', input: { value: 1 } }],
  )
  .finalize(() => ({}));

test('parameters of exactly 1 MiB as JSON are accepted, of one byte more refused, whatever their characters take', async () => {
  const b = bench([told]);
  const room = limits.parametersBytes - jsonBytes({ text: '' });
  assert.equal(limits.parametersBytes, 1_048_576);
  for (const [character, bytes] of [
    ['a', 1],
    ['é', 2],
    ['🌍', 4],
  ] as const) {
    const text = character.repeat(Math.floor(room / bytes)) + 'a'.repeat(room % bytes);
    assert.equal(jsonBytes({ text }), limits.parametersBytes);
    const jobId = await b.submit('told', { text });
    assert.equal((await b.store.getJob(jobId))?.parameters.text, text);
    await assert.rejects(b.submit('told', { text: `${text}a` }), { code: 'PARAMETERS_TOO_LARGE' });
  }
  assert.equal((await b.store.listJobs({ limit: 10 })).length, 3);
});

test('a retry waits 5 s, twice as long each time, and never longer than 300 s', () => {
  const seconds = [1, 2, 3, 4, 5, 6, 7, 8, 20, 1000, 5000].map((failed) => retryDelayMs(failed) / 1000);
  assert.deepEqual(seconds, [5, 10, 20, 40, 80, 160, 300, 300, 300, 300, 300]);
  assert.deepEqual(retryDelaysMs, [5000, 10_000, 20_000]);
});
