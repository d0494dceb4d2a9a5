-- The database and its two roles: runs_owner owns the tables and migrates them, runsd serves. For
-- psql, as a superuser; may be run again. Passwords come from the environment, not from a command
-- line.
\set ON_ERROR_STOP on
\getenv owner_password OWNER_PASSWORD
\getenv runsd_password RUNSD_PASSWORD

SELECT format('CREATE ROLE %I LOGIN', name) FROM unnest(ARRAY['runs_owner', 'runsd']) name
WHERE name NOT IN (SELECT rolname FROM pg_roles) \gexec
ALTER ROLE runs_owner PASSWORD :'owner_password';
ALTER ROLE runsd PASSWORD :'runsd_password';

SELECT 'CREATE DATABASE runs OWNER runs_owner TEMPLATE template0 ENCODING ''UTF8'' LOCALE ''C.UTF-8'''
WHERE 'runs' NOT IN (SELECT datname FROM pg_database) \gexec
\connect runs

-- So that the server sees whether the standbys that must confirm follow at all, and refuses changes
-- at once where they do not, instead of having them wait.
GRANT pg_read_all_stats TO runsd;
REVOKE ALL ON DATABASE runs FROM PUBLIC;
GRANT CONNECT ON DATABASE runs TO runsd;
REVOKE CREATE ON SCHEMA public FROM PUBLIC;
GRANT USAGE, CREATE ON SCHEMA public TO runs_owner;
GRANT USAGE ON SCHEMA public TO runsd;
-- What a migration makes, the server may use, and nothing beyond.
ALTER DEFAULT PRIVILEGES FOR ROLE runs_owner IN SCHEMA public
    GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO runsd;
ALTER DEFAULT PRIVILEGES FOR ROLE runs_owner IN SCHEMA public
    GRANT USAGE ON SEQUENCES TO runsd;
