import type { TaskContext } from '../../core/handler.ts';
import type { GdalSource } from '../../core/ports/blob-store.ts';
import type { GdalRunOptions } from '../../core/ports/gdal.ts';
import { intermediateCommand, internalMask, maskCommand, referenceCommand } from './cog-commands.ts';
import type { CogPlan } from './cog-plan.ts';

/** Between which fractions of the task's work something lies. */
export type Span = readonly [from: number, to: number];

export function stepOptions(context: TaskContext, [from, to]: Span): GdalRunOptions {
  return {
    signal: context.signal,
    config: internalMask,
    onProgress: (fraction) => context.progress(from + (to - from) * fraction),
  };
}

/** For a step on files that an earlier one made. */
export function laterStep(context: TaskContext, span: Span): GdalRunOptions {
  return { ...stepOptions(context, span), ahead: true };
}

/** The plan's pixels in the target grid, uncompressed, with their mask, as a local file in `folder`; its path. */
export async function scratchPixels(
  plan: CogPlan,
  source: GdalSource,
  folder: string,
  context: TaskContext,
  [from, to]: Span,
): Promise<string> {
  const masking = from + (to - from) * 0.9;
  const warped = await unmaskedPixels(plan, source, folder, context, [from, masking]);
  if (plan.mask === 'none') return warped;
  const masked = `${folder}/masked.tif`;
  await context.services.gdal.run(maskCommand(plan, warped, masked), laterStep(context, [masking, to]));
  return masked;
}

/** The same with the mask, where there is one, as the last band. */
export async function unmaskedPixels(
  plan: CogPlan,
  source: GdalSource,
  folder: string,
  context: TaskContext,
  span: Span,
): Promise<string> {
  const { gdal } = context.services;
  const warped = `${folder}/warped.tif`;
  const reference = `${folder}/reference.vrt`;
  const referring = referenceCommand(plan, source, reference);
  if (referring) await gdal.run(referring, { signal: context.signal });
  const pixels = referring ? { path: reference, config: source.config, refersTo: source.path } : source;
  await gdal.run(intermediateCommand(plan, pixels, warped), stepOptions(context, span));
  return warped;
}
