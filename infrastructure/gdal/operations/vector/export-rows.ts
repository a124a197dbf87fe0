import { spawnSync } from 'node:child_process';
import { closeSync, constants, mkdirSync, openSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import gdal, { type Dataset, type Layer } from 'gdal-async';
import type { VectorRequest, VectorRows } from '../../../../core/ports/gdal.ts';
import { binaryHead, binaryTail } from '../../../rows/binary-copy.ts';
import { describeCrs } from '../crs.ts';
import { messageOf, OperationError } from '../operation-error.ts';
import type { OperationContext } from '../perform.ts';
import { BinaryRows, binaryFields } from './binary-rows.ts';
import { ChunkWriter } from './chunk-writer.ts';
import { readDump } from './copy-dump.ts';
import { type CsvRows, writeCsvRows } from './csv-rows.ts';
import { GeometryColumn, hasHeightOrMeasure } from './geometry-column.ts';
import { layerOf, openVector } from './layer.ts';
import { VectorProblem } from './problem.ts';
import { sqlTypeOf } from './sql-types.ts';
import { type Rows, TextRows } from './text-rows.ts';

/** Rows, or what is wrong with the file. */
export type VectorOutcome =
  | { readonly rows: VectorRows }
  | { readonly problem: Pick<VectorProblem, 'code' | 'message' | 'details'> };

export async function exportRows(request: VectorRequest, context: OperationContext): Promise<VectorOutcome> {
  mkdirSync(request.folder);
  try {
    return {
      rows: await (request.drivers === 'csv'
        ? exportCsv(request, context)
        : exportLayer(request, request.drivers, context)),
    };
  } catch (error) {
    if (!(error instanceof VectorProblem)) throw error;
    const { code, message, details } = error;
    return { problem: { code, message, details } };
  }
}

async function exportCsv(request: VectorRequest, { progress }: OperationContext): Promise<VectorRows> {
  let writer = new ChunkWriter(request.folder, request.chunkRows);
  let geometries = new GeometryColumn(request.fixes);
  const begin = () => {
    for (const name of readdirSync(request.folder)) rmSync(join(request.folder, name));
    writer = new ChunkWriter(request.folder, request.chunkRows);
    geometries = new GeometryColumn(request.fixes);
    return { rows: new TextRows(writer), geometries };
  };
  const { columns, short } = await writeCsvRows(request, { begin }, progress).finally(() => writer.close());
  return {
    ...summary(writer, geometries, gdal.wkbUnknown),
    layer: 'csv',
    columns,
    flattened: geometries.counts.flattened,
    sourceCrs: request.inputCrs ?? 'EPSG:4326',
    inputCrsIgnored: false,
    warnings: shortRows(short),
  };
}

function shortRows({ count, first }: CsvRows['short']): VectorRows['warnings'] {
  if (count === 0) return [];
  const message = `${count} rows have fewer fields than the header, the first of them row ${first}; what they lack is null`;
  return [{ code: 'SHORT_ROWS', message }];
}

async function exportLayer(
  request: VectorRequest,
  drivers: readonly string[],
  context: OperationContext,
): Promise<VectorRows> {
  const dataset = openVector(request.file, drivers);
  try {
    const layer = layerOf(dataset, request.layer, request.file);
    const { name, geomType } = layer;
    if (name.startsWith('-')) {
      throw new VectorProblem('LAYER_NOT_FOUND', 'a layer whose name begins with - cannot be read');
    }
    const crs = sourceCrs(ownWkt(dataset, name), request.inputCrs);
    const count = layer.features.count();
    const fields = layer.fields.getNames();
    const geometries = new GeometryColumn(request.fixes);
    const { types, writer } = await dumpInto(
      dataset,
      { request, layer: name, crs: crs.given, count, isPlain: isPlainType(geomType) },
      geometries,
      context,
    );
    if (types.length !== fields.length) {
      throw new OperationError('read', `${fields.length} columns became ${types.length}`, { path: request.file });
    }
    return {
      ...summary(writer, geometries, geomType),
      layer: name,
      columns: fields.map((field, index) => ({ name: field, type: sqlTypeOf(types[index] ?? '') })),
      flattened: countFlattened(layer, dataset.driver.description, geometries.counts.types),
      sourceCrs: crs.name,
      inputCrsIgnored: crs.ignored,
      warnings: [],
    };
  } finally {
    dataset.close();
  }
}

interface Dumping {
  readonly request: VectorRequest;
  readonly layer: string;
  readonly crs: string | null;
  readonly count: number;
  /** Declared as points, lines or polygons, single or multi: no curves. */
  readonly isPlain: boolean;
}

/**
 * GDAL's own driver for PostgreSQL dumps writes into a pipe, in another thread, what is read here: encoded by OGR, never
 * whole in memory or on the disk.
 */
async function dumpInto(
  dataset: Dataset,
  { request, layer, crs, count, isPlain }: Dumping,
  geometries: GeometryColumn,
  context: OperationContext,
): Promise<{ types: readonly string[]; writer: ChunkWriter }> {
  const folder = `${request.folder}.pipe`;
  mkdirSync(folder);
  const pipe = join(folder, 'dump');
  const made = spawnSync('mkfifo', [pipe]);
  if (made.status !== 0) throw new Error(`mkfifo failed: ${made.stderr}`);
  let writer = new ChunkWriter(request.folder, request.chunkRows);
  const reading = readDump(pipe, (types) => {
    const target = rowsOf(request, types);
    writer = target.writer;
    return (line, from, geometryEnd, to) => {
      if (geometries.counts.seen % 5000 === 4999 && count > 0) context.progress(geometries.counts.seen / count);
      if (geometries.begin(target.rows, line, from, geometryEnd)) target.rows.end(line, geometryEnd, to);
    };
  });
  const translating = translate(
    dataset,
    pipe,
    { args: dumpArguments(layer, crs, isPlain), path: request.file },
    context,
  ).finally(() => release(pipe));
  try {
    const [read, translated] = await Promise.allSettled([reading, translating]);
    // A reader that stops breaks the pipe under the writer.
    if (read.status === 'rejected') throw read.reason;
    if (translated.status === 'rejected') throw translated.reason;
    return { types: read.value, writer };
  } finally {
    writer.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Binary where it is taken and all columns have that form. */
function rowsOf(
  { folder, chunkRows, binary }: VectorRequest,
  types: readonly string[],
): { writer: ChunkWriter; rows: Rows } {
  const fields = binary ? binaryFields(types.map(sqlTypeOf)) : null;
  if (fields === null) {
    const writer = new ChunkWriter(folder, chunkRows);
    return { writer, rows: new TextRows(writer) };
  }
  const writer = new ChunkWriter(folder, chunkRows, { head: binaryHead, tail: binaryTail });
  return { writer, rows: new BinaryRows(writer, fields) };
}

async function translate(
  dataset: Dataset,
  pipe: string,
  { args, path }: { args: string[]; path: string },
  { log }: OperationContext,
): Promise<void> {
  try {
    (await gdal.vectorTranslateAsync(pipe, dataset, args)).close();
  } catch (error) {
    // The first of them is the reason, the last says that it ends.
    const first = log.all().find(({ level }) => level === 'error');
    throw new OperationError('read', first?.message ?? messageOf(error), { path, cause: error });
  }
}

/** A reader that waits for a writer which never came gets an end instead. */
function release(pipe: string): void {
  closeSync(openSync(pipe, constants.O_RDWR | constants.O_NONBLOCK));
}

function dumpArguments(layer: string, crs: string | null, isPlain: boolean): string[] {
  return [
    ...['-f', 'PGDUMP', '-nln', 's.t', '-unsetFid', '-nomd', '-unsetDefault', '-forceNullable'],
    // Curves become lines, and a shapefile of polygons may hold multipolygons too; heights and measures go.
    ...['-nlt', isPlain ? 'GEOMETRY' : 'CONVERT_TO_LINEAR', '-dim', 'XY'],
    ...(crs === null ? [] : ['-s_srs', crs]),
    ...['-t_srs', 'EPSG:4326'],
    ...[
      'GEOMETRY_NAME=geom',
      'SRID=4326',
      'LAUNDER=NO',
      'PRECISION=NO',
      'SPATIAL_INDEX=NONE',
      'DROP_TABLE=OFF',
    ].flatMap((option) => ['-lco', option]),
    layer,
  ];
}

/** Once the dataset of a layer that was asked for its CRS is closed, gdal-async takes new ones for the one it had. */
const neverClosed: Dataset[] = [];

/** The CRS of a layer in WKT, empty when it has none: of a copy in memory without features, so that the file can be closed. */
function ownWkt(dataset: Dataset, layer: string): string {
  const memory = gdal.drivers.getNames().includes('Memory') ? 'Memory' : 'MEM';
  const copy = gdal.vectorTranslate('crs', dataset, ['-f', memory, '-limit', '0', layer]);
  neverClosed.push(copy);
  return copy.layers.get(0).srs?.toWKT() ?? '';
}

/** The file's own wins. */
function sourceCrs(own: string, input: string | null): { given: string | null; name: string; ignored: boolean } {
  const described = own === '' || /^(?:LOCAL_CS|ENGCRS)/.test(own) ? null : describeCrs(own);
  const asked = input === null ? null : describeCrs(input);
  if (input !== null && !asked)
    throw new VectorProblem('CRS_INVALID', `GDAL does not know the CRS ${input.slice(0, 60)}`);
  if (described) {
    const ignored = asked !== null && asked.wkt2 !== described.wkt2 && asked.authorityCode !== described.authorityCode;
    return { given: null, name: described.authorityCode ?? described.wkt2, ignored };
  }
  if (input === null || !asked) {
    throw new VectorProblem('CRS_MISSING', 'the file has no coordinate reference system; give input_crs');
  }
  return { given: input, name: asked.authorityCode ?? input, ignored: false };
}

/** In these all geometries are of the dimensions that the layer declares. */
const strictDrivers = ['ESRI Shapefile', 'FlatGeobuf', 'GPKG'];

/** Where the declared type does not say it of all geometries that were seen, the layer is looked through. */
function countFlattened(layer: Layer, driver: string, seen: ReadonlyMap<string, number>): number {
  const isHigh = hasHeightOrMeasure(layer.geomType);
  if (!isHigh && layer.geomType !== gdal.wkbUnknown) return 0;
  if (isHigh && strictDrivers.includes(driver)) return [...seen.values()].reduce((sum, count) => sum + count, 0);
  let flattened = 0;
  layer.features.forEach((feature) => {
    const geometry = feature.getGeometry();
    if (geometry && !geometry.isEmpty() && hasHeightOrMeasure(geometry.wkbType)) flattened += 1;
  });
  return flattened;
}

function summary(writer: ChunkWriter, { counts }: GeometryColumn, declared: number) {
  const sourceTypes = Object.fromEntries(counts.types);
  if (counts.offEarth > 0) {
    const many = `${counts.offEarth} of ${counts.seen} features`;
    const message = `${many} are not within longitude 180 and latitude 90; the first: ${counts.firstOffEarth[0]}`;
    throw new VectorProblem('INVALID_ROWS', message, counts.firstOffEarth);
  }
  const known = [...counts.multiTypes];
  const seen = Object.entries(sourceTypes).map(([name, count]) => `${name} ${count}`);
  const families = [...counts.types.keys()].map((name) => (name.startsWith('Multi') ? name : `Multi${name}`));
  if (new Set(families).size > 1 || (families.length > 0 && known.length === 0)) {
    throw new VectorProblem('MIXED_GEOMETRY', `the geometries do not go into one table: ${seen.join(', ')}`, seen);
  }
  return {
    geometryType: known[0] ?? declaredType(declared),
    sourceTypes,
    chunks: writer.chunks,
    rows: writer.rows,
    dropped: counts.dropped,
    repaired: counts.repaired,
    promoted: counts.promoted,
  };
}

function isPlainType(declared: number): boolean {
  const type = (declared & 0xffff) % 1000;
  return type >= 1 && type <= 6;
}

const multiTypes = ['Geometry', 'MultiPoint', 'MultiLineString', 'MultiPolygon'];

/** Of a layer without rows: curves are lines here. */
function declaredType(declared: number): string {
  const type = (declared & 0xffff) % 1000;
  const flat = [0, 1, 2, 3, 1, 2, 3, 0, 2, 2, 3, 2, 3][type] ?? 0;
  return multiTypes[flat] ?? 'Geometry';
}
