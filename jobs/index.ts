import type { JobDefinition } from '../core/job.ts';
import { bootstrapH3LandGridPyramid } from './bootstrap-h3-land-grid-pyramid.ts';
import { createH3Base } from './create-h3-base.ts';
import { generateH3Level4 } from './generate-h3-level4.ts';
import { helloWorld } from './hello-world.ts';
import { helloWorldSequential } from './hello-world-sequential.ts';
import { ingestVector } from './ingest-vector.ts';
import { listContainerContents } from './list-container-contents.ts';
import { listContainerContentsDiamond } from './list-container-contents-diamond.ts';
import { processLargeRaster } from './process-large-raster.ts';
import { processRaster } from './process-raster.ts';
import { processRasterCollection } from './process-raster-collection.ts';
import { stacCatalogContainer } from './stac-catalog-container.ts';
import { stacCatalogRaster } from './stac-catalog-raster.ts';
import { stacCatalogVectors } from './stac-catalog-vectors.ts';
import { summarizeContainer } from './summarize-container.ts';
import { validateRasterJob } from './validate-raster-job.ts';

/** Every job type there is. A new one is its file, its handlers, and its line here. */
export const jobTypes: readonly JobDefinition[] = [
  helloWorld,
  helloWorldSequential,
  processRaster,
  processLargeRaster,
  processRasterCollection,
  validateRasterJob,
  stacCatalogRaster,
  createH3Base,
  generateH3Level4,
  bootstrapH3LandGridPyramid,
  stacCatalogContainer,
  listContainerContents,
  listContainerContentsDiamond,
  summarizeContainer,
  ingestVector,
  stacCatalogVectors,
];
