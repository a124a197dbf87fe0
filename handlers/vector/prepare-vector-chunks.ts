import { join } from 'node:path/posix';
import { CoreMachineError, type ErrorDetail } from '../../core/errors.ts';
import { defineHandler, type TaskContext } from '../../core/handler.ts';
import type { FeatureColumn, TableDescription } from '../../core/ports/feature-tables.ts';
import type { VectorRows } from '../../core/ports/gdal.ts';
import type { VectorWarning } from '../../core/warnings.ts';
import { transferred } from '../raster/transfer.ts';
import { chunkBlobs, chunkFile } from './chunks.ts';
import { companionNames, vectorFormats } from './formats.ts';
import { columnNames } from './names.ts';
import { type PrepareVectorChunksInput, prepareVectorChunksInput, prepareVectorChunksOutput } from './schemas.ts';

export const prepareVectorChunks = defineHandler('prepare_vector_chunks', {
  description: 'Reads a vector file, mends and reprojects its geometries, and cuts it into chunks of rows.',
  input: prepareVectorChunksInput,
  output: prepareVectorChunksOutput,
  limits: { timeoutSeconds: 6 * 3600 },
  async run(input, context) {
    const { featureTables, workspace } = context.services;
    const load = { jobId: context.job.id, run: context.job.run };
    const { attempt } = context.task;
    return workspace.use('vector', async (folder) => {
      const file = await localCopy(input, folder, context);
      const chunks = join(folder, 'chunks');
      const rows = await exported(input, file, chunks, context);
      const columns = columnsOf(rows);
      const present = await requireFit(input, rows, columns, context);
      context.signal.throwIfAborted();
      await featureTables.begin({ ...load, attempt, columns, geometryType: rows.geometryType });
      const prefix = `${chunkBlobs.folder(load)}${attempt}/`;
      await uploadChunks(chunks, prefix, rows.chunks, context);
      return {
        layer_name: rows.layer,
        chunk_container: chunkBlobs.container,
        chunk_prefix: prefix,
        chunk_count: rows.chunks,
        columns,
        indexed_columns: indexedColumns(input, columns),
        geometry_type: rows.geometryType,
        feature_count: rows.rows,
        preprocessing_stats: statsOf(rows),
        warnings: [...rows.warnings, ...warningsOf(input, rows), ...notIndexed(input, columns, present)],
      };
    });
  },
});

/** The file under a plain name, for a blob's own may hold anything; a shapefile with what belongs to it. */
async function localCopy(input: PrepareVectorChunksInput, folder: string, context: TaskContext): Promise<string> {
  const { blobs } = context.services;
  const { container_name: container, blob_name, file_extension } = input;
  const file = join(folder, `source.${file_extension}`);
  const { sizeBytes = 0 } = (await blobs.properties({ container, name: blob_name })) ?? {};
  const tell = transferred(context, [0, 0.2]);
  const onProgress = (bytes: number) => tell(bytes, sizeBytes);
  await blobs.download({ container, name: blob_name }, file, { signal: context.signal, onProgress });
  for (const name of companionNames(blob_name)) {
    const there = await blobs.properties({ container, name });
    const local = join(folder, `source${name.slice(-4).toLowerCase()}`);
    if (there) await blobs.download({ container, name }, local, { signal: context.signal });
  }
  return file;
}

function exported(input: PrepareVectorChunksInput, file: string, folder: string, context: TaskContext) {
  const { simplify, quantize } = input.geometry_params;
  const request = {
    file,
    folder,
    drivers: vectorFormats[input.file_extension],
    layer: input.layer_name,
    inputCrs: input.input_crs,
    csv: { latitude: input.lat_name, longitude: input.lon_name, wkt: input.wkt_column },
    fixes: {
      simplify: simplify ? { tolerance: simplify.tolerance, preserveTopology: simplify.preserve_topology } : null,
      snapToGrid: quantize?.snap_to_grid ?? null,
    },
    chunkRows: input.chunk_size,
    binary: context.services.featureTables.binaryRows,
  };
  const onProgress = (fraction: number) => context.progress(0.2 + fraction * 0.6);
  return context.services.gdal.exportRows(request, { signal: context.signal, onProgress });
}

type NamedColumn = FeatureColumn & { readonly source_name: string };

function columnsOf({ columns }: VectorRows): NamedColumn[] {
  const names = columnNames(columns.map(({ name }) => name));
  return columns.map(({ name, type }, index) => ({ name: names[index] ?? '', type, source_name: name }));
}

/** Known now, before anything is loaded: that the indexes' columns exist, and what append has to fit: the table there is. */
async function requireFit(
  input: PrepareVectorChunksInput,
  rows: VectorRows,
  columns: readonly NamedColumn[],
  { services }: TaskContext,
): Promise<TableDescription | null> {
  const missing = input.indexed_columns.filter((name) => !findColumn(columns, name));
  const problems: ErrorDetail[] = missing.map((name) => ({ path: 'indexes', message: `there is no column ${name}` }));
  const present = input.load_method === 'append' ? await services.featureTables.describe(input.target) : null;
  if (present) problems.push(...misfits(present, rows.geometryType, columns));
  if (problems.length === 0) return present;
  const { schema, table } = input.target;
  throw new CoreMachineError('COLUMNS_MISMATCH', `the columns do not fit ${schema}.${table}`, { details: problems });
}

