import { BlobServiceClient } from '@azure/storage-blob';
import type { Stack } from '../../local/stack/stack.ts';
import { ApiClient } from '../client.ts';
import { median } from './measure.ts';
import { machineLine, writeSection } from './report.ts';
import { withBenchStack } from './stack.ts';

const folder = '.cache/bench/lists';
const container = 'bench';
const blobs = 10_000;
const missing = 300;

interface Answered {
  readonly seconds: number;
  readonly status: number;
  readonly body: { readonly job_id?: string; readonly details?: readonly unknown[] };
}

/** How long a client waits for the answer to a collection of ten thousand blobs, all there and some not. */
export async function benchLists(rounds: number): Promise<void> {
  await withBenchStack(folder, {}, async (stack) => {
    const names = Array.from({ length: blobs }, (_, index) => `scenes/2024/${String(index).padStart(5, '0')}.tif`);
    const some = names.map((name, index) => (index % 33 === 7 && index < 33 * missing ? `${name}.old.tif` : name));
    console.log(`uploading ${blobs} blobs`);
    await fill(String(stack.settings.STORAGE_CONNECTION), names);
    const [whole, refused]: [number[], number[]] = [[], []];
    for (let round = 0; round < rounds; round += 1) {
      refused.push(await timeRefused(stack, some));
      whole.push(await timeWhole(stack, names, round));
      console.log(
        `${refused.at(-1)?.toFixed(2)} s with ${missing} missing, ${whole.at(-1)?.toFixed(2)} s with all there`,
      );
    }
    const seconds = (values: readonly number[]) =>
      `${median(values).toFixed(2)} s (at most ${Math.max(...values).toFixed(2)} s)`;
    await writeSection('lists', [
      `## A blob_list of ${blobs.toLocaleString('en')}`,
      '',
      `\`./run bench lists\`, ${rounds} rounds, ${machineLine()}. process_raster_collection over HTTP, blobs in`,
      `Azurite on the same machine; medians. Answered with a job: ${seconds(whole)}. With ${missing} of the blobs missing, answered`,
      `with all their names: ${seconds(refused)}.`,
    ]);
    console.log('written to docs/performance.md');
  });
}

async function timeRefused(stack: Stack, names: readonly string[]): Promise<number> {
  const { seconds, status, body } = await submit(stack, names, 'refused');
  if (status !== 404 || body.details?.length !== missing) throw new Error(`${status}: ${body.details?.length} details`);
  return seconds;
}

/** The job is cancelled: its blobs are no rasters. */
async function timeWhole(stack: Stack, names: readonly string[], round: number): Promise<number> {
  const { seconds, status, body } = await submit(stack, names, `whole-${round}`);
  if (status !== 200) throw new Error(`${status}: ${JSON.stringify(body).slice(0, 1000)}`);
  const client = new ApiClient(stack.url, stack.functionKey);
  await client.request('POST', `jobs/${body.job_id}/cancel`);
  await client.follow(String(body.job_id), () => {});
  return seconds;
}

async function submit(stack: Stack, blob_list: readonly string[], collection_id: string): Promise<Answered> {
  const request = {
    method: 'POST',
    headers: { 'x-functions-key': stack.functionKey, 'content-type': 'application/json' },
    body: JSON.stringify({ container_name: container, blob_list, collection_id }),
  };
  const started = performance.now();
  const answer = await fetch(`${stack.url}/api/jobs/submit/process_raster_collection`, request);
  const body = (await answer.json()) as Answered['body'];
  return { seconds: (performance.now() - started) / 1000, status: answer.status, body };
}

/** Three bytes each. */
async function fill(connection: string, names: readonly string[]): Promise<void> {
  const client = BlobServiceClient.fromConnectionString(connection).getContainerClient(container);
  await client.createIfNotExists();
  const left = [...names];
  const upload = async () => {
    for (let name = left.pop(); name !== undefined; name = left.pop()) {
      await client.getBlockBlobClient(name).upload('tif', 3);
    }
  };
  await Promise.all(Array.from({ length: 16 }, upload));
}
