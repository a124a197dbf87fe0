import assert from 'node:assert/strict';
import { test } from 'node:test';
import { requireSameKind } from '../../handlers/raster/same-kind.ts';
import type { RasterType } from '../../handlers/raster/schemas.ts';

async function* tiles(...kinds: readonly (readonly [RasterType, number, string])[]) {
  for (const [number, [effective_type, band_count, dtype]] of kinds.entries()) {
    const output = { source_blob: `${number}.tif`, effective_type, band_count, dtype };
    yield { number, key: `tile-${number}`, output };
  }
}

test('a tile that shows too little joins the others', async () => {
  const [dem, flat] = [['dem', 1, 'int16'] as const, ['unknown', 1, 'int16'] as const];
  assert.equal(await requireSameKind(tiles(dem, flat, dem)), 'dem');
  assert.equal(await requireSameKind(tiles(flat, dem)), 'dem');
  assert.equal(await requireSameKind(tiles(flat, flat)), 'unknown');
  assert.equal(await requireSameKind(tiles()), undefined);
});

test('tiles with other bands, and of two known types, are mixed', async () => {
  const code = 'COLLECTION_MIXED';
  await assert.rejects(requireSameKind(tiles(['dem', 1, 'int16'], ['unknown', 1, 'int32'])), { code });
  await assert.rejects(requireSameKind(tiles(['rgb', 3, 'uint8'], ['unknown', 3, 'uint8'])), { code });
  await assert.rejects(
    requireSameKind(tiles(['dem', 1, 'int16'], ['categorical', 1, 'int16'], ['unknown', 1, 'int16'])),
    {
      code,
      message: /1 dem .*; 1 categorical .*; 1 unknown/,
    },
  );
});
