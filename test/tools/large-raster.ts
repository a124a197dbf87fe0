import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { JsonObject } from '../../core/json.ts';
import type { BlobRef } from '../../core/ports/blob-store.ts';
import type { StateStore } from '../../core/ports/state-store.ts';
import { runJob } from '../../core/testing/run-job.ts';
import type { CreateCogOutput } from '../../handlers/raster/schemas.ts';
import type { GenerateTilingSchemeOutput } from '../../handlers/tiling/schemas.ts';
import { processLargeRaster } from '../../jobs/process-large-raster.ts';
import { gdalCli } from './gdal-cli.ts';
import { JobFailure, type Pixels, pixelsOf } from './raster-jobs.ts';
import { type StacServices, stacServices } from './stac-services.ts';

export interface LargeJobs {
  readonly stack: StacServices;
  /** Runs process_large_raster on a local file. @throws JobFailure when it failed. */
  tile(file: string, parameters?: JsonObject): Promise<Tiled>;
  tileBlob(raster: BlobRef, parameters?: JsonObject): Promise<Tiled>;
}

export interface TiledCog extends CreateCogOutput {
  readonly id: string;
  /** A local copy. */
  readonly file: string;
}

export interface Tiled {
  readonly jobId: string;
  readonly status: string;
  readonly result: JsonObject;
  readonly scheme: GenerateTilingSchemeOutput;
  /** The scheme's blob. */
  readonly document: JsonObject;
  readonly cogs: readonly TiledCog[];
}

/** process_large_raster on Azurite, GDAL processes and pgSTAC. */
export async function largeJobs(): Promise<LargeJobs> {
  const stack = await stacServices();
  let uploads = 0;
  const tileBlob = async (raster: BlobRef, parameters: JsonObject = {}): Promise<Tiled> => {
    const place = { container_name: raster.container, blob_name: raster.name };
    const { job, store } = await runJob(processLargeRaster, { ...place, ...parameters }, stack);
    if (!job.result) throw new JobFailure(job.error);
    const [scheme] = (await outputs(store, job, 1)).map(
      ({ output }) => output as unknown as GenerateTilingSchemeOutput,
    );
    assert.ok(scheme);
    const cogs = await localCopies(stack, await outputs(store, job, 3), job.jobId);
    const { blobs } = stack.services;
    const text = await blobs.read({ container: scheme.scheme_container, name: scheme.scheme_blob });
    const document = JSON.parse(new TextDecoder().decode(text)) as JsonObject;
    return { jobId: job.jobId, status: job.status, result: job.result, scheme, document, cogs };
  };
  const tile = async (file: string, parameters?: JsonObject) => {
    uploads += 1;
    return tileBlob(await stack.upload(file, `${uploads}-${stack.container}/${basename(file)}`), parameters);
  };
  return { stack, tile, tileBlob };
}

function outputs(store: StateStore, job: { jobId: string; run: number }, stage: number) {
  return store.resultPage({ jobId: job.jobId, run: job.run, stage }, -1, 1000);
}

async function localCopies(
  { services, folder }: StacServices,
  results: Awaited<ReturnType<typeof outputs>>,
  jobId: string,
): Promise<TiledCog[]> {
  const cogs: TiledCog[] = [];
  for (const { key, output } of results) {
    const cog = output as unknown as CreateCogOutput;
    const file = join(folder, `${jobId.slice(0, 8)}-${cog.target_crs.slice(5)}-${key}.tif`);
    await services.blobs.download({ container: cog.cog_container, name: cog.cog_blob }, file);
    cogs.push({ ...cog, id: key, file });
  }
  return cogs;
}

/** What gdalwarp makes of the whole source in the tiling's grid, in one chunk, every pixel's place computed exactly. */
export async function wholeWarp(source: string, { scheme }: Tiled, target: string, flags: readonly string[]) {
  const { left, top, dx, dy, width, height } = scheme.tiling.grid;
  const extent = [left, top - height * dy, left + width * dx, top].map(String);
  const output = `${source.replace(/\.tif$/, '')}-whole-${flags.join('')}.tif`;
  const grid = ['-t_srs', target, '-te', ...extent, '-ts', String(width), String(height)];
  await gdalCli('gdalwarp', ['-q', '-overwrite', ...grid, '-et', '0', '-wm', '2000', ...flags, source, output]);
  return output;
}

