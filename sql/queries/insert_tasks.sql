-- Stores some tasks of a stage, numbered in the order given.
-- Parameters: $1 job's internal key, $2 run, $3 stage, $4 number of the first of them, $5 keys, $6 inputs as JSON
-- Result: none
-- Locks: none that anybody waits for: the rows are new
-- Cost: 5,000 rows in 57 ms, 100,000 in 1.2 s, a third of it the check of the foreign key
INSERT INTO app.tasks (job, run, stage, task, task_key, input)
SELECT $1::bigint, $2::int, $3::int, $4::int + given.ord::int - 1, given.task_key, given.input::json
FROM unnest($5::text[], $6::text[]) WITH ORDINALITY AS given (task_key, input, ord)
