import { CoreMachineError } from '../../core/errors.ts';
import type { TaskContext } from '../../core/handler.ts';
import type { StageResult } from '../../core/results.ts';
import { inOrder } from '../parallel.ts';
import type { CreateCogOutput } from '../raster/schemas.ts';
import { type RasterFacts, rasterFacts } from '../stac/raster-facts.ts';

/** A COG that a stage made, with what its header says. */
export interface CogHeader {
  readonly cog: CreateCogOutput;
  readonly facts: Pick<RasterFacts, 'width' | 'height' | 'geoTransform'>;
  /** In lower case, e.g. `uint8`. */
  readonly dataType: string;
}

/** Headers read at the same time. */
const width = 8;

/** Reads the COGs' headers by range requests; in the order of the COGs, the last progress being `upTo`. */
export async function cogHeaders(
  cogs: AsyncIterable<StageResult<CreateCogOutput>>,
  context: TaskContext,
  progress: { readonly count: number; readonly upTo: number },
): Promise<readonly CogHeader[]> {
  const headers: CogHeader[] = [];
  for await (const header of inOrder(cogs, width, ({ output }) => headerOf(output, context))) {
    context.signal.throwIfAborted();
    headers.push(header);
    context.progress(Math.min(1, headers.length / Math.max(1, progress.count)) * progress.upTo);
  }
  return headers;
}

async function headerOf(cog: CreateCogOutput, { services, signal }: TaskContext): Promise<CogHeader> {
  const source = await services.blobs.gdalSource({ container: cog.cog_container, name: cog.cog_blob });
  const facts = rasterFacts(await services.gdal.info(source, ['-norat', '-nomd', '-noct'], { signal }));
  const [first] = facts.bands;
  if (!first) throw new CoreMachineError('RASTER_UNSUPPORTED', `${cog.cog_blob} has no band`);
  const { width, height, geoTransform } = facts;
  return { cog, facts: { width, height, geoTransform }, dataType: dataTypeOf(first.type) };
}

/** GDAL calls eight bits a byte. */
export function dataTypeOf(gdalType: string): string {
  return gdalType === 'Byte' ? 'uint8' : gdalType.toLowerCase();
}
