import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { JsonObject } from '../../core/json.ts';
import type { BlobProperties, BlobRef, BlobStore } from '../../core/ports/blob-store.ts';
import { runJob } from '../../core/testing/run-job.ts';
import { blobFilter, extensionOf, filterOf } from '../../handlers/containers/filter.ts';
import { successRate } from '../../handlers/containers/sizes.ts';
import { FileTally } from '../../handlers/containers/tally.ts';
import { MemoryBlobStore } from '../../infrastructure/blob/memory-blob-store.ts';
import { listContainerContents } from '../../jobs/list-container-contents.ts';
import { listContainerContentsDiamond } from '../../jobs/list-container-contents-diamond.ts';
import { summarizeContainer } from '../../jobs/summarize-container.ts';

const container = 'bronze';
const half = 512 * 1024;
const names = ['README', 'a/one.TIF', 'a/two.tif', 'b/карта 地図.gpkg', 'b/v1.2/data', 'z.csv'];

/** `names[i]` has i half megabytes. */
async function store(): Promise<MemoryBlobStore> {
  const blobs = new MemoryBlobStore();
  await blobs.ensureContainer(container);
  for (const [index, name] of names.entries()) {
    const options = { contentType: 'application/x-test', metadata: { place: `${index}` } };
    await blobs.upload({ container, name }, new Uint8Array(index * half), options);
  }
  return blobs;
}

async function run(definition: typeof listContainerContents, parameters: JsonObject, blobs?: BlobStore) {
  const services = { blobs: blobs ?? (await store()) };
  return runJob(definition, { container_name: container, ...parameters }, { services });
}

async function summaryOf(definition: typeof listContainerContents, parameters: JsonObject, blobs?: BlobStore) {
  const { job } = await run(definition, parameters, blobs);
  assert.equal(job.status, 'completed', JSON.stringify(job.error));
  return job.result?.summary as JsonObject;
}

