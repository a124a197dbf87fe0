// Does one part of an inventory over a made-up listing and prints how many blobs it saw.
import type { TaskContext } from '../../core/handler.ts';
import { silentLog } from '../../core/log.ts';
import type { BlobProperties, BlobStore } from '../../core/ports/blob-store.ts';
import { StageResults } from '../../core/results.ts';
import type { Services } from '../../core/services.ts';
import { aggregateResults } from '../../handlers/containers/aggregate-results.ts';
import { analyzeContainer } from '../../handlers/containers/analyze-container.ts';
import { blobTasks, listBlobs } from '../../handlers/containers/list-blobs.ts';
import { MemoryBlobStore } from '../../infrastructure/blob/memory-blob-store.ts';

const [what = '', given] = process.argv.slice(2);
const count = Number(given);
const container_name = 'bronze';
/** From bytes: texts that were put together would share their parts. */
const nameOf = (index: number) => Buffer.from(`${String(index).padStart(1000, 'x')}.tif`).toString('latin1');

function listed(index: number): BlobProperties {
  const lastModified = new Date(index * 1000);
  const rest = { contentType: null, etag: '0x1', accessTier: null, metadata: {} };
  return { container: container_name, name: nameOf(index), sizeBytes: 1, lastModified, ...rest };
}

const blobs: BlobStore = new MemoryBlobStore();
blobs.list = async function* () {
  for (let index = 0; index < count; index += 1) yield listed(index);
};
const context: TaskContext = {
  job: { id: '', type: '', run: 1 },
  task: { id: '', key: '', number: 0, stage: 1, attempt: 1 },
  signal: new AbortController().signal,
  progress: () => {},
  log: silentLog,
  services: { blobs } as unknown as Services,
};
const input = { container_name, file_limit: null, filter: {} };
const page = async (after: number) =>
  Array.from({ length: Math.min(500, count - after - 1) }, (_, place) => {
    const { name, sizeBytes, lastModified, etag } = listed(after + 1 + place);
    const described = { blob_name: name, blob_path: `bronze/${name}`, container_name, file_extension: '.tif', etag };
    const known = { size_bytes: sizeBytes, size_mb: 0, content_type: null, last_modified: lastModified.toISOString() };
    return { number: after + 1 + place, key: `blob-${place}`, output: { ...described, ...known, metadata: {} } };
  });

async function planned(): Promise<number> {
  const listing = {
    container_name,
    total_blobs_found: count,
    files_scanned: count,
    last_name: null,
    hit_file_limit: false,
  };
  let tasks = 0;
  for await (const _ of blobTasks(blobs, input, listing)) tasks += 1;
  return tasks;
}

async function kept(): Promise<number> {
  return (await Array.fromAsync(blobs.list(container_name))).length;
}

const parts: Readonly<Record<string, () => Promise<number>>> = {
  keep: kept,
  plan: planned,
  list_blobs: async () => (await listBlobs.run(input, context)).total_blobs_found,
  analyze_container: async () => (await analyzeContainer.run(input, context)).summary.total_files,
  aggregate_results: async () => {
    const { files_analyzed } = await aggregateResults.run({ total_files: count }, new StageResults(page), context);
    return files_analyzed;
  },
};
const seen = await parts[what]?.();
console.log(JSON.stringify(seen));
