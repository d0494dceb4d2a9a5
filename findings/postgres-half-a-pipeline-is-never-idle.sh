#!/usr/bin/env bash
# Guess: idle_in_transaction_session_timeout ends any session that has a transaction open and sends nothing more, so
#   that its locks go.
# What happens: a session that got a part of a pipeline and not its Sync yet is "active" (wait event ClientRead),
#   not "idle in transaction". Neither this limit nor statement_timeout, once the statements it got are
#   carried out, nor idle_session_timeout ends it: it holds what it locked for as long as its connection lasts.
# Version: PostgreSQL 15 and its libpq (Debian 12).
# Why it matters: a client that stands still in the midst of a flight blocks all others, whatever these limits say.
#   What helps is client_connection_check_interval with tcp_user_timeout and keepalives, and to send a
#   flight with its Sync at once.
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
as_postgres "$programs/pg_ctl" -D "$folder/data" -s -w -l "$folder/data/log" -o "-k $folder -c listen_addresses=" start
cat >flight.py <<'END'
import ctypes
import subprocess
import sys
import time

pq = ctypes.CDLL("libpq.so.5")
pq.PQconnectdb.restype = ctypes.c_void_p
folder = sys.argv[1]
conninfo = (f"host={folder} user=postgres dbname=postgres options='-c idle_in_transaction_session_timeout=500"
            " -c statement_timeout=500 -c idle_session_timeout=500'").encode()


def ask(sql):
    return subprocess.run(["psql", "-h", folder, "-U", "postgres", "-AtXc", sql, "postgres"], check=True,
                          capture_output=True, text=True).stdout.strip()


for what in ("with its Sync", "without it"):
    connection = ctypes.c_void_p(pq.PQconnectdb(conninfo))
    pid = pq.PQbackendPID(connection)
    assert pid > 0
    pq.PQenterPipelineMode(connection)
    for sql in (b"BEGIN", b"LOCK TABLE pg_class IN ACCESS SHARE MODE"):
        assert pq.PQsendQueryParams(connection, sql, 0, None, None, None, None, 0) == 1
    if what == "with its Sync":
        assert pq.PQpipelineSync(connection) == 1
    assert pq.PQflush(connection) == 0
    state, end = None, time.monotonic() + 5  # ten times each limit
    while time.monotonic() < end and state != "":
        state = ask(f"SELECT state || ', ' || wait_event FROM pg_stat_activity WHERE pid={pid}")
        time.sleep(0.1)
    print(f"{what}: {'still there, ' + state if state else 'ended'}")
    pq.PQfinish(connection)
END
seen=$(/usr/bin/python3 flight.py "$folder")
printf '%s\n' "$seen"
expected='with its Sync: ended
without it: still there, active, ClientRead'
[ "$seen" = "$expected" ] || {
    echo 'this has changed' >&2
    exit 1
}
