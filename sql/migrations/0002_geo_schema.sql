-- Tables of features that jobs load from files, and what the loading needs to be remembered.

-- What readers see: finished tables, each with a primary key `id` and a geometry column `geom`.
CREATE SCHEMA IF NOT EXISTS geo;
-- Tables that are being loaded. They move into their schema when they are whole.
CREATE SCHEMA IF NOT EXISTS geo_load;

-- One row for each run of a job that loads a table; it goes when the run has ended.
CREATE TABLE app.loads (
  job_id text COLLATE "C" NOT NULL,
  run integer NOT NULL,
  -- Of the task that made the load: an earlier attempt that is still about cannot take it back.
  attempt integer NOT NULL,
  -- In schema geo_load.
  load_table text NOT NULL,
  columns json NOT NULL,
  created_at timestamptz(3) NOT NULL DEFAULT now(),
  -- Set by the transaction that makes the rows visible: no retry does so again.
  published_at timestamptz(3),
  rows_published bigint,
  PRIMARY KEY (job_id, run)
);

-- Chunks whose rows lie in the load table, written by the transaction that put them there.
CREATE TABLE app.load_chunks (
  job_id text COLLATE "C" NOT NULL,
  run integer NOT NULL,
  chunk integer NOT NULL,
  row_count bigint NOT NULL,
  PRIMARY KEY (job_id, run, chunk),
  FOREIGN KEY (job_id, run) REFERENCES app.loads ON DELETE CASCADE
);

-- Which job made a table: the same job may make it again.
CREATE TABLE app.table_origins (
  table_oid oid PRIMARY KEY,
  job_id text COLLATE "C" NOT NULL,
  made_at timestamptz(3) NOT NULL DEFAULT now()
);
