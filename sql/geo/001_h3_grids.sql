-- H3 grids. Every file here may run again on an existing schema.
CREATE EXTENSION IF NOT EXISTS postgis;

CREATE SCHEMA IF NOT EXISTS h3;

-- One row a cell and grid. The key begins with the grid: the cells below one coarser cell are then one range of it.
CREATE TABLE IF NOT EXISTS h3.grids (
  h3_index bigint NOT NULL,
  resolution smallint NOT NULL CHECK (resolution BETWEEN 0 AND 15),
  -- A polygon, or two where the antimeridian or a pole cuts the cell.
  geom public.geometry(Geometry, 4326) NOT NULL CHECK (public.geometrytype(geom) IN ('POLYGON', 'MULTIPOLYGON')),
  grid_id text NOT NULL,
  is_land boolean,
  country_code text CHECK (country_code ~ '^[A-Z]{3}$'),
  parent_h3_index bigint,
  PRIMARY KEY (grid_id, h3_index)
);

CREATE INDEX IF NOT EXISTS grids_geom ON h3.grids USING gist (geom);
