import pg from 'pg';

/** Tables of every kind that the features API may meet. PostGIS must be there. */
export async function makeFeatureTables(url: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    for (const statement of statements) await client.query(statement);
  } finally {
    await client.end();
  }
}

const statements: readonly string[] = [
  'CREATE SCHEMA IF NOT EXISTS geo',
  'CREATE SCHEMA IF NOT EXISTS h3',
  'CREATE SCHEMA IF NOT EXISTS private',
  // As ingest_vector makes them: 250 points on a 25 x 10 grid.
  `CREATE TABLE geo.places (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text NOT NULL, size integer, big bigint, share double precision,
    price numeric(20, 4), open boolean, code uuid, tags jsonb, note varchar(20), seen timestamptz, geom geometry(Point, 4326)
  )`,
  `INSERT INTO geo.places (name, size, big, share, price, open, code, tags, note, seen, geom)
    SELECT 'Ort ' || n, n, 9223372036854775000 + n, n / 3.0, n + 0.0001, n % 2 = 0,
      ('00000000-0000-4000-8000-' || lpad(n::text, 12, '0'))::uuid, jsonb_build_object('n', n), 'ß"\\' || n % 5,
      '2024-01-01T00:00:00Z'::timestamptz + n * interval '1 hour', ST_SetSRID(ST_MakePoint(n % 25, n / 25), 4326)
    FROM generate_series(0, 249) AS n`,
  'CREATE INDEX ON geo.places USING gist (geom)',
  "COMMENT ON TABLE geo.places IS 'Some places'",
  // UTM, polygons, no index.
  `CREATE TABLE geo.fields (id integer PRIMARY KEY, "Größe ""ha""" float8, harvested date, geom geometry(MultiPolygon, 32632))`,
  `INSERT INTO geo.fields SELECT n, n * 1.5, date '2020-01-01' + n,
      ST_Multi(ST_MakeEnvelope(500000 + n * 1000, 5500000, 500900 + n * 1000, 5500900, 32632)) FROM generate_series(0, 19) AS n`,
  // As our own grids: the primary key has two columns; both sides of the antimeridian.
  'DROP TABLE IF EXISTS h3.grids',
  `CREATE TABLE h3.grids (
    h3_index bigint NOT NULL, resolution smallint NOT NULL, geom geometry(Geometry, 4326) NOT NULL, grid_id text NOT NULL,
    is_land boolean, country_code text, parent_h3_index bigint, PRIMARY KEY (grid_id, h3_index)
  )`,
  `INSERT INTO h3.grids SELECT 599405640254390000 + n, 4, ST_SetSRID(ST_MakePoint(CASE WHEN n < 10 THEN 170 + n ELSE -190 + n END, 0), 4326),
      g, true, NULL, NULL FROM generate_series(0, 19) AS n, unnest(ARRAY['a.b%1', 'land_res4']) AS g`,
  'CREATE INDEX ON h3.grids USING gist (geom)',
  // Without a key; without geometries in some rows, empty, curved, with heights.
  'CREATE TABLE geo.nokey (label text, geom geometry(Geometry, 4326))',
  "INSERT INTO geo.nokey SELECT 'row ' || n, ST_SetSRID(ST_MakePoint(n, 0), 4326) FROM generate_series(1, 25) AS n",
  'CREATE TABLE geo.odd (id integer PRIMARY KEY, geom geometry(GeometryZ, 4326))',
  `INSERT INTO geo.odd VALUES (1, NULL), (2, 'SRID=4326;POINT Z EMPTY'), (3, 'SRID=4326;POINT Z (1 1 5)'),
    (4, 'SRID=4326;POINT Z (1 1 50)'), (5, 'SRID=4326;CIRCULARSTRING Z (0 0 1, 1 1 1, 2 0 1)')`,
  'CREATE VIEW geo.some_places AS SELECT id, name, geom FROM geo.places WHERE size < 10',
  'CREATE VIEW geo.unkeyed_view AS SELECT name, geom FROM geo.places',
  // Not to be had: no SRID, no geometry, another schema, half loaded.
  'CREATE TABLE geo.places__load_1a2b3c4d (id integer PRIMARY KEY, geom geometry(Point, 4326))',
  'CREATE TABLE geo.unplaced (id integer PRIMARY KEY, geom geometry)',
  'CREATE TABLE geo.plain (id integer PRIMARY KEY)',
  'CREATE TABLE private.secret (id integer PRIMARY KEY, geom geometry(Point, 4326))',
  // Names of all kinds.
  `CREATE TABLE geo."it's ""odd""; DROP TABLE geo.places --" (id text PRIMARY KEY, "a'b" text, "select" integer, geom geometry(Point, 4326))`,
  `INSERT INTO geo."it's ""odd""; DROP TABLE geo.places --" VALUES ('a/b', 'x', 1, NULL), ('ü ''"', 'y', 2, NULL)`,
  'CREATE TABLE geo.grids (id integer PRIMARY KEY, geom geometry(Point, 4326))',
  'ANALYZE',
];
