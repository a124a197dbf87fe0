/** West, south, east, north in degrees of CRS84; west <= east. */
export type Box = readonly [west: number, south: number, east: number, north: number];

export interface FeatureColumn {
  readonly name: string;
  /** As PostgreSQL writes it, e.g. `character varying(20)`. */
  readonly type: string;
}

/** A table or view with a geometry column, as its readers see it. */
export interface FeatureCollection {
  readonly id: string;
  readonly schema: string;
  readonly table: string;
  /** The table's comment. */
  readonly description: string | null;
  /** PostGIS's name, e.g. `MultiPolygon`; `Geometry` for any. */
  readonly geometryType: string;
  /** Of the stored geometries; features are given in CRS84. */
  readonly srid: number;
  /** All but geometries. */
  readonly columns: readonly FeatureColumn[];
  /** Columns that make a feature's id, in its order; empty when features have no ids. */
  readonly idColumns: readonly string[];
  /** What `datetime` filters by. */
  readonly timeColumn: string | null;
  readonly extent: CollectionExtent;
}

/** What is null was too costly to find out, or there is nothing. */
export interface CollectionExtent {
  readonly box: Box | null;
  /** RFC 3339; either end null when it is open. */
  readonly interval: readonly [string | null, string | null] | null;
}

/** RFC 3339 times, both inclusive unless `endExclusive`; null is open. */
export interface TimeInterval {
  readonly start: string | null;
  readonly end: string | null;
  readonly endExclusive?: boolean;
}

/** All conditions must hold. As OGC API Features has it, a feature without a geometry, or time, meets any of that kind. */
export interface FeatureQuery {
  readonly limit: number;
  /** `next` of the page before. */
  readonly after?: readonly string[];
  /** The geometry meets one of them. */
  readonly boxes?: readonly Box[];
  /** Lowest and highest z; features without heights meet it. */
  readonly heights?: readonly [number, number];
  readonly time?: TimeInterval;
  /** Column name to value as text; equality. */
  readonly properties?: Readonly<Record<string, string>>;
}

export interface FeaturePage {
  /** GeoJSON texts: numbers of more than 53 bits stay what they are. */
  readonly features: readonly string[];
  /** Null on the last page. A page may end before its limit, when it is large. */
  readonly next: readonly string[] | null;
}

/**
 * Tables and views as collections of GeoJSON features, read only. Throws COLLECTION_NOT_FOUND, FEATURE_NOT_FOUND,
 * INVALID_PARAMETERS, FEATURE_UNREADABLE, QUERY_TIMEOUT, DATABASE_UNAVAILABLE.
 */
export interface FeatureCollections {
  list(): Promise<readonly FeatureCollection[]>;
  describe(id: string): Promise<FeatureCollection>;
  page(id: string, query: FeatureQuery): Promise<FeaturePage>;
  /** GeoJSON text. */
  feature(id: string, featureId: string): Promise<string>;
}
