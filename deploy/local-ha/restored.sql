-- After PostgreSQL was put back to an earlier moment (a backup, a recovery to a point in time), before
-- a server starts again. For psql, as runs_owner, in the database runs.
\set ON_ERROR_STOP on
BEGIN;
-- Positions of watches that saw more than is there now are void.
UPDATE store SET epoch =
    ('x' || left(replace(gen_random_uuid()::text, '-', ''), 16))::bit(64)::int8 & 9223372036854775807;
-- Attempts go on above all that were given meanwhile, as if each had taken a microsecond.
UPDATE organization SET attempt_floor = greatest(attempt_floor,
    (extract(epoch FROM clock_timestamp()) * 1000000)::int8);
-- Who held a run gets its whole time again.
TRUNCATE lease_renewal;
-- No transaction of before is waited for.
TRUNCATE commit_mark;
COMMIT;
SELECT 'the epoch is new, attempts go on above ' || coalesce(max(attempt_floor), 0) FROM organization;
