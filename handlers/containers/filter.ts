import { z } from 'zod';
import type { BlobProperties, BlobStore } from '../../core/ports/blob-store.ts';
import { bytesPerMb } from './sizes.ts';

const instant = z.union([z.iso.datetime({ offset: true }), z.iso.date()]);

const extension = z
  .string()
  .max(20)
  .overwrite((given) => given.trim().toLowerCase())
  .overwrite((given) => (given === '' || given.startsWith('.') ? given : `.${given}`));

/** Which blobs of a container count; what is not given lets everything through. */
export const blobFilter = z
  .strictObject({
    prefix: z.string().max(1024).optional().describe('Names that begin so; the service looks at no others.'),
    extensions: z
      .array(extension)
      .min(1)
      .max(100)
      .optional()
      .describe('E.g. [".tif", "gpkg"]; case does not matter; "": names without one.'),
    min_size_mb: z.number().min(0).optional().describe('At least so large, in MB of 1,048,576 bytes.'),
    max_size_mb: z.number().min(0).optional().describe('At most so large.'),
    modified_after: instant
      .optional()
      .describe('Last modified after this instant, ISO 8601; a date is its midnight UTC.'),
    modified_before: instant.optional().describe('Last modified before this instant.'),
  })
  .refine(({ min_size_mb: min = 0, max_size_mb: max = Infinity }) => min <= max, {
    path: ['max_size_mb'],
    message: 'must not be less than min_size_mb',
  });

export type BlobFilter = z.output<typeof blobFilter>;

export interface ListedBlob {
  readonly blob: BlobProperties;
  /** The filter lets it through. */
  readonly wanted: boolean;
}

/** A container's blobs in name order, as the pages come in; those that the filter leaves out too, so that they can be counted. */
export async function* listFiltered(
  blobs: BlobStore,
  container: string,
  filter: BlobFilter,
  signal?: AbortSignal,
): AsyncGenerator<ListedBlob> {
  const passes = filterOf(filter);
  const options = { ...(filter.prefix !== undefined && { prefix: filter.prefix }), ...(signal && { signal }) };
  for await (const blob of blobs.list(container, options)) yield { blob, wanted: passes(blob) };
}

/** The filter as a question. The prefix is not part of it: the listing sees to that. */
export function filterOf(filter: BlobFilter): (blob: BlobProperties) => boolean {
  const extensions = filter.extensions && new Set(filter.extensions);
  const least = (filter.min_size_mb ?? 0) * bytesPerMb;
  const most = (filter.max_size_mb ?? Infinity) * bytesPerMb;
  const after = filter.modified_after === undefined ? -Infinity : Date.parse(filter.modified_after);
  const before = filter.modified_before === undefined ? Infinity : Date.parse(filter.modified_before);
  return ({ name, sizeBytes, lastModified }) =>
    (!extensions || extensions.has(extensionOf(name))) &&
    sizeBytes >= least &&
    sizeBytes <= most &&
    lastModified.getTime() > after &&
    lastModified.getTime() < before;
}

/** Longer endings are part of a name, not a kind of file. */
const longestExtension = 16;

/** `.tif` of `a/b.TIF`; empty for names without one, such as `README`, `.gitignore` and `v1.2/data`. */
export function extensionOf(name: string): string {
  const file = name.slice(name.lastIndexOf('/') + 1);
  const dot = file.lastIndexOf('.');
  const ending = file.slice(dot + 1);
  const isExtension = dot > 0 && ending.length <= longestExtension && /^[\p{L}\p{N}_+~-]+$/u.test(ending);
  return isExtension ? `.${ending.toLowerCase()}` : '';
}
