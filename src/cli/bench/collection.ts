import { mkdir, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { openBlobStore } from '../../../infrastructure/blob/azure-blob-store.ts';
import type { Stack } from '../../local/stack/stack.ts';
import { makeRgbRaster } from './make-raster.ts';
import { type Contestant, compete, type Outcome, type Sample, timeCommand } from './measure.ts';
import { firstLine, machineLine, writeSection } from './report.ts';
import { timeJob, withBenchStack } from './stack.ts';

const size = 4000;
const across = 4;
const folder = '.cache/bench/collection';
const tiles = Array.from({ length: across * across }, (_, index) => ({
  name: `tile-${Math.floor(index / across)}-${index % across}.tif`,
  corner: { east: (index % across) * size, south: Math.floor(index / across) * size },
}));

/** process_raster_collection of 16 tiles, submit to completed, against a script with GDAL's command-line tools. */
export async function benchCollection(rounds: number): Promise<void> {
  await mkdir(folder, { recursive: true });
  await makeTiles();
  const contestants = [coreMachine(2, 'warm'), coreMachine(1, 'warm'), coreMachine(2, 'fresh'), script(2), script(1)];
  const outcomes = await compete(contestants, rounds, (line) => console.log(line));
  await writeSection('collection', reportLines(outcomes, rounds));
  console.log('written to docs/performance.md');
}

async function makeTiles(): Promise<void> {
  for (const { name, corner } of tiles) {
    const file = join(folder, name);
    if (await stat(file).catch(() => null)) continue;
    console.log(`making ${name}, ${size} x ${size} RGB`);
    await makeRgbRaster(file, size, corner);
  }
}

/**
 * A stack of its own for each run: `processes` is read when it starts. A fresh worker starts its GDAL processes and compiles
 * its program during the job; a warm one has made a collection before.
 */
function coreMachine(processes: number, worker: 'warm' | 'fresh'): Contestant {
  return {
    name: `process_raster_collection, ${plural(processes, 'GDAL process', 'GDAL processes')}, ${worker} worker`,
    run: (round) =>
      withBenchStack(folder, { GDAL_PROCESSES: String(processes) }, async (stack) => {
        await uploadTiles(stack);
        if (worker === 'warm') await makeCollection(stack, `before-${round}`, tiles.slice(0, 4));
        return makeCollection(stack, `bench-${round}`, tiles);
      }),
  };
}

async function uploadTiles(stack: Stack): Promise<void> {
  const blobs = openBlobStore({ connection: String(stack.settings.STORAGE_CONNECTION) });
  for (const { name } of tiles) {
    await blobs.upload({ container: 'bench', name }, join(folder, name), { contentType: 'image/tiff' });
  }
}

function makeCollection(stack: Stack, id: string, members: typeof tiles): Promise<Sample> {
  return timeJob(stack, 'process_raster_collection', {
    container_name: 'bench',
    blob_list: members.map(({ name }) => name),
    collection_id: id,
    output_folder: id,
    output_tier: 'analysis',
    raster_type: 'rgb',
  });
}

/** The plain way: each tile warped to a tiled file and translated to a COG with statistics, so many at a time. */
function script(parallel: number): Contestant {
  const cog = '-co COMPRESS=DEFLATE -co LEVEL=2 -co PREDICTOR=2 -co BLOCKSIZE=512 -co OVERVIEW_RESAMPLING=CUBIC';
  const one = [
    'set -e',
    'out="$1/$(basename "$2" .tif)"',
    'gdalwarp -q -t_srs EPSG:4326 -r cubic -dstalpha -co TILED=YES "$2" "$out.warped.tif"',
    `gdal_translate -q -of COG -b 1 -b 2 -b 3 -mask 4 ${cog} -stats "$out.warped.tif" "$out.cog.tif"`,
    'rm "$out.warped.tif"',
  ].join('\n');
  return {
    name: `xargs -P${parallel}, gdalwarp and gdal_translate`,
    async run() {
      const out = join(folder, 'out');
      await rm(out, { recursive: true, force: true });
      await mkdir(out, { recursive: true });
      const file = join(out, 'one.sh');
      await writeFile(file, one);
      const list = tiles.map(({ name }) => join(folder, name)).join(' ');
      try {
        return await timeCommand('bash', ['-c', `echo ${list} | xargs -n 1 -P ${parallel} bash ${file} ${out}`]);
      } finally {
        await rm(out, { recursive: true, force: true });
      }
    },
  };
}

function reportLines(outcomes: readonly Outcome[], rounds: number): string[] {
  const [two, one, , script2] = outcomes.map(({ medianSeconds }) => medianSeconds);
  const rows = outcomes.map(
    ({ name, medianSeconds, peakMiB }) =>
      `| ${name} | ${medianSeconds.toFixed(1)} s | ${(medianSeconds / (script2 ?? Number.NaN)).toFixed(2)} | ${peakMiB} MiB |`,
  );
  return [
    `## process_raster_collection, ${tiles.length} tiles of ${size} x ${size} RGB, UTM 33N to EPSG:4326, analysis tier`,
    '',
    `\`./run bench collection\`, ${plural(rounds, 'round', 'rounds')}, ${machineLine()}, ${firstLine('gdalinfo', ['--version'])}.`,
    'The job is timed from the HTTP submit to `completed`, with tiles read from and COGs written to blob storage, MosaicJSON,',
    'STAC collection and items; the script reads and writes local files and stops at the COGs, with their masks and statistics.',
    'A warm worker has made a collection of four tiles before; a fresh one starts its GDAL processes and compiles its program.',
    '',
    '| | median | as a ratio to the script, two at a time | peak memory |',
    '|---|---|---|---|',
    ...rows,
    '',
    `Two GDAL processes are ${((one ?? Number.NaN) / (two ?? Number.NaN)).toFixed(2)} times as fast as one.`,
  ];
}

function plural(count: number, one: string, many: string): string {
  return `${count} ${count === 1 ? one : many}`;
}
