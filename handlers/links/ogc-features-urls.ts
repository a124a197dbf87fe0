/** Where the OGC API Features server is, and how it calls the collection of a table. */
export interface OgcFeaturesSettings {
  /** No trailing slash; null: no links are made. */
  readonly ogcFeaturesBaseUrl: string | null;
  /** tipg and pg_featureserv say `schema.table`. */
  readonly ogcCollectionIdStyle: 'table' | 'schema.table';
}

export interface TableName {
  readonly schema: string;
  readonly table: string;
}

/** A table's collection; null without a server. tipg may show a new table only five minutes after it was made. */
export function ogcFeaturesUrl(settings: OgcFeaturesSettings, { schema, table }: TableName): string | null {
  const { ogcFeaturesBaseUrl: base, ogcCollectionIdStyle: style } = settings;
  if (base === null) return null;
  return `${base}/collections/${encodeURIComponent(style === 'table' ? table : `${schema}.${table}`)}`;
}

/** The table's rows, as GeoJSON by default. */
export function ogcItemsUrl(settings: OgcFeaturesSettings, table: TableName): string | null {
  const collection = ogcFeaturesUrl(settings, table);
  return collection && `${collection}/items`;
}
