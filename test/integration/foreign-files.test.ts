import assert from 'node:assert/strict';
import { copyFile, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import gdal from 'gdal-async';
import { runJob } from '../../core/testing/run-job.ts';
import { stacCatalogRaster } from '../../jobs/stac-catalog-raster.ts';
import { uniqueContainerName } from '../tools/azurite.ts';
import { gdalCli, gdalinfo } from '../tools/gdal-cli.ts';
import { type TestRaster, writeRaster } from '../tools/gdal-files.ts';
import { rasterJobs } from '../tools/raster-jobs.ts';

const jobs = await rasterJobs();
const { services, folder } = jobs.stack;
const sources = uniqueContainerName('sources');
const path = (name: string) => join(folder, name);

const small: TestRaster = { width: 40, height: 30 };
const secret = writeRaster(path('secret.tif'), small);

/** A raster with metadata in a domain. */
function marked(name: string, domain: string, items: Record<string, string>): string {
  const dataset = gdal.open(writeRaster(path(name), small), 'r+');
  dataset.setMetadata(items, domain);
  dataset.close();
  return path(name);
}

/** In the container of the COGs a raster is read in place and alone, elsewhere as a copy with what lies beside it. */
async function refused(file: string, beside: readonly string[] = []): Promise<void> {
  for (const container of beside.length === 0 ? [jobs.stack.container, sources] : [sources]) {
    const upload = (one: string) =>
      services.blobs.upload({ container, name: basename(one) }, one, { contentType: 'image/tiff' });
    for (const one of [...beside, file]) await upload(one);
    const place = { container_name: container, blob_name: basename(file) };
    const { job } = await runJob(stacCatalogRaster, place, jobs.stack);
    assert.equal(job.error?.code, 'RASTER_UNSUPPORTED', `${container}/${basename(file)}`);
  }
  if (!file.endsWith('.tif')) return;
  for (const in_memory of [true, false]) {
    const converting = jobs.convertBlob({ container: sources, name: basename(file) }, { in_memory });
    await assert.rejects(converting, { code: 'RASTER_UNSUPPORTED' });
  }
}

test('overviews or coordinates in a file that the raster names', async () => {
  await refused(marked('overviews.tif', 'OVERVIEWS', { OVERVIEW_FILE: secret }));
  await refused(marked('coordinates.tif', 'GEOLOCATION', { X_DATASET: secret, Y_DATASET: secret }));
});

test('the same in files beside the raster', async () => {
  const item = `<MDI key="OVERVIEW_FILE">${secret}</MDI>`;
  await writeFile(path('a.tif.aux.xml'), `<PAMDataset><Metadata domain="OVERVIEWS">${item}</Metadata></PAMDataset>`);
  await refused(writeRaster(path('a.tif'), small), [path('a.tif.aux.xml')]);
  await gdalCli('gdal_translate', ['-q', '-of', 'VRT', secret, path('b.vrt')]);
  await copyFile(path('b.vrt'), path('b.tif.msk'));
  await refused(writeRaster(path('b.tif'), small), [path('b.tif.msk')]);
  await copyFile(marked('mask.tif', 'OVERVIEWS', { OVERVIEW_FILE: secret }), path('c.tif.msk'));
  await refused(writeRaster(path('c.tif'), small), [path('c.tif.msk')]);
});

test('a mask beside the raster that is one is used', async () => {
  const mask = gdal.open(writeRaster(path('d.tif.msk'), { ...small, value: (x) => (x < 20 ? 255 : 0) }), 'r+');
  mask.setMetadata({ INTERNAL_MASK_FLAGS_1: '2' });
  mask.close();
  await jobs.stack.upload(path('d.tif.msk'), 'beside/d.tif.msk');
  const raster = await jobs.stack.upload(writeRaster(path('d.tif'), small), 'beside/d.tif');
  const { cogs } = await jobs.convertBlob(raster, { target_crs: 'EPSG:32633' });
  const [cog] = cogs;
  assert.ok(cog);
  const { metadata } = (await gdalinfo(cog.file)).bands[0] ?? {};
  assert.equal(metadata?.['']?.STATISTICS_VALID_PERCENT, '50');
});

test('a VRT under its own name, also as a copy', async () => {
  await gdalCli('gdal_translate', ['-q', '-of', 'VRT', secret, path('reference.vrt')]);
  await refused(path('reference.vrt'));
});

test('a part that is none of the file', async () => {
  const items = { SUBDATASET_1_NAME: `GTIFF_DIR:1:${secret}`, SUBDATASET_1_DESC: 'none of its own' };
  const raster = await jobs.stack.upload(marked('parts.tif', 'SUBDATASETS', items), 'parts.tif');
  await assert.rejects(jobs.convertBlob(raster, { subdataset: secret }), { code: 'SUBDATASET_NOT_FOUND' });
});

test('HDF5, under any name, whose values lie in other files', async () => {
  const fixture = (name: string) => fileURLToPath(new URL(`../fixtures/hdf5/${name}.nc`, import.meta.url));
  const info = (file: string) => services.gdal.info({ path: file, config: {} });
  for (const name of ['external', 'virtual', 'linked']) {
    await copyFile(fixture(name), path(`${name}.tif`));
    for (const file of [fixture(name), path(`${name}.tif`), `HDF5:"${fixture(name)}"://v`]) {
      await assert.rejects(
        info(file),
        { code: name === 'linked' && file.startsWith('HDF5:') ? 'FILE_UNREADABLE' : 'RASTER_UNSUPPORTED' },
        file,
      );
    }
  }
  for (const file of [fixture('alone'), `HDF5:"${fixture('alone')}"://v`]) assert.ok(await info(file));
});
