import type { RasterFacts } from './raster-facts.ts';

const cog = 'image/tiff; application=geotiff; profile=cloud-optimized';

const byDriver: Readonly<Record<string, string>> = {
  GTiff: 'image/tiff; application=geotiff',
  COG: cog,
  JP2OpenJPEG: 'image/jp2',
  PNG: 'image/png',
  JPEG: 'image/jpeg',
  netCDF: 'application/netcdf',
  HDF5: 'application/x-hdf5',
  HDF5Image: 'application/x-hdf5',
  GRIB: 'application/wmo-GRIB2',
};

const byExtension: Readonly<Record<string, string>> = {
  tif: 'image/tiff; application=geotiff',
  tiff: 'image/tiff; application=geotiff',
  jp2: 'image/jp2',
  png: 'image/png',
  jpg: 'image/jpeg',
  jpeg: 'image/jpeg',
  nc: 'application/netcdf',
};

const unknown = 'application/octet-stream';

/** titiler reads assets of the TIFF, JPEG 2000 and HDF types and passes over all others. */
export function mediaTypeOf(facts: Pick<RasterFacts, 'driver' | 'isCog'>): string {
  return facts.isCog ? cog : (byDriver[facts.driver] ?? unknown);
}

/** For a file that nobody has opened. */
export function mediaTypeByName(blobName: string): string {
  return byExtension[/\.([^./]+)$/.exec(blobName)?.[1]?.toLowerCase() ?? ''] ?? unknown;
}
