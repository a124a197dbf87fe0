import type { JobDefinition } from '../core/job.ts';
import { helloWorld } from './hello-world.ts';
import { helloWorldSequential } from './hello-world-sequential.ts';
import { listContainerContents } from './list-container-contents.ts';
import { listContainerContentsDiamond } from './list-container-contents-diamond.ts';
import { processRaster } from './process-raster.ts';
import { processRasterCollection } from './process-raster-collection.ts';
import { stacCatalogContainer } from './stac-catalog-container.ts';
import { stacCatalogRaster } from './stac-catalog-raster.ts';
import { summarizeContainer } from './summarize-container.ts';
import { validateRasterJob } from './validate-raster-job.ts';

/** Every job type there is. A new one is its file, its handlers, and its line here. */
export const jobTypes: readonly JobDefinition[] = [
  helloWorld,
  helloWorldSequential,
  processRaster,
  processRasterCollection,
  validateRasterJob,
  stacCatalogRaster,
  stacCatalogContainer,
  listContainerContents,
  listContainerContentsDiamond,
  summarizeContainer,
];
