-- The engine's tables. All other schemas may come and go; these are the truth.
--
-- Times are timestamptz(3): a JavaScript Date and a keyset cursor carry milliseconds, and a finer stored time would
-- make a page's last row come again on the next page.
-- Payloads are json, not jsonb: jsonb orders keys by length, and users see results in the order they were built
-- (`job_type` first). They are read whole and never searched. json also takes every text that JSON.stringify makes,
-- also the escaped U+0000 of some error message, which jsonb refuses: no exit of a task may fail to write its state.
-- States are text with a check: four bytes dearer than an enum, readable in psql, and a new one needs no ALTER TYPE.

CREATE TABLE app.jobs (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  job_id text COLLATE "C" NOT NULL UNIQUE CHECK (job_id ~ '^[0-9a-f]{64}$'),
  job_type text NOT NULL,
  status text NOT NULL DEFAULT 'queued'
    CHECK (status IN ('queued', 'processing', 'completed', 'completed_with_errors', 'failed', 'cancelled')),
  run integer NOT NULL DEFAULT 1 CHECK (run >= 1),
  stage integer NOT NULL DEFAULT 1,
  total_stages integer NOT NULL,
  -- The run whose completed tasks this one takes over; null: it does everything itself.
  taken_over_run integer CHECK (taken_over_run < run),
  parameters json NOT NULL,
  metadata json NOT NULL,
  result json,
  error json,
  correlation_id text NOT NULL,
  -- null: the message for the current stage is still to be sent.
  message_sent_at timestamptz(3),
  callback_due boolean NOT NULL DEFAULT false,
  callback_delivered_at timestamptz(3),
  created_at timestamptz(3) NOT NULL DEFAULT now(),
  started_at timestamptz(3),
  completed_at timestamptz(3),
  updated_at timestamptz(3) NOT NULL DEFAULT now(),
  CONSTRAINT jobs_stage_exists CHECK (stage BETWEEN 1 AND total_stages),
  CONSTRAINT jobs_end_has_time CHECK ((completed_at IS NULL) = (status IN ('queued', 'processing'))),
  CONSTRAINT jobs_callback_after_end CHECK (NOT callback_due OR completed_at IS NOT NULL)
);

-- Lists are newest first, of all types or of one.
CREATE INDEX jobs_newest ON app.jobs (created_at, job_id);
CREATE INDEX jobs_newest_of_type ON app.jobs (job_type, created_at, job_id);
-- What the reconciler looks through; but for jobs_ended, for retention, these stay as small as the work in hand.
CREATE INDEX jobs_active ON app.jobs (id) WHERE status IN ('queued', 'processing');
CREATE INDEX jobs_ended ON app.jobs (completed_at) WHERE completed_at IS NOT NULL;
CREATE INDEX jobs_callback_due ON app.jobs (completed_at) WHERE callback_due;

CREATE TABLE app.stages (
  job bigint NOT NULL REFERENCES app.jobs ON DELETE CASCADE,
  run integer NOT NULL,
  stage integer NOT NULL,
  task_count integer NOT NULL CHECK (task_count >= 0),
  -- Tasks [0, published_count) have had their message sent.
  published_count integer NOT NULL DEFAULT 0,
  -- Written once, at closing; null where a worker still held a task then (a job that failed or was cancelled).
  completed_count integer,
  failed_count integer,
  cancelled_count integer,
  -- Of the completed ones, those whose result an earlier run had.
  taken_over_count integer NOT NULL DEFAULT 0,
  started_at timestamptz(3) NOT NULL DEFAULT now(),
  completed_at timestamptz(3),
  updated_at timestamptz(3) NOT NULL DEFAULT now(),
  name text NOT NULL,
  handler text NOT NULL,
  parallelism text NOT NULL CHECK (parallelism IN ('single', 'fan_out', 'fan_in')),
  policy text NOT NULL CHECK (policy IN ('fail', 'continue')),
  PRIMARY KEY (job, run, stage),
  CONSTRAINT stages_published CHECK (published_count BETWEEN 0 AND task_count),
  CONSTRAINT stages_counts_add_up CHECK (completed_count + failed_count + cancelled_count = task_count),
  CONSTRAINT stages_counted_when_closed CHECK (completed_count IS NULL OR completed_at IS NOT NULL)
);

CREATE INDEX stages_open ON app.stages (job, run, stage) WHERE completed_at IS NULL;

