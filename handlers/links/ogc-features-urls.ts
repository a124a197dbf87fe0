/** Where the OGC API Features server is, and how it calls the collection of a table. */
export interface OgcFeaturesSettings {
  /** No trailing slash; null: no links are made. */
  readonly ogcFeaturesBaseUrl: string | null;
  /** tipg and pg_featureserv say `schema.table`. */
  readonly ogcCollectionIdStyle: 'table' | 'schema.table';
  /** That it shows; where several have a table of one name, the first has the short id. */
  readonly ogcSchemas: readonly string[];
}

export interface TableName {
  readonly schema: string;
  readonly table: string;
}

/**
 * A table's collection; null without a server, or when it does not show the schema. tipg may show a new table only five
 * minutes after it was made.
 */
export function ogcFeaturesUrl(settings: OgcFeaturesSettings, { schema, table }: TableName): string | null {
  const { ogcFeaturesBaseUrl: base, ogcCollectionIdStyle: style, ogcSchemas } = settings;
  if (base === null || !ogcSchemas.includes(schema)) return null;
  const isShort = style === 'table' && schema === ogcSchemas[0];
  return `${base}/collections/${encodeURIComponent(isShort ? table : `${schema}.${table}`)}`;
}

/** The table's rows, as GeoJSON by default. */
export function ogcItemsUrl(settings: OgcFeaturesSettings, table: TableName): string | null {
  const collection = ogcFeaturesUrl(settings, table);
  return collection && `${collection}/items`;
}
