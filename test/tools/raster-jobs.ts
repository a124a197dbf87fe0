import { readdir } from 'node:fs/promises';
import { basename, join } from 'node:path';
import gdal from 'gdal-async';
import type { JsonObject } from '../../core/json.ts';
import type { BlobRef } from '../../core/ports/blob-store.ts';
import { runJob } from '../../core/testing/run-job.ts';
import type { CreateCogOutput, ValidateRasterOutput } from '../../handlers/raster/schemas.ts';
import { processRaster } from '../../jobs/process-raster.ts';
import { type StacServices, stacServices } from './stac-services.ts';

export interface RasterJobs {
  readonly stack: StacServices;
  /** Runs process_raster on a local file. @throws with the job's error when it did not complete. */
  convert(file: string, parameters?: JsonObject): Promise<Conversion>;
  /** The same on a blob. */
  convertBlob(raster: BlobRef, parameters?: JsonObject): Promise<Conversion>;
  /** Working folders that are left over. */
  leftovers(): Promise<readonly string[]>;
}

export interface Conversion {
  readonly result: JsonObject;
  readonly validation: ValidateRasterOutput;
  readonly cogs: readonly Cog[];
}

export interface Cog extends CreateCogOutput {
  /** A local copy. */
  readonly file: string;
  readonly item: JsonObject;
}

/** The error of a job that failed. */
export class JobFailure extends Error {
  readonly code: string;
  readonly details: unknown;

  constructor(error: { readonly code: string; readonly message: string; readonly details?: unknown } | null) {
    super(`${error?.code}: ${error?.message}`);
    this.name = 'JobFailure';
    this.code = error?.code ?? '';
    this.details = error?.details;
  }
}

/** process_raster on Azurite, GDAL processes and pgSTAC. */
export async function rasterJobs(): Promise<RasterJobs> {
  const stack = await stacServices();
  let copies = 0;
  let uploads = 0;
  const convertBlob = async (raster: BlobRef, parameters: JsonObject = {}): Promise<Conversion> => {
    const place = { container_name: raster.container, blob_name: raster.name };
    const { job, store } = await runJob(processRaster, { ...place, ...parameters }, stack);
    if (job.status !== 'completed' || !job.result) throw new JobFailure(job.error);
    const outputs = async (stage: number) => {
      const page = await store.resultPage({ jobId: job.jobId, run: job.run, stage }, -1, 100);
      return page.map(({ output }) => output as JsonObject);
    };
    const [validation] = (await outputs(1)) as unknown as ValidateRasterOutput[];
    if (!validation) throw new Error('the job has no validation');
    const items = await outputs(3);
    const made: Cog[] = [];
    for (const [index, output] of ((await outputs(2)) as unknown as CreateCogOutput[]).entries()) {
      const file = join(stack.folder, `cog-${copies}.tif`);
      await stack.services.blobs.download({ container: output.cog_container, name: output.cog_blob }, file);
      copies += 1;
      made.push({ ...output, file, item: items[index]?.stac_item as JsonObject });
    }
    return { result: job.result, validation, cogs: made };
  };
  const convert = async (file: string, parameters?: JsonObject) => {
    uploads += 1;
    return convertBlob(await stack.upload(file, `${uploads}/${basename(file)}`), parameters);
  };
  const leftovers = async () => (await readdir(stack.folder)).filter((name) => name.startsWith('coremachine-'));
  return { stack, convert, convertBlob, leftovers };
}

export interface Pixels {
  readonly width: number;
  readonly height: number;
  readonly bands: readonly ArrayLike<number>[];
  /** The mask of each band: 0 where it is invalid. */
  readonly masks: readonly ArrayLike<number>[];
}

/** All pixels of a file and the masks of its bands, by the library in this process. */
export function pixelsOf(file: string): Pixels {
  const dataset = gdal.open(file);
  const { x: width, y: height } = dataset.rasterSize;
  const bands = dataset.bands.map((band) => band.pixels.read(0, 0, width, height) as ArrayLike<number>);
  const masks = dataset.bands.map(
    (band) => band.getMaskBand()?.pixels.read(0, 0, width, height) ?? new Uint8Array(width * height).fill(255),
  );
  dataset.close();
  return { width, height, bands, masks };
}
