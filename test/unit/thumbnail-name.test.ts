import assert from 'node:assert/strict';
import { test } from 'node:test';
import { thumbnailName } from '../../handlers/stac/thumbnail-name.ts';

const inCogs = (name: string) => thumbnailName({ container: 'silver-cogs', name }, 'silver-cogs');
const elsewhere = (name: string) => thumbnailName({ container: 'bronze', name }, 'silver-cogs');

test('a thumbnail lies beside a COG of ours, and in a folder of its own for other rasters', () => {
  assert.equal(inCogs('a/q_cog_analysis.tif'), 'a/q_cog_analysis.tif_thumb.webp');
  assert.equal(elsewhere('a/q.tif'), 'thumbnails/bronze/a/q.tif_thumb.webp');
  assert.notEqual(elsewhere('q.tif'), elsewhere('q.tiff'));
});

test('the thumbnail of any name a blob may have has a name that a blob may have', () => {
  for (const nameOf of [inCogs, elsewhere]) {
    for (const length of [900, 1000, 1013, 1014, 1023, 1024]) {
      const names = ['🛰', 'a'].map((character) =>
        nameOf(`${character}${'x'.repeat(length - character.length - 4)}.tif`),
      );
      const pairs = nameOf(`${'🛰'.repeat(length / 2 - 2)}.tif`.padStart(length, 'a'));
      for (const name of [...names, pairs]) {
        assert.ok(name.length <= 1024 && name.isWellFormed(), name);
        assert.ok(name.endsWith('_thumb.webp'));
      }
    }
    const [one, other] = ['1', '2'].map((end) => nameOf(`${'x'.repeat(1019)}${end}.tif`));
    assert.notEqual(one, other);
  }
});
