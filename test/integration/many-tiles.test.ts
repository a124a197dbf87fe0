import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { createTestDatabase, type TestDatabase } from '../tools/postgres.ts';
import { program } from '../tools/program.ts';

interface Answer {
  readonly mosaic: {
    readonly seconds: number;
    readonly progress: number;
    readonly documentBytes: number;
    readonly output: { tile_count: number; quadkey_count: number; cog_blobs: string[] };
  };
  readonly stac?: {
    readonly seconds: number;
    readonly again: number;
    readonly progress: number;
    readonly output: { tile_count: number; items_created: number; items_removed: number };
  };
  readonly peakMb: number;
}

let database: TestDatabase;
before(async () => {
  database = await createTestDatabase({ template: 'pgstac' });
});
after(() => database?.drop());

const child = fileURLToPath(new URL('many-tiles.child.ts', import.meta.url));

async function run(heapMb: number, ...parameters: string[]): Promise<Answer> {
  const { stdout } = await program(process.execPath, [`--max-old-space-size=${heapMb}`, child, ...parameters]);
  return JSON.parse(stdout) as Answer;
}

test('5,000 COGs become the items of a collection in a heap of 96 MB, by few statements, twice', async (t) => {
  const { mosaic, stac, peakMb } = await run(96, '5000', database.url);
  assert.ok(stac);
  t.diagnostic(`${stac.seconds.toFixed(1)} s, again ${stac.again.toFixed(1)} s; the process had ${peakMb} MB`);
  const { tile_count, items_created, items_removed } = stac.output;
  assert.deepEqual([tile_count, items_created, items_removed], [5000, 5000, 0]);
  assert.ok(stac.progress >= 5, `progress was heard ${stac.progress} times`);
  assert.equal(mosaic.output.tile_count, 5000);
  assert.deepEqual(await counted(), { items: 5000, ids: 5000, first: 'many-tile-0000', last: 'many-tile-4999' });
  // A quarter of an hour when each COG was opened again; a wide margin for a busy machine.
  assert.ok(stac.seconds < 100, `${stac.seconds} s`);
});

for (const [count, heapMb] of [
  [20_000, 96],
  [100_000, 128],
] as const) {
  test(`a mosaic of ${count} COGs: a result of less than 1 MiB, every COG in the document`, async (t) => {
    const { mosaic, peakMb } = await run(heapMb, String(count));
    const { output, seconds, documentBytes } = mosaic;
    t.diagnostic(`${seconds.toFixed(1)} s, a document of ${documentBytes} bytes; the process had ${peakMb} MB`);
    assert.equal(output.tile_count, count);
    assert.equal(output.cog_blobs.length, 1000);
    assert.ok(Buffer.byteLength(JSON.stringify(output)) < 1024 * 1024);
    assert.ok(documentBytes > count * 50);
    assert.equal(mosaic.progress, count + 1);
  });
}

async function counted(): Promise<object> {
  const client = new pg.Client({ connectionString: database.url });
  await client.connect();
  try {
    const { rows } = await client.query(
      `SELECT count(*)::int AS items, count(DISTINCT id)::int AS ids, min(id) AS first, max(id) AS last
       FROM pgstac.items WHERE collection = 'many'`,
    );
    return rows[0];
  } finally {
    await client.end();
  }
}
