import assert from 'node:assert/strict';
import { test } from 'node:test';
import { z } from 'zod';
import { CoreMachineError } from '../../core/errors.ts';
import { defineHandler, type TaskContext } from '../../core/handler.ts';
import { defineJob, type JobDefinition } from '../../core/job.ts';
import { temporaryBlobs } from '../../core/temporary-blobs.ts';
import { memoryEngine } from '../../core/testing/run-job.ts';
import { MemoryBlobStore } from '../../infrastructure/blob/memory-blob-store.ts';
import { bench } from './engine-tools.ts';

const scratch = temporaryBlobs({ container: 'scratch', prefix: 'work/' });
const plain = { contentType: 'text/plain' };

async function withScratch(run: (context: TaskContext, write: () => Promise<void>) => Promise<void>) {
  const blobs = new MemoryBlobStore();
  await blobs.upload({ container: 'scratch', name: 'work/read-me.txt' }, new Uint8Array([1]), plain);
  const writer = defineHandler('writer', {
    description: 'for tests',
    input: z.object({}),
    output: z.object({}),
    limits: { attempts: 1 },
    async run(_, context) {
      const name = `${scratch.folder({ jobId: context.job.id, run: context.job.run })}part.bin`;
      const write = () => blobs.upload({ container: 'scratch', name }, new Uint8Array([2]), plain).then(() => {});
      await run(context, write);
      return {};
    },
  });
  const job: JobDefinition = defineJob('scratch_job', {
    description: 'for tests',
    parameters: z.object({}),
    temporary: scratch,
  })
    .stage('write', writer, () => [{ key: 'one', input: {} }])
    .finalize(() => ({}));
  const b = bench([job], { services: memoryEngine([job], { services: { blobs } }).services });
  const names = async () => (await Array.fromAsync(blobs.list('scratch'))).map(({ name }) => name);
  return { ...b, blobs, names };
}

const untouched = ['work/read-me.txt'];

test('what a completed job wrote is gone, and what is not of a run stays', async () => {
  const b = await withScratch((_, write) => write());
  const jobId = await b.submit('scratch_job');
  await b.drainAll();
  assert.equal((await b.store.getJob(jobId))?.status, 'completed');
  assert.deepEqual(await b.names(), untouched);
});

test('what a failed job wrote is gone', async () => {
  const b = await withScratch(async (_, write) => {
    await write();
    throw new CoreMachineError('RASTER_UNSUPPORTED', 'no');
  });
  const jobId = await b.submit('scratch_job');
  await b.drainAll();
  assert.equal((await b.store.getJob(jobId))?.status, 'failed');
  assert.deepEqual(await b.names(), untouched);
});

test('what a task writes after its job was cancelled is gone as soon as it ends, by itself', async () => {
  const b = await withScratch(async ({ job }, write) => {
    await b.machine.cancel(job.id);
    await write();
  });
  const jobId = await b.submit('scratch_job');
  await b.drainAll();
  assert.equal((await b.store.getJob(jobId))?.status, 'cancelled');
  assert.deepEqual(await b.names(), untouched);
});

test('a task that outlives its run leaves the parts of the next run alone', async () => {
  const seen: string[] = [];
  const b = await withScratch(async ({ job }, write) => {
    if (job.run > 1) return void seen.push(...(await b.names()));
    await b.machine.cancel(job.id);
    await b.machine.retry(job.id, { fromStart: true, correlationId: 'test' });
    const next = `${scratch.folder({ jobId: job.id, run: 2 })}part.bin`;
    await b.blobs.upload({ container: 'scratch', name: next }, new Uint8Array([3]), plain);
    await write();
  });
  const jobId = await b.submit('scratch_job');
  await b.drainAll();
  assert.deepEqual(seen, [`work/${jobId}/2/part.bin`, ...untouched]);
  assert.equal((await b.store.getJob(jobId))?.status, 'completed');
  assert.deepEqual(await b.names(), untouched);
});

test('upkeep removes what runs left that are over, or whose job nobody knows, and nothing of a run in hand', async () => {
  const b = await withScratch((_, write) => write());
  const jobId = await b.submit('scratch_job');
  const of = (run: { jobId: string; run: number }) => ({
    container: 'scratch',
    name: `${scratch.folder(run)}part.bin`,
  });
  const inHand = of({ jobId, run: 1 });
  const unknown = of({ jobId: 'f'.repeat(64), run: 1 });
  for (const ref of [inHand, unknown]) await b.blobs.upload(ref, new Uint8Array([4]), plain);
  const report = await b.machine.upkeep('stages');
  assert.deepEqual(report.actions, [`removed what run 1 of job ${'f'.repeat(64)} left`]);
  assert.deepEqual(await b.names(), [inHand.name, ...untouched].sort());
  await b.machine.cancel(jobId);
  await b.blobs.upload(inHand, new Uint8Array([4]), plain);
  await b.machine.upkeep('stages');
  assert.deepEqual(await b.names(), untouched);
});

test('parts that cannot be removed keep nothing from ending', async () => {
  const b = await withScratch((_, write) => write());
  b.blobs.list = () => {
    throw new CoreMachineError('STORAGE_UNAVAILABLE', 'away');
  };
  const jobId = await b.submit('scratch_job');
  await b.drainAll();
  assert.equal((await b.store.getJob(jobId))?.status, 'completed');
  assert.ok(b.events.some(({ event, fields }) => event === 'System:Warning' && fields.code === 'STORAGE_UNAVAILABLE'));
});
