import assert from 'node:assert/strict';
import { test } from 'node:test';
import { z } from 'zod';
import { defineFanInHandler, defineHandler } from '../../core/handler.ts';
import { defineJob, type JobDefinition } from '../../core/job.ts';

const measure = defineHandler('measure', {
  description: 'for tests',
  input: z.object({ name: z.string() }),
  output: z.object({ length: z.number() }),
  run: async ({ name }) => ({ length: name.length }),
});

const total = defineFanInHandler('total', {
  description: 'for tests',
  input: z.object({}),
  previous: z.object({ length: z.number() }),
  output: z.object({ total: z.number() }),
  run: async (_input, previous) => ({ total: (await previous.all()).length }),
});

const needsWidth = defineFanInHandler('needs_width', {
  description: 'for tests',
  input: z.object({}),
  previous: z.object({ width: z.number() }),
  output: z.object({ total: z.number() }),
  run: async (_input, previous) => ({ total: (await previous.all()).length }),
});

const begun = defineJob('typed', { description: 'for tests', parameters: z.object({ n: z.int() }) }).stage(
  'measure',
  measure,
  ({ params }) => [{ key: 'a', input: { name: `${params.n}` } }],
);

// Each expect-error below is itself a check: when the mistake compiles, the type check fails.
test('mistakes in a job type do not compile', () => {
  // @ts-expect-error a parameter that is not there
  begun.stage('again', measure, ({ params }) => [{ key: 'a', input: { name: params.missing } }]);
  // @ts-expect-error an input of the wrong type
  begun.stage('again', measure, () => [{ key: 'a', input: { name: 7 } }]);
  begun.fanOut('again', measure, async ({ previous }) =>
    // @ts-expect-error a misspelt field of the previous stage's result
    (await previous.all()).map(({ output }) => ({ key: 'a', input: { name: output.lenght } })),
  );
  // @ts-expect-error a stage that was never defined
  begun.finalize(async ({ results }) => ({ value: (await results.nothing.only()).length }));
  // @ts-expect-error a fan-in that expects another output than the stage before gives
  begun.fanIn('total', needsWidth, () => ({}));
  // @ts-expect-error the same of an earlier stage
  begun.fanInOf('measure', 'total', needsWidth, () => ({}));
  // @ts-expect-error a fan-in of a stage that was never defined
  begun.fanInOf('nothing', 'total', total, () => ({}));
  const result = z.object({ length: z.number() });
  begun.finalize(result, async ({ results }) => ({ length: (await results.measure.only()).length }));
  // @ts-expect-error a result without a key that its schema has
  begun.finalize(result, () => ({}));
  // @ts-expect-error a job type without finalize cannot be listed
  const listed: readonly JobDefinition[] = [begun];
  const complete: readonly JobDefinition[] = [begun.fanIn('total', total, () => ({})).finalize(() => ({}))];
  assert.equal(listed.length + complete.length, 2);
});
