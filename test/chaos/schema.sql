-- What the chaos suite writes down beside the engine's tables: what handlers did, what was called back, and every
-- move of a job, stage or task, taken down by triggers in the very transaction that makes it.
--
-- `xid` is that transaction, `seen` what it saw: of two moves they tell whether the one was stored when the other was made,
-- which times do not.
CREATE SCHEMA chaos;

CREATE TABLE chaos.executions (
  job_id text NOT NULL,
  run integer NOT NULL,
  stage integer NOT NULL,
  -- -1: finalize
  task integer NOT NULL,
  attempt integer NOT NULL,
  worker text NOT NULL,
  event text NOT NULL CHECK (event IN ('began', 'done', 'failed')),
  at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX ON chaos.executions (job_id, run, stage, task);

-- Executions whose temporary part was gone before they were done.
CREATE TABLE chaos.lost_parts (
  job_id text NOT NULL,
  run integer NOT NULL,
  stage integer NOT NULL,
  task integer NOT NULL,
  attempt integer NOT NULL,
  -- It was still the one that its task is worked on by, in a job that had not ended.
  in_force boolean NOT NULL
);

CREATE TABLE chaos.callbacks (
  job_id text NOT NULL,
  status text NOT NULL,
  result json,
  worker text NOT NULL,
  taken boolean NOT NULL
);
CREATE INDEX ON chaos.callbacks (job_id);

CREATE TABLE chaos.task_moves (
  id bigint GENERATED ALWAYS AS IDENTITY,
  job bigint NOT NULL,
  run integer NOT NULL,
  stage integer NOT NULL,
  task integer NOT NULL,
  old_status text NOT NULL,
  new_status text NOT NULL,
  old_attempt integer NOT NULL,
  new_attempt integer NOT NULL,
  result_changed boolean NOT NULL,
  -- Of the attempt before, when the task was claimed: true if its lease had not run out.
  was_leased boolean NOT NULL,
  -- Completed with the result of an earlier run.
  taken_over boolean NOT NULL,
  -- Its job had ended, or gone on to another stage or run.
  job_over boolean NOT NULL,
  xid xid8 NOT NULL DEFAULT pg_current_xact_id(),
  connection text NOT NULL,
  at timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- Every run of a job, as it began.
CREATE TABLE chaos.runs (
  job bigint NOT NULL,
  run integer NOT NULL,
  -- Of the request that began it.
  correlation_id text NOT NULL,
  takes_over_from integer,
  xid xid8 NOT NULL DEFAULT pg_current_xact_id()
);

CREATE TABLE chaos.job_moves (
  id bigint GENERATED ALWAYS AS IDENTITY,
  job bigint NOT NULL,
  old_status text NOT NULL,
  new_status text NOT NULL,
  old_run integer NOT NULL,
  new_run integer NOT NULL,
  old_stage integer NOT NULL,
  new_stage integer NOT NULL,
  result_changed boolean NOT NULL,
  new_result json,
  new_error json,
  -- Tasks of the old stage that could still run when the job went on to the next.
  open_tasks integer NOT NULL,
  xid xid8 NOT NULL DEFAULT pg_current_xact_id(),
  connection text NOT NULL,
  at timestamptz NOT NULL DEFAULT clock_timestamp()
);

CREATE TABLE chaos.stage_moves (
  id bigint GENERATED ALWAYS AS IDENTITY,
  job bigint NOT NULL,
  run integer NOT NULL,
  stage integer NOT NULL,
  what text NOT NULL CHECK (what IN ('planned', 'closed', 'changed after closing')),
  -- Its job had ended, or gone on to another stage or run.
  job_over boolean NOT NULL,
  xid xid8 NOT NULL DEFAULT pg_current_xact_id(),
  seen pg_snapshot NOT NULL DEFAULT pg_current_snapshot(),
  connection text NOT NULL,
  at timestamptz NOT NULL DEFAULT clock_timestamp()
);

CREATE FUNCTION chaos.job_over(of_job bigint, of_run integer, of_stage integer) RETURNS boolean LANGUAGE sql AS $$
  SELECT NOT EXISTS (
    SELECT FROM app.jobs j
    WHERE j.id = of_job AND j.run = of_run AND j.stage = of_stage AND j.status IN ('queued', 'processing')
  )
$$;

CREATE FUNCTION chaos.note_task() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO chaos.task_moves
    (job, run, stage, task, old_status, new_status, old_attempt, new_attempt, result_changed, was_leased, taken_over,
    job_over, connection)
  VALUES (NEW.job, NEW.run, NEW.stage, NEW.task, OLD.status, NEW.status, OLD.attempt, NEW.attempt,
    OLD.result::text IS DISTINCT FROM NEW.result::text OR OLD.error::text IS DISTINCT FROM NEW.error::text,
    OLD.status = 'processing' AND NEW.attempt > OLD.attempt AND OLD.lease_until > now(),
    OLD.status = 'queued' AND NEW.status = 'completed' AND NEW.attempt = 0,
    chaos.job_over(NEW.job, NEW.run, NEW.stage),
    current_setting('application_name'));
  RETURN NULL;
END $$;

CREATE TRIGGER note_task AFTER UPDATE ON app.tasks FOR EACH ROW
WHEN (OLD.status <> NEW.status OR OLD.attempt <> NEW.attempt OR OLD.result::text IS DISTINCT FROM NEW.result::text
  OR OLD.error::text IS DISTINCT FROM NEW.error::text)
EXECUTE FUNCTION chaos.note_task();

CREATE FUNCTION chaos.note_job() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO chaos.job_moves
    (job, old_status, new_status, old_run, new_run, old_stage, new_stage, result_changed, new_result, new_error,
    open_tasks, connection)
  VALUES (NEW.id, OLD.status, NEW.status, OLD.run, NEW.run, OLD.stage, NEW.stage,
    OLD.result::text IS DISTINCT FROM NEW.result::text OR OLD.error::text IS DISTINCT FROM NEW.error::text,
    NEW.result, NEW.error,
    CASE WHEN NEW.stage <> OLD.stage THEN (
      SELECT count(*) FROM app.tasks t
      WHERE t.job = OLD.id AND t.run = OLD.run AND t.stage = OLD.stage AND t.finished_at IS NULL
    ) ELSE 0 END,
    current_setting('application_name'));
  RETURN NULL;
END $$;

CREATE TRIGGER note_job AFTER UPDATE ON app.jobs FOR EACH ROW
WHEN (OLD.status <> NEW.status OR OLD.run <> NEW.run OR OLD.stage <> NEW.stage
  OR OLD.result::text IS DISTINCT FROM NEW.result::text OR OLD.error::text IS DISTINCT FROM NEW.error::text)
EXECUTE FUNCTION chaos.note_job();

CREATE FUNCTION chaos.note_run() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO chaos.runs (job, run, correlation_id, takes_over_from)
  VALUES (NEW.id, NEW.run, NEW.correlation_id, NEW.taken_over_run);
  RETURN NULL;
END $$;

CREATE TRIGGER note_first_run AFTER INSERT ON app.jobs FOR EACH ROW EXECUTE FUNCTION chaos.note_run();
CREATE TRIGGER note_next_run AFTER UPDATE ON app.jobs FOR EACH ROW
WHEN (OLD.run <> NEW.run)
EXECUTE FUNCTION chaos.note_run();

CREATE FUNCTION chaos.note_stage() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO chaos.stage_moves (job, run, stage, what, job_over, connection)
  VALUES (NEW.job, NEW.run, NEW.stage,
    CASE WHEN TG_OP = 'INSERT' THEN 'planned'
      WHEN OLD.completed_at IS NULL THEN 'closed'
      ELSE 'changed after closing' END,
    chaos.job_over(NEW.job, NEW.run, NEW.stage),
    current_setting('application_name'));
  RETURN NULL;
END $$;

CREATE TRIGGER note_stage_made AFTER INSERT ON app.stages FOR EACH ROW EXECUTE FUNCTION chaos.note_stage();
CREATE TRIGGER note_stage_closed AFTER UPDATE ON app.stages FOR EACH ROW
WHEN (OLD.completed_at IS DISTINCT FROM NEW.completed_at
  OR OLD.completed_count IS DISTINCT FROM NEW.completed_count
  OR OLD.failed_count IS DISTINCT FROM NEW.failed_count
  OR OLD.cancelled_count IS DISTINCT FROM NEW.cancelled_count)
EXECUTE FUNCTION chaos.note_stage();