describe('list_container_contents', () => {
  test('looks at every blob and says what it found', async () => {
    const { job, store: state } = await run(listContainerContents, {});
    assert.deepEqual(job.result, {
      job_type: 'list_container_contents',
      container_name: container,
      file_limit: null,
      filter: {},
      summary: {
        total_blobs_found: 6,
        blobs_analyzed: 6,
        successful_analyses: 6,
        failed_analyses: 0,
        success_rate: '100%',
        total_size_bytes: 15 * half,
        total_size_gb: 0.0073,
        total_size_mb: 7.5,
        file_types: { '.tif': 2, no_extension: 2, '.csv': 1, '.gpkg': 1 },
        unique_extensions: 4,
        largest_file: { name: 'z.csv', size_mb: 2.5 },
        errors_sample: [],
      },
      stages_completed: 2,
      total_tasks_executed: 7,
      tasks_by_status: { completed: 7, failed: 0 },
    });
    const [, one] = await state.resultPage({ jobId: job.jobId, run: 1, stage: 2 }, -1, 10);
    assert.ok(one);
    const { last_modified, etag, ...rest } = one.output as JsonObject;
    assert.ok(Date.parse(String(last_modified)) > 0 && etag);
    assert.deepEqual(rest, {
      blob_name: 'a/one.TIF',
      blob_path: 'bronze/a/one.TIF',
      container_name: container,
      size_bytes: half,
      size_mb: 0.5,
      file_extension: '.tif',
      content_type: 'application/x-test',
      metadata: { place: '1' },
    });
  });

  const filters: readonly (readonly [string, JsonObject, number])[] = [
    ['prefix', { prefix: 'a/' }, 2],
    ['a prefix of another script', { prefix: 'b/карта' }, 1],
    ['extensions, with and without the dot, of any case', { extensions: ['TIF', '.gpkg'] }, 3],
    ['no extension', { extensions: [''] }, 2],
    ['least size, itself included', { min_size_mb: 1.5 }, 3],
    ['greatest size, itself included', { max_size_mb: 0.5 }, 2],
    ['modified after', { modified_after: '2000-01-01' }, 6],
    ['modified before', { modified_before: '2000-01-01T00:00:00+02:00' }, 0],
    ['all together', { prefix: 'a/', extensions: ['tif'], min_size_mb: 0.6, max_size_mb: 9 }, 1],
  ];
  for (const [what, filter, count] of filters) {
    test(`filter: ${what}`, async () => {
      assert.equal((await summaryOf(listContainerContents, { filter })).total_blobs_found, count);
    });
  }

  test('file_limit counts what the filter lets through', async () => {
    const summary = await summaryOf(listContainerContents, { file_limit: 2, filter: { min_size_mb: 0.6 } });
    assert.equal(summary.blobs_analyzed, 2);
    assert.deepEqual(summary.largest_file, { name: 'b/v1.2/data', size_mb: 2 });
  });

  test('an empty container completes', async () => {
    const blobs = new MemoryBlobStore();
    await blobs.ensureContainer(container);
    const summary = await summaryOf(listContainerContents, {}, blobs);
    assert.deepEqual([summary.total_blobs_found, summary.largest_file, summary.success_rate], [0, null, '100%']);
  });

  test('a missing container is refused at submit', async () => {
    for (const definition of [listContainerContents, listContainerContentsDiamond, summarizeContainer]) {
      const submitted = run(definition, {}, new MemoryBlobStore());
      await assert.rejects(submitted, { code: 'CONTAINER_NOT_FOUND', httpStatus: 404 });
    }
  });

  test('wrong parameters are all named', async () => {
    const filter = { prefx: 'a', min_size_mb: 2, max_size_mb: 1, modified_after: 'yesterday' };
    const submitted = run(listContainerContents, { file_limit: 10_001, filter });
    await assert.rejects(submitted, (error: { code: string; details: { path: string }[] }) => {
      assert.equal(error.code, 'INVALID_PARAMETERS');
      assert.deepEqual(error.details.map(({ path }) => path).sort(), [
        'file_limit',
        'filter.modified_after',
        'filter.prefx',
      ]);
      return true;
    });
    const reversed = run(listContainerContents, { filter: { min_size_mb: 2, max_size_mb: 1 } });
    await assert.rejects(reversed, { code: 'INVALID_PARAMETERS' });
  });

  test('a blob that goes between listing and looking is a failed analysis', async () => {
    const blobs = await store();
    const { properties } = blobs;
    blobs.properties = async (ref: BlobRef) => (ref.name.endsWith('.tif') ? null : properties.call(blobs, ref));
    const { job } = await run(listContainerContents, {}, blobs);
    assert.equal(job.status, 'completed_with_errors');
    const summary = job.result?.summary as JsonObject;
    assert.deepEqual([summary.blobs_analyzed, summary.failed_analyses, summary.success_rate], [6, 1, '83.3%']);
    const message = 'there is no blob "a/two.tif" in "bronze" any more';
    assert.deepEqual(summary.errors_sample, [{ task: 'blob-2', code: 'FILE_NOT_FOUND', message }]);
  });

  test('ten thousand names of 1,024 characters fit, though no result could hold them', async () => {
    const summary = await summaryOf(listContainerContents, { file_limit: 10_000 }, listing(10_001, 1024));
    assert.deepEqual([summary.total_blobs_found, summary.successful_analyses], [10_000, 10_000]);
  });

  test('more blobs than a stage has tasks: told before anything is planned', async () => {
    const { job } = await run(listContainerContents, {}, listing(100_001, 20));
    assert.deepEqual([job.status, job.error?.code], ['failed', 'TOO_MANY_TASKS']);
  });
});

describe('list_container_contents_diamond', () => {
  test('adds up in its last task', async () => {
    const { aggregation_metadata, ...summary } = await summaryOf(listContainerContentsDiamond, {});
    assert.equal((aggregation_metadata as JsonObject).results_aggregated, 6);
    assert.deepEqual(summary, {
      total_files: 6,
      total_size_bytes: 15 * half,
      total_size_mb: 7.5,
      average_size_mb: 1.25,
      by_extension: {
        '.tif': { count: 2, total_size_mb: 1.5, percentage: 33.33 },
        no_extension: { count: 2, total_size_mb: 2, percentage: 33.33 },
        '.csv': { count: 1, total_size_mb: 2.5, percentage: 16.67 },
        '.gpkg': { count: 1, total_size_mb: 1.5, percentage: 16.67 },
      },
      largest_file: { name: 'z.csv', size_mb: 2.5 },
      smallest_file: { name: 'README', size_mb: 0 },
      files_analyzed: 6,
      files_failed: 0,
    });
  });

  test('of nothing there is a summary too', async () => {
    const summary = await summaryOf(listContainerContentsDiamond, { filter: { prefix: 'nothing' } });
    assert.deepEqual([summary.total_files, summary.average_size_mb, summary.smallest_file], [0, 0, null]);
  });
});

