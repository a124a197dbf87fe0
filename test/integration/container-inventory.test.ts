import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import type { JsonObject } from '../../core/json.ts';
import { runJob } from '../../core/testing/run-job.ts';
import { openBlobStore } from '../../infrastructure/blob/azure-blob-store.ts';
import { listContainerContents } from '../../jobs/list-container-contents.ts';
import { listContainerContentsDiamond } from '../../jobs/list-container-contents-diamond.ts';
import { summarizeContainer } from '../../jobs/summarize-container.ts';
import { testStorage, uniqueContainerName } from '../tools/azurite.ts';

const container = uniqueContainerName('inventory');
const blobs = openBlobStore({ connection: await testStorage() });
const kinds = ['.tif', '.GPKG', ''];
/** Blob i has i bytes; names of all kinds, the last ones as long as they may be. */
const names = Array.from({ length: 300 }, (_, index) => {
  const name = `folder ${index % 7}/ü%2F地図 #${index}${kinds[index % 3]}`;
  return index < 295 ? name : `${index}-`.padEnd(1024, 'x');
});
const bytes = (299 * 300) / 2;

before(async () => {
  await blobs.ensureContainer(container);
  for (let start = 0; start < names.length; start += 20) {
    const some = names.slice(start, start + 20);
    await Promise.all(
      some.map((name, index) => {
        const options = { contentType: 'image/tiff', metadata: { number: `${start + index}` } };
        return blobs.upload({ container, name }, new Uint8Array(start + index), options);
      }),
    );
  }
});

async function run(definition: typeof listContainerContents, parameters: JsonObject = {}) {
  const { job, store } = await runJob(
    definition,
    { container_name: container, ...parameters },
    { services: { blobs } },
  );
  assert.equal(job.status, 'completed', JSON.stringify(job.error));
  const analysed = await store.resultPage({ jobId: job.jobId, run: 1, stage: 2 }, -1, 1000);
  return {
    result: job.result as Record<string, JsonObject>,
    analysed: analysed.map(({ output }) => output as JsonObject),
  };
}

test('every blob is found, whatever its name', async () => {
  const { result, analysed } = await run(listContainerContents);
  assert.deepEqual(analysed.map(({ blob_name }) => blob_name).sort(), names.toSorted());
  const summary = result.summary as JsonObject;
  assert.deepEqual(
    [summary.total_blobs_found, summary.successful_analyses, summary.total_size_bytes],
    [300, 300, bytes],
  );
  assert.deepEqual(summary.file_types, { no_extension: 103, '.gpkg': 98, '.tif': 99 });
  const one = analysed.find(({ blob_name }) => blob_name === names[31]);
  assert.deepEqual([one?.size_bytes, one?.content_type, one?.metadata], [31, 'image/tiff', { number: '31' }]);
});

test('the three inventories agree', async () => {
  const filter = { prefix: 'folder 3/', extensions: ['gpkg', 'tif'] };
  const { result: listed } = await run(listContainerContents, { filter });
  const { result: diamond } = await run(listContainerContentsDiamond, { filter });
  const { result: summarised } = await run(summarizeContainer, { filter });
  const found = names.filter((name) => name.startsWith('folder 3/') && /(tif|GPKG)$/.test(name)).length;
  assert.deepEqual(
    [listed.summary?.total_blobs_found, diamond.summary?.total_files, summarised.summary?.total_files],
    [found, found, found],
  );
  assert.equal(listed.summary?.total_size_bytes, diamond.summary?.total_size_bytes);
  assert.equal(listed.summary?.total_size_bytes, summarised.summary?.total_size_bytes);
  assert.deepEqual(listed.summary?.largest_file, summarised.summary?.largest_file);
});

test('file_limit', async () => {
  const { result } = await run(summarizeContainer, { file_limit: 299 });
  assert.deepEqual([result.summary?.total_files, result.execution_info?.hit_file_limit], [299, true]);
  assert.equal((await run(listContainerContents, { file_limit: 5 })).analysed.length, 5);
});
