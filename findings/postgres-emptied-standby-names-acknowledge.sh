#!/usr/bin/env bash
# Guess: a COMMIT that waits for a synchronous standby ends as a success only once a standby has confirmed it; where
#   the wait ends otherwise the client is warned ("canceling wait for synchronous replication", 01000).
# What happens: where synchronous_standby_names becomes empty while it waits, the COMMIT succeeds without a
#   warning, though nobody but this server has it. Only a wait that is cancelled, or whose session is ended, is
#   warned of.
# Version: PostgreSQL 15 (Debian 12).
# Why it matters: a client that takes a COMMIT without a warning for replicated loses it with the next failover.
#   Ask for current_setting('synchronous_standby_names') behind the COMMIT, in the same flight, before you
#   acknowledge a change.
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
echo "synchronous_standby_names = 'nobody'" >>"$folder/data/postgresql.conf"
as_postgres "$programs/pg_ctl" -D "$folder/data" -s -w -l "$folder/data/log" \
    -o "-k $folder -c listen_addresses=" start
ask() {
    psql -h "$folder" -U postgres -d postgres -qAtX -c "$1"
}
empty_names() {
    ask "ALTER SYSTEM SET synchronous_standby_names=''"
    ask 'SELECT pg_reload_conf()' >/dev/null
}
psql -h "$folder" -U postgres -d postgres -qX -c 'SET synchronous_commit=local' -c 'CREATE TABLE t(i int)'
# Begins a change, waits until its commit waits, ends the wait, and says what the client was told.
told() {
    psql -h "$folder" -U postgres -d postgres -AtX -c "INSERT INTO t VALUES($1)" >told 2>&1 &
    local client=$!
    until [ "$(ask "SELECT count(*) FROM pg_stat_activity WHERE wait_event='SyncRep' AND query LIKE 'INSERT%'")" = 1 ]; do
        sleep 0.05
    done
    eval "$2"
    wait "$client" || true
    printf '%s: %s\n' "$3" "$(tr '\n' ' ' <told | sed -E 's/ (DETAIL|HINT):.*INSERT/ ... INSERT/; s/ $//')"
}
cancelled=$(told 1 "ask \"SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE wait_event='SyncRep'\" >/dev/null" 'cancelled')
emptied=$(told 2 empty_names 'emptied')
seen="$cancelled
$emptied"
printf '%s\n' "$seen"
expected='cancelled: WARNING:  canceling wait for synchronous replication due to user request ... INSERT 0 1
emptied: INSERT 0 1'
[ "$seen" = "$expected" ] || {
    echo 'this has changed' >&2
    exit 1
}
