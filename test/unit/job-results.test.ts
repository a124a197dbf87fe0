import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { z } from 'zod';
import { defineHandler } from '../../core/handler.ts';
import { defineJob } from '../../core/job.ts';
import { runJob } from '../../core/testing/run-job.ts';
import { helloWorld } from '../../jobs/hello-world.ts';
import { helloWorldSequential } from '../../jobs/hello-world-sequential.ts';
import { jobTypes } from '../../jobs/index.ts';
import { resultLines } from '../../src/cli/docs/results.ts';
import { projectRoot } from '../../src/cli/setup/paths.ts';

const nothing = defineHandler('nothing', {
  description: 'for tests',
  input: z.object({}),
  output: z.object({}),
  run: async () => ({}),
});
const begun = defineJob('told', { description: 'for tests', parameters: z.object({}) }).stage('only', nothing, () => [
  { key: 'a', input: {} },
]);
const inner = z.object({ b: z.string() });

test('docs/jobs.md says of every job type what it returns', () => {
  const page = readFileSync(join(projectRoot, 'docs/jobs.md'), 'utf8');
  for (const definition of jobTypes) {
    const [, section = ''] = page.split(`\n## ${definition.name}\n`);
    const [line = 'no result'] = resultLines(definition);
    assert.ok(section.split('\n## ')[0]?.includes(`\n${line}\n`), definition.name);
  }
});

test('a result is written as its keys, with what may be missing, null or of any name', () => {
  const result = z.object({
    plain: z.string().nullable(),
    missing: z.int().optional(),
    one: inner.nullable(),
    several: z.array(inner),
    numbers: z.array(z.number()),
    named: z.record(z.string(), inner),
    counts: z.record(z.string(), z.int()),
  });
  const lines = resultLines(begun.finalize(result, () => assert.fail()));
  const keys = ['plain', 'missing?', 'one {b} | null', 'several [{b}]', 'numbers []', 'named {*: {b}}', 'counts {*}'];
  assert.deepEqual(lines, [`Result: ${keys.map((key) => `\`${key}\``).join(', ')}.`, '']);
  const either = z.union([z.object({ a: z.int() }), inner]);
  assert.equal(resultLines(begun.finalize(either, () => assert.fail()))[0], 'Result: `a`; or `b`.');
  assert.deepEqual(resultLines(begun.finalize(() => ({}))), []);
});

test('runJob refuses a result that is not as documented', async () => {
  const result = z.object({ a: z.int(), inner });
  const right = { a: 1, inner: { b: 'x' } };
  const { job } = await runJob(
    begun.finalize(result, () => right),
    {},
  );
  assert.deepEqual([job.result?.a, job.result?.inner], [1, { b: 'x' }]);
  const more = { ...right, inner: { b: 'x', c: 2 } };
  for (const wrong of [more, { ...right, a: 'one' } as unknown as typeof right]) {
    const job = begun.finalize(result, () => wrong);
    await assert.rejects(runJob(job, {}), { code: 'RESULT_INVALID' });
  }
});

// Those of the other job types run through runJob in the tests of their work.
test('the results of the hello jobs are as documented', async () => {
  for (const definition of [helloWorld, helloWorldSequential]) {
    assert.equal((await runJob(definition, { n: 2 })).job.status, 'completed');
  }
});
