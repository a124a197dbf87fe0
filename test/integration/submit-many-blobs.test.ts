import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import type { JsonObject } from '../../core/json.ts';
import { testStorage } from '../tools/azurite.ts';
import { httpRelay } from '../tools/http-relay.ts';
import { filledContainer, numbered, removeContainer } from '../tools/many-blobs.ts';
import { testStack } from '../tools/stack.ts';

const storage = await testStorage();
const relay = await httpRelay(Number(/BlobEndpoint=http:\/\/[^:]+:(\d+)/.exec(storage)?.[1]));
const relayed = storage.replace(/(BlobEndpoint=http:\/\/[^:]+:)\d+/, `$1${relay.port}`);
const names = numbered('scenes/2024/tile é', 10_000);
const container = await filledContainer(storage, [...names, ...numbered('other/', 50)]);
const running = testStack({ env: { STORAGE_CONNECTION: relayed } });
after(async () => {
  await removeContainer(storage, container);
  await relay.close();
});

/** Pages of 2,000 blobs, and one more in case the last is full. */
const mostListings = 6;

test('10,000 names with 300 missing ones, over HTTP: all of these are named, found out by listing', async () => {
  const blob_list = names.map((name, index) => (index % 33 === 7 && index < 9_900 ? `${name}.old.tif` : name));
  const missing = blob_list.filter((name) => name.endsWith('.old.tif'));
  assert.equal(missing.length, 300);
  const { status, body, listings, others } = await submitted(blob_list);
  assert.deepEqual([status, body.error, body.message], [404, 'FILE_NOT_FOUND', messageOf(missing.length)]);
  const details = body.details as { message: string }[];
  assert.deepEqual(
    details.map(({ message }) => message),
    missing.map((name) => `there is no blob ${JSON.stringify(name)} in ${JSON.stringify(container)}`),
  );
  assert.ok(listings >= 1 && listings <= mostListings, `${listings} listings`);
  assert.equal(others, 1, 'whether the container is there');
});

test('the whole list of 10,000, over HTTP: a job, for a few listings', async () => {
  const { status, body, listings, others } = await submitted(names);
  assert.deepEqual([status, body.status], [200, 'created']);
  assert.ok(listings >= 1 && listings <= mostListings, `${listings} listings`);
  // The job may have begun.
  assert.ok(others < 500, `${others} other requests`);
  const { client } = running();
  await client.request('POST', `jobs/${body.job_id}/cancel`);
  const { status: end } = await client.follow(String(body.job_id), () => {});
  assert.equal(end, 'cancelled');
});

function messageOf(missing: number): string {
  return `${missing} of 10000 blobs are not in ${JSON.stringify(container)}`;
}

/** The answer to a collection of these blobs, and what was asked of the blob store until it came. */
async function submitted(blob_list: readonly string[]) {
  const { stack } = running();
  const before = relay.seen.length;
  const answer = await fetch(`${stack.url}/api/jobs/submit/process_raster_collection`, {
    method: 'POST',
    headers: { 'x-functions-key': stack.functionKey, 'content-type': 'application/json' },
    body: JSON.stringify({ container_name: container, blob_list, collection_id: 'many' }),
  });
  const body = (await answer.json()) as JsonObject;
  const asked = relay.seen.slice(before).filter(({ url }) => url.includes(`/${container}`));
  const listings = asked.filter(({ url }) => url.includes('comp=list')).length;
  return { status: answer.status, body, listings, others: asked.length - listings };
}
