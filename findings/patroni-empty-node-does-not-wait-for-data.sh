#!/usr/bin/env bash
# Guess: where etcd knows nothing of a cluster, as after a restore, a node without data waits for one that has some, and
#   copies it.
# What happens: it makes a new and empty database, if it is the first to be started. The node with the restored data
#   then ends with "system ID mismatch". With "nofailover: true" among its tags, the node without data waits for
#   a primary, and copies that one.
# Version: Patroni 3.0.2, etcd 3.4.23, PostgreSQL 15 (Debian 12).
# Why it matters: nodes that start together after a disaster may come up with an empty database that serves, and
#   the restored one shut out. Start the one with the data alone, until it is the primary; the others after it.
set -euo pipefail
apt_get() {
    dpkg-query -W -f '${Version}\n' "$1" 2>/dev/null | grep -q "^${2//./\\.}" ||
        RUNLEVEL=1 apt-get install -y -qq --no-install-recommends "$1=$2*" >/dev/null
}
apt_get postgresql-15 15.
apt_get patroni 3.0.2-
apt_get python3-etcd 0.4.5-
apt_get etcd-server 3.4.23-
programs=/usr/lib/postgresql/15/bin
folder=$(mktemp -d)
chmod 755 "$folder"
as_postgres=()
if [ "$(id -u)" = 0 ]; then
    as_postgres=(setpriv --reuid=postgres --regid=postgres --clear-groups)
    chown postgres "$folder"
fi
started=()
stop_all() {
    local pid data
    for pid in "${started[@]}"; do { kill -KILL "$pid" && wait "$pid"; } 2>/dev/null || true; done
    started=()
    for data in "$folder"/*/*/data; do
        "${as_postgres[@]}" "$programs/pg_ctl" -D "$data" -m immediate -s stop 2>/dev/null || true
    done
}
trap 'rm -rf -- "${folder:?}"' EXIT
cd "$folder"
read -r -a ports <<<"$(/usr/bin/python3 -c 'import socket
held = [socket.create_server(("127.0.0.1", 0)) for _ in range(6)]
print(*(one.getsockname()[1] for one in held))')"
etcd=127.0.0.1:${ports[0]}

start_etcd() {
    etcd --name one --data-dir "$folder/$1/etcd" --logger zap --log-level error --enable-v2 \
        --listen-client-urls "http://$etcd" --advertise-client-urls "http://$etcd" \
        --listen-peer-urls "http://127.0.0.1:${ports[1]}" --initial-advertise-peer-urls "http://127.0.0.1:${ports[1]}" \
        --initial-cluster "one=http://127.0.0.1:${ports[1]}" 2>"$folder/$1/etcd.log" &
    started+=($!)
}

# Writes what Patroni of a node is to do.
configure() {
    local node=$1 nofailover=$2 rest=$3 postgres=$4
    mkdir "$node"
    cat >"$node/patroni.yml" <<END
scope: s
name: ${node##*/}
etcd: {hosts: ["$etcd"]}
restapi: {listen: "127.0.0.1:$rest", connect_address: "127.0.0.1:$rest"}
bootstrap: {dcs: {ttl: 5, loop_wait: 1, retry_timeout: 3}, initdb: [encoding: UTF8]}
tags: {nofailover: $nofailover}
postgresql:
  listen: "127.0.0.1:$postgres"
  connect_address: "127.0.0.1:$postgres"
  bin_dir: $programs
  data_dir: $folder/$node/data
  pgpass: $folder/$node/pgpass
  authentication: {superuser: {username: postgres}, replication: {username: postgres}}
  parameters: {unix_socket_directories: "$folder/$node", fsync: "off"}
  pg_hba: ["local all all trust", "host all all 127.0.0.1/32 trust", "host replication all 127.0.0.1/32 trust"]
END
    [ "$(id -u)" != 0 ] || chown -R postgres "$node"
}
start_node() {
    : >"$1/log"
    "${as_postgres[@]}" patroni "$1/patroni.yml" >"$1/log" 2>&1 &
    started+=($!)
}

# Waits until a line of a node's log has a pattern, 30 s at most; prints what is there of it.
wait_for() {
    local node=$1 pattern=$2 tries
    for ((tries = 0; tries < 300; tries++)); do
        if grep -o -m 1 -E "$pattern" "$node/log"; then return; fi
        sleep 0.1
    done
    echo "no '$pattern' in the log of $node" >&2
    tail -n 20 "$node/log" >&2
    return 1
}

# Starts a node without data, then one with data that was restored, both unknown to etcd, and says what becomes of them.
# In a subshell, so that what it started ends with it.
start_both() (
    trap stop_all EXIT
    local name=$1 nofailover=$2 tries
    mkdir "$name"
    configure "$name/empty" "$nofailover" "${ports[2]}" "${ports[3]}"
    configure "$name/restored" false "${ports[4]}" "${ports[5]}"
    "${as_postgres[@]}" "$programs/initdb" -D "$folder/$name/restored/data" -A trust -U postgres --no-sync >/dev/null
    "${as_postgres[@]}" "$programs/postgres" --single -D "$folder/$name/restored/data" postgres \
        <<<'CREATE TABLE run AS SELECT generate_series(1, 7)' >/dev/null 2>&1
    start_etcd "$name"
    start_node "$name/empty"
    wait_for "$name/empty" 'initialized a new cluster|waiting for leader to bootstrap'
    start_node "$name/restored"
    wait_for "$name/restored" 'system ID mismatch|the leader with the lock'
    if [ "$nofailover" = true ]; then wait_for "$name/empty" 'replica has been created'; fi
    for ((tries = 0; tries < 300; tries++)); do
        if "$programs/pg_isready" -q -h 127.0.0.1 -p "${ports[3]}"; then break; fi
        sleep 0.1
    done
    # From the node that was empty: it has the primary's data, whichever of the two that is.
    { psql -qAtX -h 127.0.0.1 -p "${ports[3]}" -U postgres -d postgres -c "SELECT count(*) || ' rows' FROM run" 2>&1 || true; } |
        head -n 1
)
seen=$(
    echo 'without a tag:'
    start_both plain false
    echo 'nofailover:'
    start_both tagged true
)
printf '%s\n' "$seen"
expected='without a tag:
initialized a new cluster
system ID mismatch
ERROR:  relation "run" does not exist
nofailover:
waiting for leader to bootstrap
the leader with the lock
replica has been created
7 rows'
[ "$seen" = "$expected" ] || {
    echo 'this has changed' >&2
    exit 1
}
