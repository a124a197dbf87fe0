import { CoreMachineError } from '../../core/errors.ts';
import type {
  FeatureCollection,
  FeatureCollections,
  FeaturePage,
  FeatureQuery,
} from '../../core/ports/feature-collections.ts';
import type { PostgresConfig } from '../postgres/client-config.ts';
import { Database, type Query } from '../postgres/database.ts';
import { sqlStateOf } from '../postgres/errors.ts';
import { Extents } from './extents.ts';
import { parseFeatureId } from './feature-id.ts';
import { readPage } from './page.ts';
import { featureStatement, pageStatement } from './statements.ts';
import { findTable, listTables, type Naming, type Table } from './tables.ts';
import { windowsOf } from './windows.ts';

export interface PostgisFeaturesOptions extends Naming {
  readonly database: PostgresConfig;
  readonly statementTimeoutMs: number;
}

export interface PostgisFeatures extends FeatureCollections {
  close(): Promise<void>;
}

/** Readers of maps come in swarms: they get connections of their own, so that the engine never waits for them. */
const connections = 4;

/** Opens nothing before the first request. */
export function openPostgisFeatures(options: PostgisFeaturesOptions): PostgisFeatures {
  return new SqlFeatureCollections(options);
}

class SqlFeatureCollections implements PostgisFeatures {
  readonly #database: Database;
  readonly #naming: Naming;
  readonly #begin: string;
  readonly #extents = new Extents();

  constructor({ database, schemas, style, statementTimeoutMs }: PostgisFeaturesOptions) {
    const poolSize = Math.min(connections, database.poolSize ?? connections);
    this.#database = new Database({
      ...database,
      poolSize,
      applicationName: 'coremachine features',
      statementTimeoutMs,
    });
    this.#naming = { schemas, style };
    // LOCAL, because PgBouncer's connections, and PGlite's one, serve others too.
    this.#begin = `SET TRANSACTION READ ONLY; SET LOCAL statement_timeout TO ${statementTimeoutMs};
      SET LOCAL TimeZone TO 'UTC'; SET LOCAL DateStyle TO 'ISO'; SET LOCAL extra_float_digits TO 1;
      SET LOCAL cursor_tuple_fraction TO 1`;
  }

  async list(): Promise<FeatureCollection[]> {
    const tables = await this.#read((run) => listTables(run, this.#naming));
    const collections: (FeatureCollection | null)[] = [];
    for (let at = 0; at < tables.length; at += connections) {
      const some = tables.slice(at, at + connections);
      collections.push(...(await Promise.all(some.map((table) => this.#described(table).catch(unlessGone)))));
    }
    return collections.filter((collection) => collection !== null);
  }

  async describe(id: string): Promise<FeatureCollection> {
    return this.#described(await this.#read((run) => this.#table(run, id)));
  }

  page(id: string, query: FeatureQuery): Promise<FeaturePage> {
    return this.#withTable(id, (table) => this.#page(table, query));
  }

  feature(id: string, featureId: string): Promise<string> {
    return this.#withTable(id, (table) => this.#feature(table, featureId));
  }

  close(): Promise<void> {
    return this.#database.close();
  }

  async #page(table: Table, query: FeatureQuery): Promise<FeaturePage> {
    const windows = await windowsOf(this.#one, query.boxes ?? [], table.geometry.srid);
    const statement = pageStatement(table, query, windows);
    return this.#read((run) => readPage(run, statement, query.limit));
  }

  async #feature(table: Table, featureId: string): Promise<string> {
    const key = parseFeatureId(table, featureId);
    if (!key) throw noFeature();
    const { text, values } = featureStatement(table, key);
    const [row] = await this.#one<{ readonly feature: string }>(text, values);
    if (!row) throw noFeature();
    return row.feature;
  }

  /** A table may be replaced after it was looked up: then it is looked up again, once. */
  async #withTable<T>(id: string, work: (table: Table) => Promise<T>): Promise<T> {
    const find = () => this.#read((run) => this.#table(run, id));
    const table = await find();
    return work(table).catch(async (error: unknown) => {
      const gone = error instanceof CoreMachineError && error.code === 'COLLECTION_NOT_FOUND';
      if (!gone) throw error;
      return work(await find());
    });
  }

  /** A statement in a transaction of its own. */
  readonly #one: Query = (statement, parameters) => this.#read((run) => run(statement, parameters));

  async #table(run: Query, id: string): Promise<Table> {
    const table = await findTable(run, this.#naming, id);
    if (!table) throw notFound();
    return table;
  }

  async #described(table: Table): Promise<FeatureCollection> {
    const { id, schema, name, description, geometry, columns, key, hasIds, time } = table;
    return {
      id,
      schema,
      table: name,
      description,
      geometryType: geometry.type,
      srid: geometry.srid,
      columns: columns.map((column) => ({ name: column.name, type: column.type })),
      idColumns: hasIds ? key.map((column) => column.name) : [],
      timeColumn: time?.column.name ?? null,
      extent: await this.#extents.of(this.#one, table),
    };
  }

  async #read<T>(work: (run: Query) => Promise<T>): Promise<T> {
    try {
      return await this.#database.transaction(async (run) => {
        await run(this.#begin);
        return work(run);
      });
    } catch (error) {
      throw meaningOf(error);
    }
  }
}

function meaningOf(error: unknown): unknown {
  const state = sqlStateOf(error);
  if (state === '57014') {
    const message = 'the query took too long; ask for less: a smaller bbox, or properties that have an index';
    return new CoreMachineError('QUERY_TIMEOUT', message, { cause: error });
  }
  // PostGIS's own errors: a kind of geometry that GeoJSON has not, a point that cannot be transformed.
  if (state === 'XX000') {
    const message = `the collection has a geometry that cannot be shown: ${error instanceof Error ? error.message : ''}`;
    return new CoreMachineError('FEATURE_UNREADABLE', message, { cause: error });
  }
  // The table went between two statements, or came back with other columns.
  if (state === '42P01' || state === '42703') return notFound(error);
  // A value that a type refuses although it looked right; class 22 is data exceptions.
  if (state?.startsWith('22'))
    return new CoreMachineError('INVALID_PARAMETERS', 'the database refused a value of the request', { cause: error });
  return error;
}

function notFound(cause?: unknown): CoreMachineError {
  return new CoreMachineError('COLLECTION_NOT_FOUND', 'there is no collection of this id', { cause });
}

function noFeature(): CoreMachineError {
  return new CoreMachineError('FEATURE_NOT_FOUND', 'the collection has no feature with this id');
}

function unlessGone(error: unknown): null {
  if (error instanceof CoreMachineError && error.code === 'COLLECTION_NOT_FOUND') return null;
  throw error;
}
