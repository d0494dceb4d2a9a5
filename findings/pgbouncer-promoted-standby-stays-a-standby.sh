#!/usr/bin/env bash
# Guess: once a standby behind a pooler has been promoted, a client that asks for target_session_attrs=read-write
#   gets a session of it through the pooler, as it does without one.
# What happens: PgBouncer tells each client the parameters that it was told when it connected to the server first. So
#   it says in_hot_standby=on of a server that is the primary for long; and libpq, which has gone by that
#   parameter since 14, refuses the server: "session is read-only". Through the same pooler pg_is_in_recovery() is
#   false, and changes are made. RECONNECT mends it.
# Version: PgBouncer 1.18.0, PostgreSQL 15 and its libpq (Debian 12).
# Why it matters: after a failover no client with such a URL finds the new primary, for as long as the pooler keeps a
#   session of before (server_lifetime, an hour). Have the pooler told to RECONNECT once a server is promoted, or
#   connect with target_session_attrs=any and ask for pg_is_in_recovery().
set -euo pipefail
apt_get() {
    dpkg-query -W -f '${Version}\n' "$1" 2>/dev/null | grep -q "^${2//./\\.}" ||
        RUNLEVEL=1 apt-get install -y -qq --no-install-recommends "$1=$2*" >/dev/null
}
apt_get postgresql-15 15.
apt_get pgbouncer 1.18.0-
programs=/usr/lib/postgresql/15/bin
folder=$(mktemp -d)
chmod 755 "$folder"
as_postgres=()
if [ "$(id -u)" = 0 ]; then
    as_postgres=(setpriv --reuid=postgres --regid=postgres --clear-groups)
    chown postgres "$folder"
fi
pgbouncer=''
end() {
    [ -z "$pgbouncer" ] || { kill "$pgbouncer" && wait "$pgbouncer"; } 2>/dev/null || true
    "${as_postgres[@]}" "$programs/pg_ctl" -D "$folder/data" -m immediate -s stop 2>/dev/null || true
    rm -rf -- "${folder:?}"
}
trap end EXIT
cd "$folder"
"${as_postgres[@]}" "$programs/initdb" -D "$folder/data" -A trust -U postgres --no-sync >/dev/null
"${as_postgres[@]}" touch "$folder/data/standby.signal" # a standby of nobody, which may be read and promoted
"${as_postgres[@]}" "$programs/pg_ctl" -D "$folder/data" -s -w -l "$folder/data/log" -o "-k $folder -c listen_addresses=" start
echo '"postgres" ""' >users
cat >pgbouncer.ini <<END
[databases]
postgres = host=$folder port=5432
[pgbouncer]
listen_addr =
listen_port = 6432
unix_socket_dir = $folder
auth_type = trust
auth_file = $folder/users
admin_users = postgres
pool_mode = transaction
END
"${as_postgres[@]}" pgbouncer -q pgbouncer.ini 2>log &
pgbouncer=$!
pooled() {
    psql -qAtX -d "host=$folder port=6432 user=postgres dbname=$1" -c "$2" 2>&1
}
for ((tries = 0; tries < 100; tries++)); do
    if pooled pgbouncer 'SHOW VERSION' >/dev/null; then break; fi
    sleep 0.1
done
# What a client sees that must have a server which takes changes, and what the server says of itself.
look() {
    local when=$1 way port answer
    for way in direct pooled; do
        port=5432
        [ "$way" = direct ] || port=6432
        answer=$(psql -qAtX -d "host=$folder port=$port user=postgres dbname=postgres target_session_attrs=read-write" \
            -c "SELECT 'connected'" 2>&1) || answer="refused,${answer##*failed:}"
        printf '%s, %s: %s\n' "$when" "$way" "$answer"
    done
    printf '%s, pooled, target_session_attrs=any: pg_is_in_recovery() is %s\n' "$when" \
        "$(pooled postgres 'SELECT pg_is_in_recovery()')"
}
seen=$(
    look 'a standby'
    psql -qAtX -h "$folder" -U postgres -d postgres -c 'SELECT pg_promote()' >/dev/null
    look 'promoted'
    pooled postgres 'CREATE TABLE t(i int)'
    pooled pgbouncer RECONNECT
    look 'after RECONNECT'
)
printf '%s\n' "$seen"
expected='a standby, direct: refused, session is read-only
a standby, pooled: refused, session is read-only
a standby, pooled, target_session_attrs=any: pg_is_in_recovery() is t
promoted, direct: connected
promoted, pooled: refused, session is read-only
promoted, pooled, target_session_attrs=any: pg_is_in_recovery() is f
after RECONNECT, direct: connected
after RECONNECT, pooled: connected
after RECONNECT, pooled, target_session_attrs=any: pg_is_in_recovery() is f'
[ "$seen" = "$expected" ] || {
    echo 'this has changed' >&2
    exit 1
}