/** Every valid pixel of every tile has the whole's value at its place, and valid is what is valid there. */
export async function assertSeamless({ cogs, scheme }: Tiled, whole: string, alpha: boolean): Promise<void> {
  const reference = pixelsOf(whole);
  const covered = new Uint8Array(reference.width * reference.height);
  for (const cog of cogs) {
    const [column, row] = await placeOf(cog, scheme);
    compare(cog, pixelsOf(cog.file), reference, { column, row, alpha, covered });
  }
  for (let pixel = 0; pixel < covered.length; pixel += 1) {
    assert.ok(covered[pixel] || !isValid(reference, pixel, 0, alpha), `no tile has the valid pixel ${pixel}`);
  }
}

/** By the COG's own georeference, not by its name. */
async function placeOf(cog: TiledCog, { tiling: { grid } }: GenerateTilingSchemeOutput): Promise<[number, number]> {
  const { stdout } = await gdalCli('gdalinfo', ['-json', cog.file]);
  const { geoTransform } = JSON.parse(stdout) as { geoTransform: number[] };
  const [left = 0, dx = 0, , top = 0, , dy = 0] = geoTransform;
  assert.ok(Math.abs(dx / grid.dx - 1) < 1e-9 && Math.abs(-dy / grid.dy - 1) < 1e-9, `pixels of ${dx} x ${dy}`);
  // In degrees: beyond the antimeridian the grid goes on where the COG is brought back.
  const isDegrees = Math.abs(grid.left) <= 360;
  const turns = isDegrees ? Math.floor((left - grid.left) / 360 + 1e-9) : 0;
  const [column, row] = [(left - 360 * turns - grid.left) / grid.dx, (grid.top - top) / grid.dy];
  assert.ok(Math.abs(column - Math.round(column)) < 1e-6 && Math.abs(row - Math.round(row)) < 1e-6, 'off the grid');
  return [Math.round(column), Math.round(row)];
}

function compare(
  cog: TiledCog,
  mine: Pixels,
  whole: Pixels,
  { column, row, alpha, covered }: { column: number; row: number; alpha: boolean; covered: Uint8Array },
): void {
  for (const [index, band] of mine.bands.entries()) {
    for (let pixel = 0; pixel < band.length; pixel += 1) {
      const [x, y] = [column + (pixel % mine.width), row + Math.floor(pixel / mine.width)];
      const there = y * whole.width + x;
      covered[there] = 1;
      const valid = (mine.masks[index]?.[pixel] ?? 0) !== 0;
      const [value, other] = [band[pixel], whole.bands[index]?.[there]];
      const isAlpha = index === whole.bands.length - 1;
      const expected = alpha && isAlpha ? valid : isValid(whole, there, index, alpha);
      if (valid !== expected || (valid && value !== other)) {
        assert.fail(`${cog.id} band ${index + 1} at ${x}, ${y}: ${value} (${valid}), whole ${other} (${expected})`);
      }
    }
  }
}

function isValid(pixels: Pixels, pixel: number, band: number, alpha: boolean): boolean {
  if (alpha) return pixels.bands.at(-1)?.[pixel] !== 0;
  return (pixels.masks[band]?.[pixel] ?? 0) !== 0;
}

/** Names of the blobs that a job keeps while it runs. */
export async function windowsOf({ services }: Pick<StacServices, 'services'>, jobId: string): Promise<string[]> {
  if (!(await services.blobs.containerExists('silver-tiles'))) return [];
  const blobs = await Array.fromAsync(services.blobs.list('silver-tiles', { prefix: `work/${jobId}` }));
  return blobs.map(({ name }) => name);
}

export async function textOf(file: string): Promise<string> {
  return readFile(file, 'utf8');
}
