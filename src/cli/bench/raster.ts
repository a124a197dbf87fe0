import { mkdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { openBlobStore } from '../../../infrastructure/blob/azure-blob-store.ts';
import type { Stack } from '../../local/stack/stack.ts';
import { makeRgbRaster } from './make-raster.ts';
import { addSamples, type Contestant, compete, type Outcome, type Sample, timeCommand } from './measure.ts';
import { firstLine, machineLine, writeSection } from './report.ts';
import { timeJob, withBenchStack } from './stack.ts';

const size = 7000;
const folder = '.cache/bench';
const source = join(folder, `rgb-${size}.tif`);
const warpFlags = ['-t_srs', 'EPSG:4326', '-r', 'cubic', '-multi', '-wo', 'NUM_THREADS=ALL_CPUS'];
const cogFlags = [
  ...[
    'COMPRESS=DEFLATE',
    'PREDICTOR=2',
    'BLOCKSIZE=512',
    'OVERVIEW_RESAMPLING=CUBIC',
    'NUM_THREADS=ALL_CPUS',
    'BIGTIFF=IF_SAFER',
  ],
].flatMap((option) => ['-co', option]);

/** process_raster, submit to completed, against three ways to do the same by hand. */
export async function benchRaster(rounds: number): Promise<void> {
  await mkdir(folder, { recursive: true });
  if (!(await stat(source).catch(() => null))) {
    console.log(`making a ${size} x ${size} RGB raster`);
    await makeRgbRaster(source, size);
  }
  await withBenchStack(folder, { RASTER_SIZE_THRESHOLD_MB: '4000' }, async (stack) => {
    const contestants = [coreMachine(stack), bareSteps(), warpToCog(), rioCogeo()];
    const outcomes = await compete(contestants, rounds, (line) => console.log(line));
    await writeSection('raster', reportLines(outcomes, rounds));
    console.log('written to docs/performance.md');
  });
}

function coreMachine(stack: Stack): Contestant {
  return {
    name: 'process_raster, submit to completed',
    async run(round) {
      const name = `rgb-${round}-${Date.now()}.tif`;
      const blobs = openBlobStore({ connection: String(stack.settings.STORAGE_CONNECTION) });
      await blobs.upload({ container: 'bench', name }, source, { contentType: 'image/tiff' });
      const parameters = { container_name: 'bench', blob_name: name, output_tier: 'analysis', raster_type: 'rgb' };
      return timeJob(stack, 'process_raster', parameters);
    },
  };
}

function bareSteps(): Contestant {
  return {
    name: '(a) gdalwarp to a tiled file, gdal_translate to COG',
    run: () =>
      inFolder('bare', async (out) => {
        const warped = join(out, 'warped.tif');
        const first = await timeCommand('gdalwarp', ['-q', ...warpFlags, '-co', 'TILED=YES', source, warped]);
        return addSamples(
          first,
          await timeCommand('gdal_translate', ['-q', '-of', 'COG', ...cogFlags, warped, join(out, 'cog.tif')]),
        );
      }),
  };
}

function warpToCog(): Contestant {
  return {
    name: '(b) gdalwarp -of COG',
    run: () =>
      inFolder('warp', (out) =>
        timeCommand('gdalwarp', ['-q', '-of', 'COG', ...warpFlags, ...cogFlags, source, join(out, 'cog.tif')]),
      ),
  };
}

function rioCogeo(): Contestant {
  const script = fileURLToPath(new URL('rio_cogeo_reproject.py', import.meta.url));
  return {
    name: '(c) rasterio WarpedVRT, rio-cogeo cog_translate',
    run: () => inFolder('rio', (out) => timeCommand(pythonProgram(), [script, source, join(out, 'cog.tif')])),
  };
}

function pythonProgram(): string {
  return process.env.COREMACHINE_PYTHON ?? '.cache/python/bin/python';
}

async function inFolder(name: string, work: (out: string) => Promise<Sample>): Promise<Sample> {
  const out = join(folder, name);
  await rm(out, { recursive: true, force: true });
  await mkdir(out, { recursive: true });
  try {
    return await work(out);
  } finally {
    await rm(out, { recursive: true, force: true });
  }
}

function reportLines(outcomes: readonly Outcome[], rounds: number): string[] {
  const ours = outcomes[0]?.medianSeconds ?? Number.NaN;
  const rows = outcomes.map(
    ({ name, medianSeconds, peakMiB }) =>
      `| ${name} | ${medianSeconds.toFixed(2)} s | ${(ours / medianSeconds).toFixed(2)} | ${peakMiB} MiB |`,
  );
  const versions = `${firstLine('gdalinfo', ['--version'])}; rio-cogeo ${firstLine(pythonProgram(), ['-c', 'import rio_cogeo; print(rio_cogeo.__version__)'])}`;
  return [
    `## process_raster, ${size} x ${size} RGB, UTM 33N to EPSG:4326, analysis tier`,
    '',
    `\`./run bench raster\`, ${rounds} rounds, ${machineLine()}, ${versions}.`,
    'process_raster is timed from the HTTP submit to `completed`, with its source read from and its COG written to blob',
    'storage, statistics, thumbnail, STAC item and catalogue; the others read and write local files and stop at the COG.',
    '',
    '| | median | process_raster takes, as a ratio | peak memory |',
    '|---|---|---|---|',
    ...rows,
  ];
}
