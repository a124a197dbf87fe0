import type { JsonObject } from '../../core/json.ts';
import type { StacItem } from '../../core/ports/catalogue.ts';
import { extensions } from './extensions.ts';

export interface TableColumn {
  readonly name: string;
  /** As PostgreSQL writes it, e.g. `bigint`, `geometry(MultiPolygon,4326)`. */
  readonly type: string;
  readonly description?: string;
}

export interface TableItemParts {
  readonly itemId: string;
  readonly collectionId: string;
  /** [west, south, east, north] in degrees. */
  readonly bbox: readonly [number, number, number, number];
  /** GeoJSON in EPSG:4326; the bbox where there is none. */
  readonly geometry?: JsonObject;
  /** ISO 8601: what the rows are of, or when they were loaded. */
  readonly datetime: string;
  readonly rowCount: number;
  readonly columns: readonly TableColumn[];
  /** Name of the geometry column. */
  readonly primaryGeometry: string;
  readonly title: string;
  /** Of the table's collection in OGC API Features, no trailing slash; null: the item has no such asset. */
  readonly featuresUrl: string | null;
  /** Of the item's own rows; all of the table's where it is not given. */
  readonly itemsUrl?: string;
  readonly schema: string;
  readonly table: string;
  /** The file that the rows came from. */
  readonly sourceHref?: string;
}

/** A STAC 1.1 item of a PostGIS table, with its rows behind OGC API Features as the asset `data`. */
export function tableItem(parts: TableItemParts): StacItem {
  return {
    type: 'Feature',
    stac_version: '1.1.0',
    stac_extensions: [extensions.table],
    id: parts.itemId,
    collection: parts.collectionId,
    geometry: parts.geometry ?? boxGeometry(parts.bbox),
    bbox: [...parts.bbox],
    properties: {
      title: parts.title,
      datetime: parts.datetime,
      created: parts.datetime,
      updated: parts.datetime,
      'table:row_count': parts.rowCount,
      'table:columns': parts.columns.map(({ name, type, description }) => ({
        name,
        type,
        ...(description !== undefined && { description }),
      })),
      'table:primary_geometry': parts.primaryGeometry,
    },
    links: [
      { rel: 'collection', href: `../../${encodeURIComponent(parts.collectionId)}`, type: 'application/json' },
      ...(parts.featuresUrl === null
        ? []
        : [{ rel: 'about', href: parts.featuresUrl, type: 'application/json', title: 'OGC API Features collection' }]),
    ],
    assets: {
      ...(parts.featuresUrl !== null && { data: itemsAsset(parts, parts.featuresUrl) }),
      ...(parts.sourceHref !== undefined && {
        source: { href: parts.sourceHref, title: 'What the rows were loaded from', roles: ['source'] },
      }),
    },
  };
}

function itemsAsset({ schema, table, itemsUrl }: TableItemParts, featuresUrl: string): JsonObject {
  return {
    href: itemsUrl ?? `${featuresUrl}/items`,
    type: 'application/geo+json',
    title: `Rows of ${schema}.${table}, by OGC API Features`,
    roles: ['data'],
  };
}

/** Of one place a point, of places on one meridian or parallel a line: a polygon without an area is not valid. */
function boxGeometry([west, south, east, north]: TableItemParts['bbox']): JsonObject {
  if (west === east && south === north) return { type: 'Point', coordinates: [west, south] };
  if (west === east || south === north) {
    return {
      type: 'LineString',
      coordinates: [
        [west, south],
        [east, north],
      ],
    };
  }
  const ring = [
    [west, south],
    [east, south],
    [east, north],
    [west, north],
    [west, south],
  ];
  return { type: 'Polygon', coordinates: [ring] };
}
