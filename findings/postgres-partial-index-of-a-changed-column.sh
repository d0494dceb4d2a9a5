#!/usr/bin/env bash
# Guess: an UPDATE that writes no entry into any index is heap-only: a partial index that has the row neither before
#   nor after it keeps nobody from that.
# What happens: a column that is only named in a partial index's predicate counts as indexed. An UPDATE that changes it
#   is never heap-only: not where the row leaves the index, and not where it was not in it and does not come into it.
#   The whole row is written anew with an entry in every other index.
# Version: PostgreSQL 15 (Debian 12). Its manual says "including expression and partial indexes" of it (73.7).
# Why it matters: a small index of what is left to do (WHERE status IN ('due')) looks free for all other rows, and costs each
#   change of a status an entry in each index. Put what it is to find into a table of its own, or a predicate on a
#   column that seldom changes.
set -euo pipefail
dpkg-query -W -f '${Version}\n' postgresql-15 2>/dev/null | grep -q '^15\.' ||
    RUNLEVEL=1 apt-get install -y -qq --no-install-recommends 'postgresql-15=15.*' >/dev/null
programs=/usr/lib/postgresql/15/bin
folder=$(mktemp -d)
chmod 755 "$folder"
as_postgres() {
    if [ "$(id -u)" = 0 ]; then
        setpriv --reuid=postgres --regid=postgres --clear-groups "$@"
    else
        "$@"
    fi
}
[ "$(id -u)" != 0 ] || chown postgres "$folder"
trap 'as_postgres "$programs/pg_ctl" -D "$folder/data" -m immediate -s stop 2>/dev/null || true; rm -rf -- "${folder:?}"' EXIT
cd "$folder"
as_postgres "$programs/initdb" -D "$folder/data" -A trust -U postgres --no-sync >/dev/null
as_postgres "$programs/pg_ctl" -D "$folder/data" -s -w -l "$folder/data/log" \
    -o "-k $folder -c listen_addresses= -c autovacuum=off" start
ask() {
    psql -h "$folder" -U postgres -d postgres -qAtX -v ON_ERROR_STOP=1
}
ask <<<'CREATE EXTENSION pageinspect'
# Twenty runs that have room beside them and an index of few: what a change of all from 1 to 2 writes.
changed() {
    local rows=$1
    ask <<END
CREATE TABLE runs(id int PRIMARY KEY, status int, due int) WITH (fillfactor=40);
INSERT INTO runs SELECT n, 1, n FROM generate_series(1, 20) n;
CREATE INDEX few ON runs(due) WHERE $rows;
UPDATE runs SET status = 2;
SELECT pg_stat_force_next_flush() \g /dev/null
SELECT 'WHERE $rows: ' || n_tup_hot_upd || ' of ' || n_tup_upd || ' heap-only, entries: '
    || (SELECT count(*) FROM bt_page_items('runs_pkey', 1)) || ' of the key, '
    || CASE WHEN pg_relation_size('few') = 8192 THEN 0 ELSE (SELECT count(*) FROM bt_page_items('few', 1)) END
    || ' of the index of few'
    FROM pg_stat_user_tables WHERE relname = 'runs';
DROP TABLE runs;
END
}
seen=$(
    changed 'id > 10'
    changed 'status = 1'
    changed 'status = 3'
)
printf '%s\n' "$seen"
expected='WHERE id > 10: 20 of 20 heap-only, entries: 20 of the key, 10 of the index of few
WHERE status = 1: 0 of 20 heap-only, entries: 40 of the key, 20 of the index of few
WHERE status = 3: 0 of 20 heap-only, entries: 40 of the key, 0 of the index of few'
[ "$seen" = "$expected" ] || {
    echo 'this has changed' >&2
    exit 1
}
