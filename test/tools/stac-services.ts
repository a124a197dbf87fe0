import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after } from 'node:test';
import { BlobServiceClient } from '@azure/storage-blob';
import { CoreMachineError } from '../../core/errors.ts';
import type { JsonObject } from '../../core/json.ts';
import { silentLog } from '../../core/log.ts';
import type { BlobRef } from '../../core/ports/blob-store.ts';
import type { StacItem } from '../../core/ports/catalogue.ts';
import type { JobSettings, Services } from '../../core/services.ts';
import { runJob } from '../../core/testing/run-job.ts';
import { openBlobStore } from '../../infrastructure/blob/azure-blob-store.ts';
import { openGdal } from '../../infrastructure/gdal/gdal.ts';
import { openCatalogue } from '../../infrastructure/pgstac/catalogue.ts';
import { openFeatureTables } from '../../infrastructure/postgis/feature-tables.ts';
import { openGridStore } from '../../infrastructure/postgis/grid-store.ts';
import { openPostgres } from '../../infrastructure/postgres/postgres.ts';
import { openWorkspace } from '../../infrastructure/workspace/workspace.ts';
import { stacCatalogRaster } from '../../jobs/stac-catalog-raster.ts';
import { testStorage, uniqueContainerName } from './azurite.ts';
import { assertSoundOutputs } from './output-checks.ts';
import { createTestDatabase } from './postgres.ts';

export interface StacServices {
  readonly services: Services;
  readonly databaseUrl: string;
  /** Of this test's own; also the one finished COGs go to. */
  readonly container: string;
  /** Gone when the tests are over. */
  readonly folder: string;
  upload(file: string, name: string): Promise<BlobRef>;
  /** Runs before the database and the folder go. */
  beforeClosing(work: () => Promise<void>): void;
}

/**
 * Blobs in Azurite, GDAL processes and a pgSTAC database. When the test file is done, all that was made is checked and
 * everything is stopped.
 */
export async function stacServices(settings: Partial<JobSettings> = {}): Promise<StacServices> {
  const folder = await mkdtemp(join(tmpdir(), 'coremachine-stac-'));
  const database = await createTestDatabase({ template: 'pgstac' });
  const postgres = await openPostgres({ url: database.url, poolSize: 6 });
  const connection = await testStorage();
  const blobs = openBlobStore({ connection });
  const gdal = await openGdal({ processes: 2, log: silentLog });
  const users: (() => Promise<void>)[] = [];
  const container = uniqueContainerName('stac');
  after(async () => {
    try {
      for (const leave of users) await leave();
      await assertSoundOutputs({ blobs, cogContainer: container, databaseUrl: database.url });
    } finally {
      await gdal.close();
      await postgres.close();
      await database.drop();
      await rm(folder, { recursive: true, force: true });
    }
  });
  await makePublic(connection, container);
  const services: Services = {
    blobs,
    gdal,
    catalogue: await openCatalogue({ pool: postgres.pool, log: silentLog, flavour: 'pgstac' }),
    grids: await openGridStore(postgres.database),
    featureTables: openFeatureTables(postgres.pool, postgres.backend),
    workspace: await openWorkspace({ root: folder }),
    settings: {
      titilerBaseUrl: 'https://titiler.example.org',
      titilerDialect: '3',
      ogcFeaturesBaseUrl: null,
      ogcCollectionIdStyle: 'table',
      ogcSchemas: ['geo', 'h3'],
      rasterSizeThresholdMb: 1000,
      h3MaxCells: 100_000_000,
      cogContainer: container,
      ...settings,
    },
  };
  const upload = async (file: string, name: string) => {
    await blobs.upload({ container, name }, file, { contentType: 'application/octet-stream' });
    return { container, name };
  };
  const beforeClosing = (work: () => Promise<void>) => void users.push(work);
  return { services, databaseUrl: database.url, container, folder, upload, beforeClosing };
}

/** Catalogues a blob through the real job. @throws the task's error when the job did not complete. */
export async function catalogued(
  { services }: StacServices,
  raster: BlobRef,
  parameters: JsonObject = {},
): Promise<{ readonly item: StacItem; readonly result: JsonObject }> {
  const place = { container_name: raster.container, blob_name: raster.name };
  const { job } = await runJob(stacCatalogRaster, { ...place, ...parameters }, { services });
  if (job.error) throw new CoreMachineError(job.error.code, job.error.message);
  if (job.status !== 'completed' || !job.result) throw new Error(`the job is ${job.status}`);
  return { item: job.result.stac_item as StacItem, result: job.result };
}

/** So that readers without a key, such as titiler, can follow the links of the items. */
async function makePublic(connection: string, container: string): Promise<void> {
  await BlobServiceClient.fromConnectionString(connection).getContainerClient(container).create({ access: 'blob' });
}
