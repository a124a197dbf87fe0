import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import type { JsonObject } from '../../core/json.ts';
import type { BlobRef } from '../../core/ports/blob-store.ts';
import type { StacItem } from '../../core/ports/catalogue.ts';
import { writeRaster } from '../tools/gdal-files.ts';
import { assertSoundOutputs } from '../tools/output-checks.ts';
import { catalogued, stacServices } from '../tools/stac-services.ts';

const stac = await stacServices();
const { blobs, catalogue } = stac.services;
const made = { blobs, cogContainer: stac.container, databaseUrl: stac.databaseUrl };
const contentType = 'image/tiff; application=geotiff; profile=cloud-optimized';

test('what every test file ends with sees a COG that is none, an invalid item, and one that lies elsewhere', async () => {
  const file = writeRaster(join(stac.folder, 'plain.tif'), { width: 1500, height: 1200 });
  const { item } = await catalogued(stac, await stac.upload(file, 'plain.tif'));
  await assertSoundOutputs(made);

  const [flat, text] = ['flat.tif', 'text.tif'].map((name): BlobRef => ({ container: stac.container, name }));
  assert.ok(flat && text);
  await blobs.upload(flat, file, { contentType });
  await assert.rejects(assertSoundOutputs(made), /flat\.tif: .*overviews/);
  await blobs.upload(text, Buffer.from('no TIFF'), { contentType });
  await assert.rejects(assertSoundOutputs(made), /flat\.tif: .*overviews.*text\.tif: gdalinfo says/s);
  await blobs.delete(text);
  await blobs.delete(flat);

  const properties = { ...(item.properties as JsonObject), 'proj:code': 4326 };
  await catalogue.upsertItems(item.collection, [{ ...item, properties } as StacItem]);
  await assert.rejects(assertSoundOutputs(made), /proj:code/);
  await catalogue.upsertItems(item.collection, [item]);

  await catalogue.upsertItems(item.collection, [{ ...item, bbox: [10, 10, 11, 11] }]);
  await assert.rejects(assertSoundOutputs(made), /a search by its bbox does not find it/);
  await catalogue.upsertItems(item.collection, [item]);
});
