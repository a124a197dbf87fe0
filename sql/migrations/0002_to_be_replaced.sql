-- Holds the number of a migration that is written on another branch, so that this branch's files have no gap.
SELECT 1;
