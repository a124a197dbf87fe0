import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import type { CoreMachineError } from '../../core/errors.ts';
import type { BlobStore } from '../../core/ports/blob-store.ts';
import { requireBlobs } from '../../handlers/parameters/blobs.ts';
import { openBlobStore } from '../../infrastructure/blob/azure-blob-store.ts';
import { testStorage, uniqueContainerName } from '../tools/azurite.ts';
import { filledContainer, numbered, removeContainer } from '../tools/many-blobs.ts';

const connection = await testStorage();
const containers: string[] = [];
after(() => Promise.all(containers.map((container) => removeContainer(connection, container))));

test('10,000 blobs are found by listing, and all missing ones are named', async (context) => {
  const names = numbered('scenes/2024/tile é', 10_000);
  const container = await filled([...names, ...numbered('other/', 50)]);
  const { blobs, counted } = watched();
  const started = performance.now();
  const sizes = await requireBlobs({ blobs }, container, names);
  context.diagnostic(`10,000 names in ${Math.round(performance.now() - started)} ms`);
  assert.equal(sizes.size, 10_000);
  assert.equal(sizes.get('scenes/2024/tile é00007.tif'), 3);
  assert.deepEqual({ ...counted }, { asked: 0, listings: 1, listed: 10_000 });

  const absent = ['scenes/2024/no 🛰.tif', 'elsewhere/a.tif', 'scenes/2024/tile'];
  const missing = await missingOf(() => requireBlobs({ blobs }, container, [...names, ...absent]));
  assert.deepEqual(missing, absent);
  const allAbsent = numbered('nowhere/', 10_000);
  assert.deepEqual(await missingOf(() => requireBlobs({ blobs }, container, allAbsent)), allAbsent);

  await spread(container);
});

/** Names spread over a container of much else: neither all of it is listed, nor each name asked for. */
async function spread(container: string): Promise<void> {
  const { blobs, counted } = watched();
  await requireBlobs({ blobs }, container, [
    'scenes/2024/tile é00000.tif',
    'scenes/2024/tile é09999.tif',
    'other/00001.tif',
  ]);
  assert.deepEqual({ ...counted }, { asked: 3, listings: 0, listed: 0 });
  const dense = numbered('scenes/2024/tile é', 10_000).filter((_, index) => index >= 9_000 && index < 9_900);
  await requireBlobs({ blobs }, container, [...dense, 'other/00001.tif']);
  assert.ok(counted.listed < 6_500 && counted.asked < 10, JSON.stringify(counted));
}

test('a missing container and a single missing blob are 404s', async () => {
  const container = await filled(['a.tif']);
  const { blobs } = watched();
  await assert.rejects(requireBlobs({ blobs }, uniqueContainerName(), ['a']), { code: 'CONTAINER_NOT_FOUND' });
  await assert.rejects(requireBlobs({ blobs }, container, ['a.tif', 'b.tif']), {
    code: 'FILE_NOT_FOUND',
    httpStatus: 404,
    message: `there is no blob "b.tif" in "${container}"`,
  });
});

test('names that part within a character are told apart', async () => {
  // The emoji share the first half of their surrogate pair.
  const names = [...numbered('🛰/a', 40), ...numbered('🛱/a', 40), '🛰'];
  const container = await filled([...names, ...numbered('🛲', 10)]);
  const { blobs } = watched();
  assert.equal((await requireBlobs({ blobs }, container, [...names, ...names])).size, names.length);
  assert.deepEqual(await missingOf(() => requireBlobs({ blobs }, container, [...names, '🛱'])), ['🛱']);
});

async function filled(names: readonly string[]): Promise<string> {
  const container = await filledContainer(connection, names);
  containers.push(container);
  return container;
}

/** The real store, whose calls are counted. */
function watched() {
  const store = openBlobStore({ connection });
  const counted = { asked: 0, listings: 0, listed: 0 };
  const properties: BlobStore['properties'] = (ref) => {
    counted.asked += 1;
    return store.properties(ref);
  };
  const list: BlobStore['list'] = async function* (...args) {
    counted.listings += 1;
    for await (const blob of store.list(...args)) {
      counted.listed += 1;
      yield blob;
    }
  };
  const containerExists: BlobStore['containerExists'] = (name) => store.containerExists(name);
  return { blobs: Object.assign(Object.create(store) as BlobStore, { properties, list, containerExists }), counted };
}

/** The names in the error's details. */
async function missingOf(work: () => Promise<unknown>): Promise<string[]> {
  const error = await work().then(
    () => assert.fail('nothing was missing'),
    (cause: CoreMachineError) => cause,
  );
  assert.equal(error.code, 'FILE_NOT_FOUND');
  return (error.details ?? []).map(({ message }) =>
    JSON.parse(message.match(/^there is no blob (".*") in "/)?.[1] ?? ''),
  );
}
