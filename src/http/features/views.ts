import type { JsonObject } from '../../../core/json.ts';
import type { FeatureCollection } from '../../../core/ports/feature-collections.ts';
import type { Links } from './links.ts';

const crs84 = 'http://www.opengis.net/def/crs/OGC/1.3/CRS84';
const gregorian = 'http://www.opengis.net/def/uom/ISO-8601/0/Gregorian';

export function collectionView(collection: FeatureCollection, links: Links): JsonObject {
  const { id, schema, table, description, geometryType, srid, columns, idColumns, timeColumn } = collection;
  const extent = extentView(collection);
  return {
    id,
    title: table,
    ...(description !== null && { description }),
    itemType: 'feature',
    ...(Object.keys(extent).length > 0 && { extent }),
    crs: [crs84],
    source: {
      schema,
      table,
      geometry_type: geometryType,
      srid,
      id_columns: [...idColumns],
      time_column: timeColumn,
      columns: columns.map(({ name, type }) => ({ name, type })),
    },
    links: [links.collection(id, 'self'), links.items(id)],
  };
}

/** What is not known is left out. */
function extentView({ extent: { box, interval } }: FeatureCollection): JsonObject {
  return {
    ...(box && { spatial: { bbox: [[...box]], crs: crs84 } }),
    ...(interval && { temporal: { interval: [[...interval]], trs: gregorian } }),
  };
}
