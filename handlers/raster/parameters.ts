import { z } from 'zod';
import { CoreMachineError } from '../../core/errors.ts';
import type { Services } from '../../core/services.ts';
import { containerName, inputCrs } from '../parameters/sources.ts';
import { declaredTypes } from './schemas.ts';

const rasterExtensions = ['.tif', '.tiff', '.jp2', '.png', '.img', '.nc'] as const;

export const rasterBlobName = z
  .string()
  .trim()
  .min(1)
  .max(1024)
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
