import { statSync } from 'node:fs';
import { basename, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import type { JsonObject } from '../../core/json.ts';
import { openBlobStore } from '../../infrastructure/blob/azure-blob-store.ts';
import { type Stack, startStack } from '../local/stack/stack.ts';
import { bar, LiveLine } from './bar.ts';
import { ApiClient, type JobView } from './client.ts';
import { commandLine } from './command-line.ts';
import { saveOutputs } from './demo-outputs.ts';
import { type DemoRaster, prepareSamples, userRasters } from './demo-rasters.ts';
import { ensurePgstacSql } from './setup/pgstac.ts';
import { templateFolder } from './template-folder.ts';

const help = `./run demo [FILE.tif …]
Starts the embedded stack in memory, sends rasters through process_raster and writes the COG, the STAC item and a
picture of each to out/.
Without a file: NASA's Blue Marble, a Landsat 7 scene and an elevation model.`;

/** What is to be looked at after the demo; the stack and its addresses are gone then. */
const outputFolder = 'out';

const files = commandLine(help, () => parseArgs({ allowPositionals: true }).positionals);
process.exitCode = await demo(files).catch((error: unknown) => {
  console.error(`demo failed: ${error instanceof Error ? error.message : String(error)}`);
  return 1;
});

async function demo(given: readonly string[]): Promise<number> {
  const unreadable = given.filter((file) => !statSync(file, { throwIfNoEntry: false })?.isFile());
  if (unreadable.length > 0) throw new Error(`there is no file ${unreadable.join(', ')}`);
  const rasters = given.length > 0 ? userRasters(given) : await prepareSamples();
  console.log('Starting the embedded stack (nothing is installed on the system, nothing is kept)');
  const stack = await startStack({
    dataFolder: null,
    logFolder: '.cache/logs',
    env: {},
    pgstacSql: await ensurePgstacSql(),
    templateFolder,
    httpPort: 0,
    fixedPorts: false,
    say: (line) => console.log(`  ${line}`),
  });
  const interrupted = new AbortController();
  process.once('SIGINT', () => interrupted.abort(new Error('interrupted')));
  try {
    let failures = 0;
    for (const raster of rasters) failures += (await isProcessed(stack, raster, interrupted.signal)) ? 0 : 1;
    console.log(
      `\n${rasters.length - failures} of ${rasters.length} rasters processed; all is in ${pathToFileURL(outputFolder)}/`,
    );
    console.log(
      './run start keeps a stack running: the same over HTTP, with links to maps where TITILER_BASE_URL is set',
    );
    return failures === 0 ? 0 : 1;
  } finally {
    await stack.stop();
  }
}

/** One that is refused, or fails in another way, does not keep the others from being processed. */
async function isProcessed(stack: Stack, raster: DemoRaster, signal: AbortSignal): Promise<boolean> {
  try {
    return await processOne(stack, raster, signal);
  } catch (error) {
    if (signal.aborted) throw error;
    console.error(`  failed: ${error instanceof Error ? error.message : String(error)}`);
    return false;
  }
}

async function processOne(stack: Stack, raster: DemoRaster, signal: AbortSignal): Promise<boolean> {
  const blobs = blobStore(stack);
  const name = [raster.folder, basename(raster.file)].filter(Boolean).join('/');
  console.log(`\n${raster.title}`);
  await blobs.upload({ container: 'bronze', name }, raster.file, { contentType: 'image/tiff' });
  const client = new ApiClient(stack.url, stack.functionKey);
  const submitted = await client.submit('process_raster', {
    container_name: 'bronze',
    blob_name: name,
    collection_id: 'demo',
    ...raster.parameters,
  });
  const job = await client.follow(String(submitted.job_id), progressPrinter(), signal);
  if (job.status !== 'completed') {
    console.error(`  ${job.status}: ${JSON.stringify(job.error)}`);
    return false;
  }
  await showResult(stack, job, raster);
  return true;
}

/** One line a stage: replaced while it runs, kept when it is done. */
function progressPrinter(): (job: JobView) => void {
  const line = new LiveLine();
  const printed = new Set<number>();
  return (job) => {
    for (const stage of stagesOf(job)) {
      if (printed.has(stage.number) || stage.total === 0) continue;
      const label = `  stage ${stage.number}/${job.total_stages} ${stage.name.padEnd(12)}`;
      if (stage.completed === stage.total) {
        line.done(`${label} ${bar(1)}  ${durationOf(job, stage.number)}`);
        printed.add(stage.number);
      } else if (stage.number === job.stage) {
        line.update(`${label} ${bar(job.progress * job.total_stages - (job.stage - 1))}`);
      }
    }
  };
}

interface Stage {
  readonly number: number;
  readonly name: string;
  readonly total: number;
  readonly completed: number;
}

function stagesOf(job: JobView): readonly Stage[] {
  return (job.stages ?? []) as unknown as readonly Stage[];
}

function durationOf(job: JobView, stage: number): string {
  const history = (job.stage_history ?? []) as unknown as readonly { stage_n: number; duration_seconds: number }[];
  return `${history.find(({ stage_n }) => stage_n === stage)?.duration_seconds.toFixed(1) ?? '?'} s`;
}

async function showResult(stack: Stack, job: JobView, { file, folder }: DemoRaster): Promise<void> {
  const result = job.result_data as JsonObject;
  const cog = result.cog as JsonObject;
  const stac = result.stac as JsonObject;
  const validation = result.validation as JsonObject;
  console.log(
    `  type      ${validation.raster_type} (confidence ${validation.confidence}), ${crsName(String(validation.source_crs))}`,
  );
  const made = {
    cog: { container: String(cog.cog_container), name: String(cog.cog_blob) },
    item: { collectionId: String(stac.collection_id), itemId: String(stac.item_id) },
    source: file,
  };
  const databaseUrl = String(stack.settings.DATABASE_URL);
  const saved = await saveOutputs(join(outputFolder, folder), made, { blobs: blobStore(stack), databaseUrl });
  console.log(`  COG       ${cog.size_mb} MB, ${cog.compression}, reprojected: ${cog.reprojection_performed}`);
  console.log(`            ${saved.cog}`);
  console.log(`  STAC      ${stac.collection_id}/${stac.item_id}  bbox ${JSON.stringify(stac.bbox)}`);
  console.log(`            ${saved.item}`);
  if (saved.picture) console.log(`  picture   ${saved.picture}`);
}

function blobStore(stack: Stack) {
  const connection = stack.settings.STORAGE_CONNECTION;
  if (!connection) throw new Error('the demo needs a storage connection string');
  return openBlobStore({ connection });
}

/** A CRS without a code is a page of WKT: its name will do. */
function crsName(crs: string): string {
  return crs.startsWith('EPSG:') ? crs : `${/"([^"]+)"/.exec(crs)?.[1] ?? 'a CRS without a name'} (no EPSG code)`;
}
