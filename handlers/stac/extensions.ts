const host = 'https://stac-extensions.github.io';

/** The STAC extensions written here. raster stays at 1.1: titiler-pgstac reads `raster:bands`, which 2.0 has given up. */
export const extensions = {
  projection: `${host}/projection/v2.0.0/schema.json`,
  raster: `${host}/raster/v1.1.0/schema.json`,
  file: `${host}/file/v2.1.0/schema.json`,
  render: `${host}/render/v2.0.0/schema.json`,
  table: `${host}/table/v1.2.0/schema.json`,
  webMapLinks: `${host}/web-map-links/v1.2.0/schema.json`,
} as const;
