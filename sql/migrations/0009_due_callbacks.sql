-- A job's row tells of its last run only. When the next one began before the receiver had taken the end of the run before,
-- nobody told it of that end any more.

-- Ends that a receiver is still to be told of, of runs that were followed by others.
CREATE TABLE app.due_callbacks (
  job bigint NOT NULL REFERENCES app.jobs ON DELETE CASCADE,
  run integer NOT NULL,
  stage integer NOT NULL,
  status text NOT NULL CHECK (status IN ('completed', 'completed_with_errors', 'failed', 'cancelled')),
  result json,
  ended_at timestamptz(3) NOT NULL,
  PRIMARY KEY (job, run)
);

-- A trigger, because only it has the row as it was when it was locked: a statement that read it before could have read it
-- before it ended. Updates that do not begin a run do not come by it.
CREATE FUNCTION app.keep_due_callback() RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
  INSERT INTO app.due_callbacks (job, run, stage, status, result, ended_at)
  VALUES (OLD.id, OLD.run, OLD.stage, OLD.status, OLD.result, OLD.completed_at);
  RETURN NULL;
END
$$;

CREATE TRIGGER keep_due_callback AFTER UPDATE OF run ON app.jobs FOR EACH ROW
WHEN (OLD.callback_due AND NEW.run > OLD.run)
EXECUTE FUNCTION app.keep_due_callback();
