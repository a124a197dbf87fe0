import { z } from 'zod';
import { CoreMachineError } from '../../core/errors.ts';
import type { FeatureTable } from '../../core/ports/feature-tables.ts';
import { blobName, containerName, inputCrs } from '../parameters/sources.ts';
import { extensionOf, type VectorExtension, vectorExtensions } from './formats.ts';
import { isReserved, tableNameOf } from './names.ts';
import { geometryParams } from './schemas.ts';

/** Schemas that jobs may write to. */
export const tableSchema = z.enum(['geo', 'public']).default('geo').describe('Schema of the table.');

export const tableName = z
  .string()
  .trim()
  .toLowerCase()
  .regex(/^[a-z][a-z0-9_]{0,62}$/, 'must be a letter, then letters, digits and underscores, 63 at most')
  .refine((name) => !isReserved(name), { message: 'is a reserved word of SQL' });

const columnName = z.string().min(1).max(1000);
const columnList = z.array(columnName).max(20).default([]);

const fields = z.object({
  blob_name: blobName.describe('The vector file.'),
  container_name: containerName,
  table_name: tableName.nullable().default(null).describe('null: from the file name.'),
  file_extension: z
    .string()
    .trim()
    .toLowerCase()
    .overwrite((extension) => extension.replace(/^\./, ''))
    .pipe(z.enum(vectorExtensions))
    .nullable()
    .default(null)
    .describe(`${vectorExtensions.join(' ')}; null: from the file name. A zip holds one shapefile unless layer_name.`),
  schema: tableSchema,
  load_method: z
    .enum(['fail', 'replace', 'append'])
    .default('fail')
    .describe('fail: the table must not exist; replace: swapped in when it is whole; append: the columns must fit.'),
  chunk_size: z
    .int()
    .min(100)
    .max(500_000)
    .nullable()
    .default(null)
    .describe('Rows a task loads; null: by their size, at most 20,000.'),
  layer_name: z.string().min(1).max(1000).nullable().default(null).describe('null: the first with geometries.'),
  lat_name: columnName.nullable().default(null).describe('CSV: column of latitudes, with lon_name; null: detected.'),
  lon_name: columnName.nullable().default(null).describe('CSV: column of longitudes, with lat_name.'),
  wkt_column: columnName.nullable().default(null).describe('CSV: column of WKT, instead of lat_name and lon_name.'),
  input_crs: inputCrs,
  indexes: z
    .strictObject({ spatial: z.boolean().default(true), attributes: columnList, temporal: columnList })
    .prefault({})
    .describe(
      'What is indexed besides the primary key id: geometries, and columns one by one. append makes none, and warns of missing ones.',
    ),
  geometry_params: geometryParams.describe(
    'simplify {tolerance, preserve_topology}, quantize {snap_to_grid}; degrees.',
  ),
});

type Fields = z.output<typeof fields>;

const csvColumns = ['lat_name', 'lon_name', 'wkt_column'] as const;

/** A rule over several parameters is asked though others are wrong, so that all problems come in one answer. */
function together(path: keyof Fields, message: string) {
  return { path: [path], message, when: () => true };
}

function csvOnly(column: (typeof csvColumns)[number]) {
  const holds = (params: Fields) => params[column] === null || [null, 'csv'].includes(extensionIn(params));
  return [holds, together(column, 'is for CSV files')] as const;
}

export const ingestVectorParameters = fields
  .refine(
    (params) => params.blob_name === undefined || extensionIn(params) !== null,
    together('file_extension', `is not told by the file name: give one of ${vectorExtensions.join(' ')}`),
  )
  .refine(
    ({ lat_name, lon_name }) => (lat_name === null) === (lon_name === null),
    together('lon_name', 'goes together with lat_name'),
  )
  .refine(
    ({ lat_name, lon_name, wkt_column }) => wkt_column === null || (lat_name === null && lon_name === null),
    together('wkt_column', 'goes instead of lat_name and lon_name'),
  )
  .refine(...csvOnly('lat_name'))
  .refine(...csvOnly('lon_name'))
  .refine(...csvOnly('wkt_column'));

export type IngestVectorParameters = z.output<typeof ingestVectorParameters>;

export function targetOf({ table_name, blob_name, schema }: IngestVectorParameters): FeatureTable {
  return { schema, table: table_name ?? tableNameOf(blob_name) };
}

export function formatOf(params: IngestVectorParameters): VectorExtension {
  const extension = extensionIn(params);
  // The schema has asked.
  if (extension === null) throw new CoreMachineError('INVALID_PARAMETERS', `${params.blob_name} is of no known format`);
  return extension;
}

/** Asked of checked parameters, and by the rules above of ones that may be wrong. */
function extensionIn({ file_extension, blob_name }: Pick<Fields, 'file_extension' | 'blob_name'>) {
  return file_extension ?? extensionOf(String(blob_name));
}
