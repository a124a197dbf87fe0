import { stat } from 'node:fs/promises';
import gdal, { type Dataset } from 'gdal-async';
import { hdf5References } from './hdf5-references.ts';
import { OperationError } from './operation-error.ts';

/**
 * Formats whose rasters lie in one file, or in files of its name beside it. Of all others (VRT, MRF, the tables of
 * contents of scenes) the file may be a list of references, and GDAL follows them with all rights of this process: to
 * local files, to blobs of other containers. It knows a format by the content, whatever the name.
 */
const selfContained: ReadonlySet<string> = new Set([
  ...['GTiff', 'PNG', 'JPEG', 'WEBP', 'GIF', 'BIGGIF', 'BMP', 'PNM', 'NITF', 'HFA', 'ENVI', 'EHdr', 'netCDF'],
  ...['JP2OpenJPEG', 'JP2ECW', 'JP2KAK', 'JP2MrSID', 'JP2Lura', 'JPEG2000', 'JPEGXL'],
  ...['HDF5', 'HDF5Image', 'BAG', 'GRIB', 'FITS', 'AAIGrid', 'GRASSASCIIGrid', 'DTED', 'SRTMHGT', 'USGSDEM', 'BT'],
  ...['GSAG', 'GSBG', 'GS7BG', 'GTX', 'GXF', 'NTv2', 'XYZ', 'HF2', 'SIGDEM', 'SGI', 'Terragen', 'RMF'],
]);

const hdf5: ReadonlySet<string> = new Set(['netCDF', 'HDF5', 'HDF5Image', 'BAG']);
/** The last one that was looked at: a job opens its source a dozen times. */
let alone = '';

/** Throws in phase `refused` for a dataset through which GDAL would read a file that is not its own. */
export async function assertNoForeignFiles(dataset: Dataset, path: string): Promise<void> {
  const { description } = dataset.driver;
  if (description === 'VRT' && isMade(path)) return;
  if (!selfContained.has(description)) refuse(`A ${description} may only refer to rasters; submit the rasters`, path);
  if (hdf5.has(description)) await assertAlone(fileOf(path), path);
  // Before GDAL is asked for the files: it opens what is named.
  assertNoForeignNames(dataset, path);
  const stem = stemOf(fileOf(path));
  const files = dataset.getFileList();
  if (!files.every((file) => stemOf(file) === stem))
    refuse('The raster takes pixels from a file that is not its own', path);
  for (const file of files.filter((each) => /\.(?:msk|ovr)$/i.test(each))) await assertPlainCompanion(file, path);
}

/** VRTs that were made here: local files named so. Copies of blobs never are. */
function isMade(path: string): boolean {
  return path.startsWith('/') && !path.startsWith('/vsi') && path.endsWith('.vrt');
}

/**
 * Metadata by which GDAL finds overviews (GDALDefaultOverviews::OverviewScan) and arrays of coordinates (RFC 4). Both
 * can stand in a TIFF or in an .aux.xml file beside any raster.
 */
function assertNoForeignNames(dataset: Dataset, path: string): void {
  if (namesIn(dataset, 'OVERVIEWS', ['OVERVIEW_FILE']).length > 0) {
    refuse('The raster names a file of overviews (OVERVIEW_FILE); remove the name', path);
  }
  const arrays = namesIn(dataset, 'GEOLOCATION', ['X_DATASET', 'Y_DATASET']);
  if (arrays.some((name) => fileOf(name) !== fileOf(path))) {
    refuse('The raster names a file of coordinates (GEOLOCATION); remove the name', path);
  }
}

function namesIn(dataset: Dataset, domain: string, keys: readonly string[]): string[] {
  const items: Record<string, unknown> = dataset.getMetadata(domain) ?? {};
  const found = Object.entries(items).filter(([key]) => keys.includes(key.toUpperCase()));
  return found.map(([, value]) => String(value));
}

async function assertAlone(file: string, path: string): Promise<void> {
  if (!file.startsWith('/') || file.startsWith('/vsi')) {
    refuse('NetCDF and HDF5 are read from a local copy only; name the file .nc or .h5', path);
  }
  const { ino, size, mtimeMs } = await stat(file);
  const key = [file, ino, size, mtimeMs].join();
  if (alone === key) return;
  const problem = await hdf5References(file);
  if (problem) refuse(`The file may refer to others: ${problem}`, path);
  alone = key;
}

/** A mask or overviews in a file of their own: a TIFF as GDAL writes it, which names no further file. */
async function assertPlainCompanion(file: string, path: string): Promise<void> {
  const companion = await gdal.openAsync(file, 'r', 'GTiff').catch(() => null);
  if (!companion) return refuse('The mask beside the raster is no TIFF', path);
  try {
    assertNoForeignNames(companion, path);
  } finally {
    companion.close();
  }
}

/** `NETCDF:"/tmp/a.nc":pr`, `GTIFF_DIR:2:/tmp/a.tif`: the file in an address of a part of it. */
function fileOf(path: string): string {
  if (path.startsWith('/')) return path;
  const [, place = path] = /^\w+:(?:\d+:)?(.*)$/s.exec(path) ?? [];
  return /^"([^"]*)"/.exec(place)?.[1] ?? place.replace(/:[^:/]*$/, '');
}

/** Up to the first dot of the name. */
function stemOf(file: string): string {
  const name = file.lastIndexOf('/') + 1;
  const dot = file.indexOf('.', name);
  return dot < 0 ? file : file.slice(0, dot);
}

function refuse(message: string, path: string): never {
  throw new OperationError('refused', message, { path });
}
