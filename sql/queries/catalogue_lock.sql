-- Waits for an advisory lock named by a text and holds it until the transaction ends.
-- $1 text. Two texts may share a lock (64-bit hash); that costs time, not correctness.
SELECT pg_advisory_xact_lock(hashtextextended($1, 0))
