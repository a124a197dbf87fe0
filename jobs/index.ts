import type { JobDefinition } from '../core/job.ts';
import { helloWorld } from './hello-world.ts';
import { helloWorldSequential } from './hello-world-sequential.ts';
import { ingestVector } from './ingest-vector.ts';
import { processRaster } from './process-raster.ts';
import { stacCatalogRaster } from './stac-catalog-raster.ts';
import { stacCatalogVectors } from './stac-catalog-vectors.ts';
import { validateRasterJob } from './validate-raster-job.ts';

/** Every job type there is. A new one is its file, its handlers, and its line here. */
export const jobTypes: readonly JobDefinition[] = [
  helloWorld,
  helloWorldSequential,
  processRaster,
  validateRasterJob,
  stacCatalogRaster,
  ingestVector,
  stacCatalogVectors,
];
