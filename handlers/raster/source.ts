import { extname, join } from 'node:path/posix';
import { CoreMachineError } from '../../core/errors.ts';
import type { TaskContext } from '../../core/handler.ts';
import { isObject, type JsonObject } from '../../core/json.ts';
import type { BlobRef, GdalSource } from '../../core/ports/blob-store.ts';
import type { Services } from '../../core/services.ts';
import type { Span } from './scratch.ts';
import { sideFileNames } from './side-files.ts';
import { transferred } from './transfer.ts';

export interface SourceOptions {
  readonly subdataset: string | null;
  /** True: always from a local copy; false: by range requests where the format allows; null: small files are copied. */
  readonly localCopy: boolean | null;
  readonly folder: string;
  /** Of the task: signal, and progress of a copy as this span of it. */
  readonly context: Pick<TaskContext, 'signal' | 'progress'>;
  readonly span: Span;
}

interface StoredFile {
  readonly name: string;
  readonly sizeBytes: number;
}

/** Below this a copy is quicker than range requests; above, only what is needed is read. */
const copyBelowBytes = 256 * 1024 * 1024;
/** Formats whose drivers jump about in the file, or need a real file, or that are searched for references first. */
const copiedFormats = new Set(['.nc', '.nc4', '.h5', '.hdf5', '.he5', '.bag', '.png', '.img', '.jp2']);

/** What GDAL opens for a blob: its address in storage, or a local copy; either with its side files. */
export async function openSource(services: Services, ref: BlobRef, options: SourceOptions): Promise<GdalSource> {
  const properties = await services.blobs.properties(ref);
  if (!properties) throw new CoreMachineError('FILE_NOT_FOUND', `there is no blob ${ref.name} in ${ref.container}`);
  if (properties.sizeBytes === 0) throw new CoreMachineError('FILE_UNREADABLE', `${ref.name} is empty`);
  const sideFiles = await findSideFiles(services, ref);
  const copied =
    copiedFormats.has(extname(ref.name).toLowerCase()) || (options.localCopy ?? properties.sizeBytes < copyBelowBytes);
  const raster = { name: ref.name, sizeBytes: properties.sizeBytes };
  const source = copied
    ? await copyOf(services, ref, [raster, ...sideFiles], options)
    : await inPlace(services, ref, sideFiles);
  return chooseSubdataset(services, source, ref, options);
}

async function findSideFiles(services: Services, ref: BlobRef): Promise<StoredFile[]> {
  const names = sideFileNames(ref.name, extname(ref.name));
  const found = await Promise.all(names.map((name) => services.blobs.properties({ container: ref.container, name })));
  return found.flatMap((properties) => properties ?? []);
}

/**
 * GDAL looks for side files one by one, and only for those that are there: anything else that might lie beside the
 * raster is taken for absent without a request. Nothing may write a side file: asking the source for statistics would.
 */
async function inPlace(services: Services, ref: BlobRef, sideFiles: readonly StoredFile[]): Promise<GdalSource> {
  const source = await services.blobs.gdalSource(ref);
  if (sideFiles.length === 0) return source;
  const stemLength = ref.name.length - extname(ref.name).length;
  const endings = [ref, ...sideFiles].map(({ name }) => name.slice(stemLength));
  const readSideFiles = {
    GDAL_DISABLE_READDIR_ON_OPEN: 'TRUE',
    GDAL_PAM_ENABLED: 'YES',
    CPL_VSIL_CURL_ALLOWED_EXTENSIONS: endings.join(','),
  };
  return { ...source, config: { ...source.config, ...readSideFiles } };
}

/** The copy has a plain name, for a blob's own may hold anything; its side files are called after it. */
async function copyOf(
  services: Services,
  ref: BlobRef,
  files: readonly StoredFile[],
  { folder, context, span }: SourceOptions,
): Promise<GdalSource> {
  const extension = extname(ref.name);
  const stemLength = ref.name.length - extension.length;
  // A file named .vrt is taken for one that was made here, and followed.
  const ending = (name: string) =>
    name
      .slice(stemLength)
      .toLowerCase()
      .replace(/\.vrt$/, '');
  const localName = (name: string) => join(folder, `source${ending(name)}`);
  const total = files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  const tell = transferred(context, span);
  let before = 0;
  for (const { name, sizeBytes } of files) {
    const onProgress = (bytes: number) => tell(before + bytes, total);
    const { signal } = context;
    await services.blobs.download({ container: ref.container, name }, localName(name), { signal, onProgress });
    before += sizeBytes;
  }
  // The folder holds this raster's files and nothing else, so what lies beside it belongs to it.
  const readSideFiles = { GDAL_DISABLE_READDIR_ON_OPEN: 'FALSE', GDAL_PAM_ENABLED: 'YES' };
  return { path: localName(ref.name), config: files.length > 1 ? readSideFiles : {} };
}

async function chooseSubdataset(
  services: Services,
  source: GdalSource,
  ref: BlobRef,
  options: SourceOptions,
): Promise<GdalSource> {
  const multiple = extname(ref.name).toLowerCase() === '.nc';
  if (!multiple && options.subdataset === null) return source;
  const names = subdatasetsOf(await services.gdal.info(source, [], { signal: options.context.signal }), source.path);
  if (options.subdataset === null) {
    if (names.size === 0) return source;
    throw new CoreMachineError(
      'SUBDATASET_REQUIRED',
      `${ref.name} holds several variables; give one of them in subdataset`,
      {
        details: [...names.keys()].map((message) => ({ path: 'subdataset', message })),
      },
    );
  }
  const path = names.get(options.subdataset);
  if (path) return { ...source, path };
  // A file with a single variable is that variable.
  if (names.size === 0 && multiple) return { ...source, path: `NETCDF:"${source.path}":${options.subdataset}` };
  throw new CoreMachineError(
    'SUBDATASET_NOT_FOUND',
    `${ref.name} has no variable ${JSON.stringify(options.subdataset)}`,
    {
      details: [...names.keys()].map((message) => ({ path: 'subdataset', message })),
    },
  );
}

/** GDAL's addresses of a file's variables, by the variable's name. */
function subdatasetsOf(info: JsonObject, file: string): Map<string, string> {
  const metadata = isObject(info.metadata) && isObject(info.metadata.SUBDATASETS) ? info.metadata.SUBDATASETS : {};
  const paths = Object.entries(metadata).flatMap(([key, path]) => (key.endsWith('_NAME') ? [String(path)] : []));
  return new Map(
    paths.filter((path) => isPartOf(path, file)).map((path) => [path.slice(path.lastIndexOf(':') + 1), path]),
  );
}

/** `NETCDF:"file":variable`, `GTIFF_DIR:2:file`: a file's metadata may name any other, and GDAL would open it. */
function isPartOf(path: string, file: string): boolean {
  const [, place = ''] = /^\w+:(?:\d+:)?(.*)$/s.exec(path) ?? [];
  return [`"${file}"`, file].some((own) => place === own || place.startsWith(`${own}:`));
}