describe('summarize_container', () => {
  test('counts, classes and dates', async () => {
    const { job } = await run(summarizeContainer, { file_limit: 3, filter: { min_size_mb: 0.6 } });
    const { summary, execution_info, analysis_timestamp } = job.result as Record<string, JsonObject>;
    assert.ok(Date.parse(String(analysis_timestamp)) > 0);
    const { scan_duration_seconds, ...info } = execution_info as JsonObject;
    assert.equal(typeof scan_duration_seconds, 'number');
    assert.deepEqual(info, { files_scanned: 5, files_filtered: 2, hit_file_limit: true });
    const { date_range, ...rest } = summary as JsonObject;
    const { oldest_file, newest_file } = date_range as JsonObject;
    assert.ok(String(oldest_file) <= String(newest_file));
    assert.deepEqual(rest, {
      total_files: 3,
      total_size_bytes: 9 * half,
      total_size_gb: 0.0044,
      largest_file: { name: 'b/v1.2/data', size_mb: 2 },
      smallest_file: { name: 'a/two.tif', size_mb: 1 },
      file_types: {
        '.gpkg': { count: 1, total_size_gb: 0.0015 },
        '.tif': { count: 1, total_size_gb: 0.001 },
        no_extension: { count: 1, total_size_gb: 0.002 },
      },
      size_distribution: { '0-10MB': 3, '10-100MB': 0, '100MB-1GB': 0, '1GB-10GB': 0, '10GB+': 0 },
    });
  });

  test('a size on the edge of two classes is in the upper one', async () => {
    const sizes = [10, 100, 1024, 10_240, 0].map((mb) => mb * 1024 * 1024);
    const summary = await summaryOf(
      summarizeContainer,
      {},
      listing(5, 20, (index) => sizes[index] ?? 0),
    );
    assert.deepEqual(Object.values(summary.size_distribution as JsonObject), [1, 1, 1, 1, 1]);
  });

  test('file_limit is not hit by a container of exactly so many', async () => {
    const { job } = await run(summarizeContainer, { file_limit: 6 });
    const { execution_info } = job.result as Record<string, JsonObject>;
    assert.equal(execution_info?.hit_file_limit, false);
  });
});

describe('parts', () => {
  test('extensions', () => {
    const cases = {
      'a/b.TIF': '.tif',
      'x.tar.gz': '.gz',
      '.env': '',
      'a.b/c': '',
      'dot.': '',
      'a. b': '',
      'п.ДБФ': '.дбф',
    };
    for (const [name, extension] of Object.entries(cases)) assert.equal(extensionOf(name), extension, name);
    assert.equal(extensionOf(`a.${'x'.repeat(17)}`), '');
  });

  test('instants are compared strictly', () => {
    const at = (lastModified: string) => ({ ...listed('a', 0), lastModified: new Date(lastModified) });
    const passes = filterOf(blobFilter.parse({ modified_after: '2024-01-01', modified_before: '2024-01-02' }));
    assert.deepEqual(
      ['2024-01-01T00:00:00Z', '2024-01-01T00:00:01Z', '2024-01-02T00:00:00Z'].map((time) => passes(at(time))),
      [false, true, false],
    );
  });

  test('a rate of 100% means all', () => {
    assert.deepEqual([successRate(99_999, 100_000), successRate(39, 40), successRate(0, 3)], ['99.9%', '97.5%', '0%']);
  });

  test('a tally of ever new extensions stays small', () => {
    const tally = new FileTally();
    for (let index = 0; index < 5000; index += 1) tally.add({ name: `f.e${index}`, sizeBytes: 1 });
    const counts = tally.byExtension(({ count }) => count);
    assert.equal(Object.keys(counts).length, 1001);
    assert.equal(counts.other_extensions, 4000);
  });
});

function listed(name: string, sizeBytes: number): BlobProperties {
  const lastModified = new Date('2024-05-01T00:00:00Z');
  return { container, name, sizeBytes, contentType: null, lastModified, etag: '0x1', accessTier: null, metadata: {} };
}

/** `count` blobs with names of `length` characters, made as they are asked for. */
function listing(count: number, length: number, sizeOf = (_: number) => 1): BlobStore {
  const blobs: BlobStore = new MemoryBlobStore();
  blobs.containerExists = async () => true;
  blobs.properties = async ({ name }) => listed(name, 1);
  blobs.list = async function* () {
    for (let index = 0; index < count; index += 1) yield listed(`${index}`.padStart(length, '0'), sizeOf(index));
  };
  return blobs;
}