function misfits(present: TableDescription, geometryType: string, columns: readonly FeatureColumn[]): ErrorDetail[] {
  const { geometry } = present;
  if (!geometry) return [{ message: 'the table has no geometry column' }];
  const problems: string[] = [];
  const sameType = ['Geometry', geometryType].includes(geometry.type);
  if (!sameType || (geometry.srid !== 4326 && geometry.srid !== 0)) {
    problems.push(`${geometry.column} is ${geometry.type} in SRID ${geometry.srid}; the file's are ${geometryType}`);
  }
  for (const { name, type } of columns) {
    const there = present.columns.find((column) => column.name === name);
    if (!there) problems.push(`the table has no column ${name}`);
    else if (!goesInto(type, there.type)) problems.push(`${name} is ${there.type} in the table, ${type} in the file`);
  }
  const given = new Set([geometry.column, ...columns.map(({ name }) => name)]);
  const left = present.columns.filter(({ name, required }) => required && !given.has(name));
  problems.push(...left.map(({ name }) => `the file has no column ${name}, which must have a value`));
  return problems.map((message) => ({ message }));
}

const wider: Readonly<Record<string, readonly string[]>> = {
  smallint: ['integer', 'bigint', 'numeric', 'real', 'double precision'],
  integer: ['bigint', 'numeric', 'double precision'],
  bigint: ['numeric'],
  real: ['double precision'],
  date: ['timestamp with time zone'],
  json: ['jsonb'],
};

/** What PostgreSQL assigns without a cast and without loss. */
function goesInto(type: string, present: string): boolean {
  const plain = present.replace(/\(.*\)/, '');
  const own = type === 'timestamptz' ? 'timestamp with time zone' : type;
  if (plain === own || (own === 'timestamp' && plain === 'timestamp without time zone')) return true;
  if (own === 'time' && plain === 'time without time zone') return true;
  return plain === 'text' || plain === 'character varying' || (wider[own]?.includes(plain) ?? false);
}

function findColumn(columns: readonly NamedColumn[], name: string): NamedColumn | undefined {
  return columns.find((column) => column.name === name) ?? columns.find((column) => column.source_name === name);
}

function indexedColumns(input: PrepareVectorChunksInput, columns: readonly NamedColumn[]): string[] {
  return [...new Set(input.indexed_columns.flatMap((name) => findColumn(columns, name)?.name ?? []))];
}

const uploadsAtOnce = 3;

async function uploadChunks(folder: string, prefix: string, count: number, context: TaskContext): Promise<void> {
  const { services, signal } = context;
  let next = 0;
  const uploadNext = async () => {
    while (next < count) {
      const name = chunkFile(next++);
      const place = { container: chunkBlobs.container, name: prefix + name };
      await services.blobs.upload(place, join(folder, name), { contentType: 'application/zstd', signal });
      context.progress(0.8 + (0.2 * next) / count);
    }
  };
  await Promise.all(Array.from({ length: uploadsAtOnce }, uploadNext));
}

function statsOf(rows: VectorRows) {
  const singles = Object.entries(rows.sourceTypes).filter(([name]) => !name.startsWith('Multi'));
  return {
    original_feature_count: rows.rows + rows.dropped,
    final_feature_count: rows.rows,
    null_geometries_dropped: rows.dropped,
    geometries_repaired: rows.repaired,
    original_crs: rows.sourceCrs,
    final_crs: 'EPSG:4326',
    z_m_values_removed: rows.flattened,
    geometry_type_changes: Object.fromEntries(singles.map(([name, count]) => [`${name} to Multi${name}`, count])),
  };
}

function warningsOf(input: PrepareVectorChunksInput, rows: VectorRows): readonly VectorWarning[] {
  if (!rows.inputCrsIgnored) return [];
  const message = `the file has a CRS of its own, which is used; input_crs ${input.input_crs} is not`;
  return [{ code: 'INPUT_CRS_IGNORED', message }];
}

/** A table that rows are appended to is not ours: to index it would keep its writers waiting, and may not be allowed. */
function notIndexed(
  input: PrepareVectorChunksInput,
  columns: readonly NamedColumn[],
  present: TableDescription | null,
): readonly VectorWarning[] {
  if (present === null) return [];
  const spatial = input.spatial_index && present.geometry ? [present.geometry.column] : [];
  const wanted = [...spatial, ...indexedColumns(input, columns)];
  const missing = wanted.filter((name) => !present.columns.some((column) => column.name === name && column.indexed));
  if (missing.length === 0) return [];
  const { schema, table } = input.target;
  const message = `append makes no indexes, and ${schema}.${table} has none on ${missing.join(', ')}; CREATE INDEX makes them`;
  return [{ code: 'INDEXES_NOT_MADE', message }];
}
