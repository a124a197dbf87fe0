import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { StageResult } from '../../core/results.ts';
import type { ValidateRasterOutput } from '../../handlers/raster/schemas.ts';
import { tileWarnings } from '../../handlers/raster/tile-warnings.ts';

async function* tiles(count: number, messages: (index: number) => readonly string[], nameLength = 6) {
  for (let index = 0; index < count; index += 1) {
    const warnings = messages(index).map((message) => ({ code: 'ODD', severity: 'warning', message }));
    const source_blob = `${index}`.padStart(nameLength, '0');
    yield { output: { source_blob, warnings } } as unknown as StageResult<ValidateRasterOutput>;
  }
}

test('a warning of many tiles is said once, with the tiles', async () => {
  const found = await tileWarnings(tiles(4, (index) => (index % 2 ? ['b'] : index ? ['a', 'b'] : ['a']), 1));
  assert.deepEqual(
    found.map(({ message, tile_count, blob_names }) => [message, tile_count, blob_names.join()]),
    [
      ['a', 2, '0,2'],
      ['b', 3, '1,2,3'],
    ],
  );
});

test('warnings that differ in every tile, and long names, leave the result small; all tiles are counted', async () => {
  const found = await tileWarnings(tiles(10_000, (index) => [index % 2 ? 'same' : `only in ${index}`], 1000));
  assert.equal(found.length, 21);
  assert.equal(
    found.reduce((sum, { tile_count }) => sum + tile_count, 0),
    10_000,
  );
  assert.ok(JSON.stringify(found).length < 250_000);
});
