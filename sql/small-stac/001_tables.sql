-- The small STAC schema: takes pgSTAC's place where its SQL cannot be had, and answers the calls this project makes
-- under the same names and with the same shapes. Every file here may run again on an existing schema.
CREATE EXTENSION IF NOT EXISTS postgis;

CREATE SCHEMA IF NOT EXISTS stac_small;

CREATE TABLE IF NOT EXISTS stac_small.collections (
  id text GENERATED ALWAYS AS (content ->> 'id') STORED PRIMARY KEY,
  content jsonb NOT NULL
);

-- Columns in pgSTAC's order, so that content_dehydrate's row fits as it is. `content` is the whole item: nothing is
-- stripped, so a later change of the collection changes no item.
CREATE TABLE IF NOT EXISTS stac_small.items (
  id text NOT NULL,
  geometry public.geometry(Geometry, 4326) NOT NULL,
  collection text NOT NULL REFERENCES stac_small.collections (id) ON DELETE CASCADE,
  datetime timestamptz NOT NULL,
  end_datetime timestamptz NOT NULL,
  content jsonb NOT NULL,
  PRIMARY KEY (collection, id)
);

CREATE INDEX IF NOT EXISTS items_geometry_idx ON stac_small.items USING gist (geometry);
CREATE INDEX IF NOT EXISTS items_datetime_idx ON stac_small.items (datetime DESC, end_datetime);

CREATE TABLE IF NOT EXISTS stac_small.searches (
  hash text GENERATED ALWAYS AS (md5(search::text || metadata::text)) STORED PRIMARY KEY,
  search jsonb NOT NULL,
  metadata jsonb NOT NULL DEFAULT '{}',
  lastused timestamptz NOT NULL DEFAULT now(),
  usecount bigint NOT NULL DEFAULT 1
);
