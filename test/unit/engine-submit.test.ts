import assert from 'node:assert/strict';
import { test } from 'node:test';
import { z } from 'zod';
import { CoreMachineError, type ErrorDetail } from '../../core/errors.ts';
import { defineJob, type JobDefinition } from '../../core/job.ts';
import { JobRegistry } from '../../core/registry.ts';
import { bench, numberHandler, sumJob } from './engine-tools.ts';

const double = numberHandler('double', (value) => value * 2);

const placed = defineJob('placed', {
  description: 'for tests',
  aliases: ['put'],
  parameters: z.object({
    container_name: z.string(),
    blob_name: z.string(),
    table_name: z.string().optional(),
    size: z.int().min(1).default(1),
  }),
})
  .stage('work', double, () => [{ key: 'a', input: { value: 1 } }])
  .finalize(() => ({}));

async function problemsOf(work: Promise<unknown>): Promise<{ code: string; details: readonly ErrorDetail[] }> {
  const error = await work.then(
    () => null,
    (thrown: unknown) => thrown,
  );
  assert.ok(error instanceof CoreMachineError);
  return { code: error.code, details: error.details ?? [] };
}

test('the id depends on the parameters, not on their order, nor on defaults being written out', async () => {
  const b = bench([sumJob(double)]);
  const first = await b.submit('sum_job', { n: 3 });
  assert.match(first, /^[0-9a-f]{64}$/);
  assert.equal(await b.submit('sum_job', {}), first);
  assert.equal(await b.submit('sum_job', { label: 'not part of the id' }), first);
  assert.notEqual(await b.submit('sum_job', { n: 4 }), first);
});

test('an alias submits the real job', async () => {
  const b = bench([placed]);
  const parameters = { container_name: 'bronze', blob_name: 'a.tif' };
  const id = await b.submit('put', parameters);
  assert.equal((await b.store.getJob(id))?.jobType, 'placed');
  assert.equal(await b.submit('placed', parameters), id);
});

test('all problems come in one answer, with their paths', async () => {
  const b = bench([placed]);
  const { code, details } = await problemsOf(
    b.submit('placed', { container_name: 7, size: 0, colour: 'red', speed: 1, dataset_id: ' ' }),
  );
  assert.equal(code, 'INVALID_PARAMETERS');
  assert.deepEqual(details.map(({ path }) => path).sort(), [
    'blob_name',
    'colour',
    'container_name',
    'dataset_id',
    'dataset_id',
    'size',
    'speed',
  ]);
  assert.equal(details.filter((detail) => detail.code === 'unknown_parameter').length, 2);
  assert.equal(details.find(({ path }) => path === 'blob_name')?.message, 'is required');
});

test('older clients: the three ids stand for missing places, are kept, and are part of the id', async () => {
  const b = bench([placed]);
  const id = await b.submit('placed', { dataset_id: 'bronze', resource_id: 'a.tif', version_id: 'v1' });
  const job = await b.store.getJob(id);
  assert.deepEqual(job?.parameters, { container_name: 'bronze', blob_name: 'a.tif', size: 1 });
  assert.deepEqual(job?.metadata, { dataset_id: 'bronze', resource_id: 'a.tif', version_id: 'v1' });
  const other = await b.submit('placed', { dataset_id: 'bronze', resource_id: 'a.tif', version_id: 'v2' });
  assert.notEqual(other, id);
  const { details } = await problemsOf(b.submit('placed', { dataset_id: 'x', container_name: 'y', blob_name: 'a' }));
  assert.deepEqual(
    details.map((detail) => detail.code),
    ['conflict'],
  );
});

test('target_table stands for table_name where a job has one, and is unknown where it has none', async () => {
  const b = bench([placed, sumJob(double)]);
  const id = await b.submit('placed', { container_name: 'c', blob_name: 'b', target_table: 't' });
  assert.equal((await b.store.getJob(id))?.parameters.table_name, 't');
  const { details } = await problemsOf(b.submit('sum_job', { target_table: 't' }));
  assert.deepEqual(
    details.map(({ path }) => path),
    ['target_table'],
  );
});

test('hostile bodies: no object, U+0000, half of a surrogate pair, more than 1 MiB, an unknown type', async () => {
  const b = bench([placed]);
  for (const body of [[], 'text', 7, null]) assert.equal((await problemsOf(b.submit('placed', body))).code, 'BAD_JSON');
  const nul = await problemsOf(b.submit('placed', { container_name: 'a\0b', blob_name: 'x' }));
  assert.deepEqual(
    nul.details.map((detail) => detail.code),
    ['nul_character'],
  );
  const half = await problemsOf(b.submit('placed', { container_name: 'a\ud800b', blob_name: 'x' }));
  assert.deepEqual(
    half.details.map((detail) => detail.code),
    ['lone_surrogate'],
  );
  const large = { container_name: 'a', blob_name: 'x'.repeat(5_000_000) };
  assert.equal((await problemsOf(b.submit('placed', large))).code, 'PARAMETERS_TOO_LARGE');
  const unknown = await problemsOf(b.submit('no_such_job', {}));
  assert.equal(unknown.code, 'UNKNOWN_JOB_TYPE');
  assert.deepEqual(
    unknown.details.map(({ message }) => message),
    ['placed'],
  );
});

