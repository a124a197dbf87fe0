import { z } from 'zod';
import { CoreMachineError } from '../../core/errors.ts';
import type { Services } from '../../core/services.ts';
import { blobName, containerName, inputCrs } from '../parameters/sources.ts';
import { cogTiers, declaredTypes } from './schemas.ts';

const rasterExtensions = ['.tif', '.tiff', '.jp2', '.png', '.img', '.nc'] as const;

export const rasterBlobName = blobName
  .refine((name) => rasterExtensions.some((extension) => name.toLowerCase().endsWith(extension)), {
    message: `must end in one of ${rasterExtensions.join(' ')}`,
  })
  .describe(`Source raster: ${rasterExtensions.join(' ')}. PNG must be georeferenced.`);

export const epsgCode = z
  .string()
  .toUpperCase()
  .regex(/^EPSG:\d{4,6}$/, 'must be like EPSG:4326');

/** A folder below the container's root: slashes trimmed, no way out. */
export const outputFolder = z
  .string()
  .max(500)
  .overwrite((folder) => folder.trim().replace(/\/+$/, ''))
  .refine((folder) => !/\p{Cc}/u.test(folder), { message: 'must not hold control characters' })
  .refine((folder) => !folder.startsWith('/') && !folder.includes('\\') && !/^[A-Za-z]:/.test(folder), {
    message: 'must be a relative path with forward slashes',
  })
  .refine((folder) => folder.split('/').every((part) => part !== '..' && part !== '.'), {
    message: 'must not hold . or ..',
  })
  .refine((folder) => !folder.includes('//'), { message: 'must not hold empty parts' });

/** What every inspection of a raster needs to know. */
export const inspectionParameters = z.object({
  blob_name: rasterBlobName,
  container_name: containerName,
  subdataset: z.string().min(1).max(200).nullable().default(null).describe('Variable of a NetCDF file with several.'),
  input_crs: inputCrs,
  raster_type: z.enum(declaredTypes).default('auto').describe('What the raster shows; auto tells it from the bands.'),
  strict_mode: z.boolean().default(false).describe('Warnings become errors.'),
});

/** What every job that makes COGs needs to know, the tier apart: one alone may ask for all of them. */
export const cogParameters = inspectionParameters.extend({
  output_tier: z.enum(cogTiers).default('analysis').describe('What the COGs are for.'),
  target_crs: epsgCode.default('EPSG:4326').describe('CRS of the COGs.'),
  jpeg_quality: z.int().min(1).max(100).default(85).describe('Of the visualization tier.'),
  in_memory: z
    .boolean()
    .nullable()
    .default(null)
    .describe(
      'true: work on local copies of the sources; false: read them by range requests; null: by their size. The COGs are the same.',
    ),
  output_folder: outputFolder
    .nullable()
    .default(null)
    .describe(
      'Folder in the COG container. A COG that is there and was made from another source is not replaced: OUTPUT_TAKEN.',
    ),
});

/** Of the zooms a mosaic is shown at. */
export const mosaicMaxzoom = z
  .int()
  .min(0)
  .max(24)
  .nullable()
  .default(null)
  .describe("Of the mosaic; null: from the data's resolution.");

/** Throws CONTAINER_NOT_FOUND, FILE_NOT_FOUND; the blob's size in bytes. */
export async function requireBlob(services: Services, container: string, name: string): Promise<number> {
  const properties = await services.blobs.properties({ container, name });
  if (properties) return properties.sizeBytes;
  if (!(await services.blobs.containerExists(container))) {
    throw new CoreMachineError('CONTAINER_NOT_FOUND', `there is no container ${JSON.stringify(container)}`);
  }
  throw new CoreMachineError(
    'FILE_NOT_FOUND',
    `there is no blob ${JSON.stringify(name)} in ${JSON.stringify(container)}`,
  );
}
