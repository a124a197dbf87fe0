/** A table of features in PostGIS. Names are checked by whoever takes them from a user, and quoted in every statement. */
export interface FeatureTable {
  readonly schema: string;
  readonly table: string;
}

/** A run of a job that loads a table. */
export interface LoadRef {
  readonly jobId: string;
  readonly run: number;
}

export interface FeatureColumn {
  readonly name: string;
  /** As PostgreSQL writes it, e.g. `bigint`, `geometry(MultiPolygon,4326)`. */
  readonly type: string;
}

export interface TableColumn extends FeatureColumn {
  /** A row must bring a value. */
  readonly required: boolean;
  /** An index over all rows begins with it. */
  readonly indexed: boolean;
}

export interface TableDescription {
  readonly columns: readonly TableColumn[];
  /** The first geometry column; null: there is none. */
  readonly geometry: { readonly column: string; readonly type: string; readonly srid: number } | null;
  /** The job that made it; null: nobody knows. */
  readonly madeBy: string | null;
}

export interface TableSummary {
  readonly rowCount: number;
  /** e.g. `['MultiPolygon']`. */
  readonly geometryTypes: readonly string[];
  /** [west, south, east, north] in degrees; null: no row has a geometry, or their place on the Earth is not known. */
  readonly bbox: readonly [number, number, number, number] | null;
  /** That of the rows where all have the same, else the column's. */
  readonly srid: number;
}

export interface NewLoad extends LoadRef {
  /** Of the task: a later one takes the place of an earlier one, never the other way round. */
  readonly attempt: number;
  /** Besides `id` and `geom`. */
  readonly columns: readonly FeatureColumn[];
  /** e.g. `MultiPolygon`. */
  readonly geometryType: string;
}

export interface LoadIndexes {
  readonly spatial: boolean;
  /** One index for each column. */
  readonly columns: readonly string[];
}

export interface Publication {
  readonly target: FeatureTable;
  readonly method: 'fail' | 'replace' | 'append';
  /** What all chunks together must have brought. */
  readonly rows: number;
}

/**
 * Tables in PostGIS that jobs load: chunk by chunk into a table that nobody sees, which is then made visible as a whole.
 * Throws DATABASE_UNAVAILABLE; LOAD_ENDED when the load's run is over or another attempt has begun it anew.
 */
export interface FeatureTables {
  /** Chunks may be in COPY's binary format. */
  readonly binaryRows: boolean;
  /** null: there is no such table. */
  describe(table: FeatureTable): Promise<TableDescription | null>;
  /** A pass over the table, on the server. Throws TABLE_NOT_FOUND. */
  summarize(table: FeatureTable): Promise<TableSummary>;
  /** Makes the load's empty table. */
  begin(load: NewLoad): Promise<void>;
  /** Adds a chunk's rows (a local file that `exportRows` wrote) unless they are there; how many they are. */
  addChunk(load: LoadRef, chunk: number, file: string, options?: { signal?: AbortSignal }): Promise<number>;
  /** Makes the primary key and the indexes. Again does nothing. */
  index(load: LoadRef, indexes: LoadIndexes): Promise<void>;
  /**
   * Makes the rows visible under the target's name, once, in one transaction; how many they are. Readers see what was
   * before or all of it. Throws TABLE_EXISTS, TABLE_IN_USE, COLUMNS_MISMATCH.
   */
  publish(load: LoadRef, publication: Publication): Promise<number>;
  /** Brings the planner's statistics of a table up to date. Readers and writers go on. */
  analyze(table: FeatureTable): Promise<void>;
  /** Removes what is left of a job's loads up to this run. */
  remove(load: LoadRef): Promise<void>;
  /** Loads whose run is over. */
  ended(limit: number): Promise<readonly LoadRef[]>;
}