test('resources are checked before anything is stored or queued', async () => {
  const checked = defineJob('checked', {
    description: 'for tests',
    parameters: z.object({}),
    async checkResources() {
      throw new CoreMachineError('FILE_NOT_FOUND', 'no such blob');
    },
  })
    .stage('work', double, () => [{ key: 'a', input: { value: 1 } }])
    .finalize(() => ({}));
  const b = bench([checked]);
  assert.equal((await problemsOf(b.submit('checked'))).code, 'FILE_NOT_FOUND');
  assert.equal(b.queue.length, 0);
  assert.deepEqual(await b.store.listJobs({ limit: 10 }), []);
});

test('fifty submissions at once make one job and one message', async () => {
  const b = bench([sumJob(double)]);
  const answers = await Promise.all(
    Array.from({ length: 50 }, () =>
      b.machine.submit({ jobType: 'sum_job', body: {}, force: false, correlationId: 'c' }),
    ),
  );
  assert.equal(answers.filter(({ created }) => created).length, 1);
  assert.equal(new Set(answers.map(({ job }) => job.jobId)).size, 1);
  assert.equal(b.queue.length, 1);
});

test('submitting again: active is the same job, completed gives the result, failed starts the next run', async () => {
  let broken = true;
  const moody = numberHandler('moody', (value) => {
    if (broken) throw new CoreMachineError('CRS_MISSING', 'no CRS');
    return value;
  });
  const b = bench([sumJob(moody)]);
  const request = { jobType: 'sum_job', body: {}, force: false, correlationId: 'c' };
  await b.machine.submit(request);
  assert.equal((await b.machine.submit(request)).created, false);
  await b.drainAll();
  broken = false;
  const second = await b.machine.submit(request);
  assert.deepEqual([second.created, second.job.run, second.job.status], [true, 2, 'queued']);
  await b.drainAll();
  const third = await b.machine.submit(request);
  assert.deepEqual([third.created, third.job.status, third.job.run], [false, 'completed', 2]);
  assert.equal(third.job.result?.sum, 3);
  const stagesOfRun1 = await b.store.getStages(third.job.jobId, 1);
  assert.equal(stagesOfRun1[0]?.counts.failed, 1, 'the first run is kept apart');
});

test('force runs a completed job again, and is refused while one is active', async () => {
  const b = bench([sumJob(double)]);
  await b.submit('sum_job');
  assert.equal((await problemsOf(b.submit('sum_job', {}, true))).code, 'JOB_ACTIVE');
  await b.drainAll();
  const id = await b.submit('sum_job', {}, true);
  assert.equal((await b.store.getJob(id))?.run, 2);
});

test('a job is safe when its message cannot be sent: the reconciler sends it', async () => {
  const b = bench([sumJob(double)]);
  const { sendJobMessages } = b.queue;
  b.queue.sendJobMessages = async () => {
    throw new CoreMachineError('QUEUE_UNAVAILABLE', 'the queue is away');
  };
  const answer = await b.machine.submit({ jobType: 'sum_job', body: {}, force: false, correlationId: 'c' });
  assert.deepEqual([answer.created, answer.queued], [true, false]);
  b.queue.sendJobMessages = sendJobMessages;
  b.clock.advance(16_000);
  assert.equal((await b.machine.upkeep('republish')).fixed, 1);
  await b.drainAll();
  assert.equal((await b.store.getJob(answer.job.jobId))?.status, 'completed');
});

test('the registry refuses broken definitions and names their files', () => {
  const builder = defineJob('half_done', { description: 'for tests', parameters: z.object({}) }).stage(
    'work',
    double,
    () => [],
  );
  const unfinished = builder as unknown as JobDefinition;
  assert.throws(() => new JobRegistry([unfinished]), /jobs\/half-done\.ts: it has no finalize/);
  assert.throws(() => new JobRegistry([placed, placed]), /jobs\/placed\.ts: the name placed is taken/);
  const empty = defineJob('empty_job', { description: 'for tests', parameters: z.object({}) }).finalize(() => ({}));
  assert.throws(() => new JobRegistry([empty]), /jobs\/empty-job\.ts: it has no stage/);
});
