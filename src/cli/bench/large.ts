import { execFile } from 'node:child_process';
import { mkdir, readdir, rm, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { openBlobStore } from '../../../infrastructure/blob/azure-blob-store.ts';
import type { JobView } from '../client.ts';
import { makeRgbRaster } from './make-raster.ts';
import type { Sample } from './measure.ts';
import { firstLine, machineLine, writeSection } from './report.ts';
import { timeJob, withBenchStack } from './stack.ts';

const run = promisify(execFile);
const folder = '.cache/bench/large';
const tempFolder = resolve(folder, 'temp');
/** Side of the raster that larger ones are made of, so that a pixel costs the codec the same in all of them. */
const unit = 10_000;

interface Measured extends Sample {
  readonly side: number;
  /** Most that lay in the worker's temporary folder at once, in MiB. */
  readonly diskMiB: number;
  /** Longest time in which `progress` did not move, in seconds. */
  readonly stillSeconds: number;
}

/** process_large_raster of rasters of several sizes, from submit to completed. `sides` in pixels. */
export async function benchLarge(sides: readonly number[]): Promise<void> {
  await rm(tempFolder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  const measured: Measured[] = [];
  for (const side of sides) {
    const source = await makeSource(side);
    const one = await withBenchStack(folder, { TEMP_FOLDER: tempFolder }, async (stack) => {
      const blobs = openBlobStore({ connection: String(stack.settings.STORAGE_CONNECTION) });
      const name = `rgb-${side}.tif`;
      await blobs.upload({ container: 'bench', name }, source, { contentType: 'image/tiff' });
      const disk = new DiskProbe(tempFolder);
      const progress = new ProgressWatch();
      const parameters = { container_name: 'bench', blob_name: name, output_tier: 'analysis', raster_type: 'rgb' };
      const sample = await timeJob(stack, 'process_large_raster', parameters, (job) => progress.see(job)).finally(() =>
        disk.stop(),
      );
      return { side, ...sample, diskMiB: disk.stop(), stillSeconds: progress.longestSeconds };
    });
    console.log(
      `${side} x ${side}  ${one.seconds.toFixed(0)} s  ${one.peakMiB} MiB  ${one.diskMiB} MiB on disk  progress still for ${one.stillSeconds.toFixed(0)} s at most`,
    );
    measured.push(one);
    if (side !== unit) await rm(source);
  }
  await rm(tempFolder, { recursive: true, force: true });
  await writeSection('large', reportLines(measured));
  console.log('written to docs/performance.md');
}

async function makeSource(side: number): Promise<string> {
  if (side % unit !== 0) throw new Error(`a side of ${side} is no multiple of ${unit}`);
  const first = join(folder, `rgb-${unit}.tif`);
  if (!(await stat(first).catch(() => null))) {
    console.log(`making a ${unit} x ${unit} RGB raster`);
    await makeRgbRaster(first, unit);
  }
  return side === unit ? first : repeated(first, side);
}

/** The raster, side by side as often as it fits. */
async function repeated(first: string, side: number): Promise<string> {
  console.log(`making a ${side} x ${side} RGB raster`);
  const file = join(folder, `rgb-${side}.tif`);
  const parts: string[] = [];
  for (let index = 0; index < (side / unit) ** 2; index += 1) {
    const [east, south] = [(index % (side / unit)) * unit, Math.floor(index / (side / unit)) * unit];
    const corners = [500_000 + east, 5_400_000 - south, 500_000 + east + unit, 5_400_000 - south - unit];
    const part = join(folder, `part-${index}.vrt`);
    await run('gdal_translate', ['-q', '-of', 'VRT', '-a_ullr', ...corners.map(String), first, part]);
    parts.push(part);
  }
  const whole = join(folder, 'whole.vrt');
  await run('gdalbuildvrt', ['-q', '-overwrite', whole, ...parts]);
  await run('gdal_translate', ['-q', '-co', 'TILED=YES', '-co', 'BIGTIFF=YES', whole, file]);
  await Promise.all([whole, ...parts].map((made) => rm(made)));
  return file;
}

/** How long the job's progress stood still. */
class ProgressWatch {
  longestSeconds = 0;
  #last = '';
  #movedAt = performance.now();

  see({ stage, progress, stages }: JobView): void {
    const now = performance.now();
    const state = JSON.stringify([stage, progress, stages]);
    this.longestSeconds = Math.max(this.longestSeconds, (now - this.#movedAt) / 1000);
    if (state === this.#last) return;
    this.#last = state;
    this.#movedAt = now;
  }
}

/** Samples what lies in a folder, twice a second. */
class DiskProbe {
  readonly #timer: ReturnType<typeof setInterval>;
  #peakBytes = 0;

  constructor(folder: string) {
    this.#timer = setInterval(() => {
      void bytesIn(folder).then((bytes) => {
        this.#peakBytes = Math.max(this.#peakBytes, bytes);
      });
    }, 500);
  }

  /** Ends the sampling; the most that was seen, in MiB. */
  stop(): number {
    clearInterval(this.#timer);
    return Math.round(this.#peakBytes / 1024 / 1024);
  }
}

async function bytesIn(folder: string): Promise<number> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => []);
  const sizes = entries
    .filter((entry) => entry.isFile())
    // Allocated, not apparent: files that GDAL writes may have holes.
    .map((entry) =>
      stat(join(entry.parentPath, entry.name))
        .then(({ blocks }) => blocks * 512)
        .catch(() => 0),
    );
  return (await Promise.all(sizes)).reduce((sum, bytes) => sum + bytes, 0);
}

function reportLines(measured: readonly Measured[]): string[] {
  const perMegapixel = ({ seconds, side }: Measured) => seconds / (side / 1000) ** 2;
  const [smallest] = measured;
  const rows = measured.map((one) => {
    const ratio = smallest ? perMegapixel(one) / perMegapixel(smallest) : Number.NaN;
    return `| ${one.side} x ${one.side} | ${one.seconds.toFixed(0)} s | ${(perMegapixel(one) * 1000).toFixed(0)} ms (${ratio.toFixed(2)}) | ${one.peakMiB} MiB | ${one.diskMiB} MiB | ${one.stillSeconds.toFixed(0)} s |`;
  });
  return [
    '## process_large_raster, RGB, UTM 33N to EPSG:4326, analysis tier',
    '',
    `\`./run bench large\`, 1 round, ${machineLine()}, ${firstLine('gdalinfo', ['--version'])}.`,
    'From the HTTP submit to `completed`, with MosaicJSON and STAC; memory is that of the host and its children, disk',
    'what lay in its temporary folder at once. A larger raster is the smallest one repeated.',
    '',
    '| | submit to completed | a megapixel (ratio) | peak memory | peak temporary disk | progress stood still at most |',
    '|---|---|---|---|---|---|',
    ...rows,
  ];
}
