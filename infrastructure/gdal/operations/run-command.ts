import gdal, { type Dataset } from 'gdal-async';
import { cpl } from '../cpl-numbers.ts';
import type { PlainCommand } from '../protocol.ts';
import { datasetStatistics, openFile, setStatistics, writeStatistics } from './band-statistics.ts';
import { lastError } from './cpl-log.ts';
import { rasterInfo } from './info.ts';
import { OperationError } from './operation-error.ts';
import type { OperationContext } from './perform.ts';
import { buildPyramid } from './pyramid.ts';
import { withSource } from './source.ts';
import { verifyPixels } from './verify-pixels.ts';

type Converting = Extract<PlainCommand, { tool: 'gdalwarp' | 'gdal_translate' }>;
type Mosaic = Extract<PlainCommand, { tool: 'gdalbuildvrt' }>;
type Placement = Extract<PlainCommand, { tool: 'geotransform' }>;
type Overviews = Extract<PlainCommand, { tool: 'gdaladdo' }>;

/** Failures of these classes are about the request or the machine; reading the source again would tell nothing. */
const notTheSource: ReadonlySet<number> = new Set([
  cpl.outOfMemory,
  cpl.illegalArgument,
  cpl.notSupported,
  cpl.noWriteAccess,
]);

export async function runCommand(command: PlainCommand, context: OperationContext): Promise<null> {
  switch (command.tool) {
    case 'gdalinfo':
      await rasterInfo({ path: command.source, args: command.args }, context);
      break;
    case 'gdalwarp':
    case 'gdal_translate':
      await convert(command, context);
      break;
    case 'gdalbuildvrt':
      await buildVrt(command, context);
      break;
    case 'gdaladdo':
      await addOverviews(command, context);
      break;
    case 'pyramid':
      await finish(await buildPyramid(command, context), context);
      break;
    case 'geotransform':
      await setGeoTransform(command, context);
      break;
    case 'statistics':
      await finish(await writeStatistics(command.file, context), context);
      break;
  }
  return null;
}

async function convert(command: Converting, context: OperationContext): Promise<void> {
  const { source, destination } = command;
  const args = [...command.args];
  const options = { progress_cb: context.progress };
  await withSource(source, async (dataset) => {
    try {
      const output =
        command.tool === 'gdalwarp'
          ? await gdal.warpAsync(destination, null, [dataset], args, options)
          : await gdal.translateAsync(destination, dataset, args, options);
      await finish(output, context);
    } catch (error) {
      throw await explained(error, source, context);
    }
  });
}

/** Every source is opened first: GDAL leaves out those that it cannot open, with a warning. */
async function buildVrt(command: Mosaic, context: OperationContext): Promise<void> {
  for (const source of command.sources) await withSource(source, async () => {});
  const options = { progress_cb: context.progress };
  const output = await gdal.buildVRTAsync(command.destination, [...command.sources], [...command.args], options);
  await finish(output, context);
}

async function addOverviews(command: Overviews, context: OperationContext): Promise<void> {
  const { bands, external } = overviewFlags(command.args);
  const dataset = await openFile(command.file, external ? 'r' : 'r+');
  try {
    // Through a dataset of its own, whose pixels the overviews do not change; the overviews report the progress.
    const reader = command.statistics ? await openFile(command.file, 'r') : null;
    const measuring = reader && datasetStatistics(reader, { ...context, progress: () => {} });
    const options = { progress_cb: context.progress };
    const building = dataset.buildOverviewsAsync(command.resampling.toUpperCase(), [...command.levels], bands, options);
    // Both, so that neither is still at work on a dataset that is closed.
    const [built, measured] = await Promise.allSettled([building, measuring]);
    reader?.close();
    if (built.status === 'rejected') throw built.reason;
    if (measured.status === 'rejected') throw measured.reason;
    if (measured.value) setStatistics(dataset, measured.value);
  } catch (error) {
    dataset.close();
    throw error;
  }
  await finish(dataset, context);
}

async function setGeoTransform(command: Placement, context: OperationContext): Promise<void> {
  const dataset = await openFile(command.file, 'r+');
  dataset.geoTransform = [...command.geoTransform];
  await finish(dataset, context);
}

const overviewFlagNames: ReadonlySet<string> = new Set(['-q', '-ro', '-b']);

/** The flags of gdaladdo that have a meaning here; the tool itself is not in GDAL's library. */
function overviewFlags(args: readonly string[]): { bands: number[] | undefined; external: boolean } {
  const bands: number[] = [];
  for (const [index, flag] of args.entries()) {
    if (args[index - 1] === '-b') bands.push(Number(flag));
    else if (!overviewFlagNames.has(flag)) throw new OperationError('refused', `gdaladdo: ${flag} is not available`);
  }
  const external = args.includes('-ro');
  return { bands: bands.length > 0 ? bands : undefined, external };
}

/** Writes what is still in memory, and fails when that fails: closing a dataset tells nobody. */
async function finish(output: Dataset, context: OperationContext): Promise<void> {
  context.log.news();
  try {
    await output.flushAsync();
  } finally {
    output.close();
  }
  const failure = lastError(context.log.news());
  if (failure) throw new OperationError('run', failure);
}

/** The error, or that of the source's pixels when these are the reason. */
async function explained(error: unknown, path: string, context: OperationContext): Promise<unknown> {
  const reports = context.log.all();
  if (reports.some((report) => report.level === 'error' && notTheSource.has(report.number))) return error;
  return verifyPixels(path, context.log).then(
    () => error,
    (unreadable: unknown) => unreadable,
  );
}