-- 100,000 rows a stage: widths matter, so the fixed-width columns come first, eight bytes before four.
CREATE TABLE app.tasks (
  job bigint NOT NULL,
  lease_until timestamptz(3),
  next_attempt_at timestamptz(3),
  -- null: with its stage's first messages.
  sent_at timestamptz(3),
  -- When the current attempt began.
  claimed_at timestamptz(3),
  created_at timestamptz(3) NOT NULL DEFAULT now(),
  started_at timestamptz(3),
  finished_at timestamptz(3),
  run integer NOT NULL,
  stage integer NOT NULL,
  task integer NOT NULL CHECK (task >= 0),
  attempt integer NOT NULL DEFAULT 0 CHECK (attempt >= 0),
  progress real CHECK (progress BETWEEN 0 AND 1),
  status text NOT NULL DEFAULT 'queued'
    CHECK (status IN ('queued', 'processing', 'retrying', 'completed', 'failed', 'cancelled')),
  task_key text NOT NULL,
  worker text,
  input json NOT NULL,
  result json,
  error json,
  PRIMARY KEY (job, run, stage, task),
  FOREIGN KEY (job, run, stage) REFERENCES app.stages ON DELETE CASCADE,
  CONSTRAINT tasks_end_has_time CHECK ((finished_at IS NULL) = (status IN ('queued', 'processing', 'retrying'))),
  CONSTRAINT tasks_processing_is_leased
    CHECK (status <> 'processing' OR (lease_until IS NOT NULL AND worker IS NOT NULL)),
  CONSTRAINT tasks_retry_has_time CHECK (status <> 'retrying' OR next_attempt_at IS NOT NULL),
  CONSTRAINT tasks_completed_has_result CHECK (status <> 'completed' OR result IS NOT NULL)
);

-- The only index besides the key. Nothing that a claim, a heartbeat or a retry writes is in it or in its predicate, so
-- these are heap-only updates that touch no index; an index on status or lease_until would make each of them write to
-- every index of the table. A task leaves it once, when it ends.
CREATE INDEX tasks_open ON app.tasks (job, run, stage, task) WHERE finished_at IS NULL;

-- A task is updated twice in its life, most of its page's neighbours at about the same time, and grows by its result.
-- With half of each page kept free, 94 of 100 claims found room beside the old version (75 percent: 40 of 100).
ALTER TABLE app.tasks SET (
  fillfactor = 50,
  -- By number, not by the default share of the table: after a year a fifth of it would be millions of dead entries in
  -- tasks_open, and statistics would be of another season.
  autovacuum_vacuum_scale_factor = 0,
  autovacuum_vacuum_threshold = 20000,
  autovacuum_vacuum_insert_scale_factor = 0,
  autovacuum_vacuum_insert_threshold = 100000,
  autovacuum_analyze_scale_factor = 0,
  autovacuum_analyze_threshold = 20000
);
-- Updated a handful of times each, and small: half-empty pages keep these updates heap-only too.
ALTER TABLE app.stages SET (fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000);
ALTER TABLE app.jobs SET (fillfactor = 70, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000);

-- What happened to a job that is worth telling: a few rows a stage, and one for each attempt that went wrong. Written by
-- the statement that does what it tells, so that none is missing and none is untrue.
CREATE TABLE app.job_events (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  job bigint NOT NULL REFERENCES app.jobs ON DELETE CASCADE,
  at timestamptz(3) NOT NULL DEFAULT now(),
  run integer NOT NULL,
  stage integer,
  task integer,
  attempt integer,
  event text NOT NULL,
  detail json
);

CREATE INDEX job_events_of_job ON app.job_events (job, id);

-- What the reconciler did, one row a run; `retention` removes old ones.
CREATE TABLE app.upkeep_runs (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  run text NOT NULL,
  worker text NOT NULL,
  started_at timestamptz(3) NOT NULL,
  duration_ms integer NOT NULL,
  scanned integer NOT NULL,
  fixed integer NOT NULL,
  actions text[] NOT NULL,
  error json
);

-- Workers that live, each holding the advisory lock of its number on a connection of its own: who dies loses it.
CREATE TABLE app.workers (
  number integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  worker text NOT NULL UNIQUE,
  started_at timestamptz(3) NOT NULL DEFAULT now(),
  -- When the lock was first seen to be free.
  missing_since timestamptz(3)
);
