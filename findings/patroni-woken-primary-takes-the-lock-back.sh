#!/usr/bin/env bash
# Guess: a primary that stood still for longer than Patroni's ttl, while another one was promoted, finds on waking up
#   that the leader's key in etcd is another's, and demotes itself: the key is renewed by compare-and-set.
# What happens: through the third version of etcd's protocol it puts the key without looking whose it is. Until its
#   watch has told it of the new leader, which takes it some tenths of a second on a busy machine, it takes the lock
#   back; the new primary demotes itself and is rewound. Through the second version the renewal fails.
# Version: Patroni 3.0.2 (Debian 12), etcd 3.4.23. Mended upstream in May 2023 (patroni/patroni#2689).
# Why it matters: what the new primary had acknowledged is lost, synchronous replication or not (in two of seven
#   failovers whose old primary was woken up soon). Say "etcd:" in patroni.yml, and start etcd with --enable-v2.
set -euo pipefail
for package in patroni etcd-server python3-etcd; do
    dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' ||
        RUNLEVEL=1 apt-get install -y -qq --no-install-recommends "$package" >/dev/null
done
folder=$(mktemp -d)
read -r client peer <<<"$(/usr/bin/python3 -c '
import socket
held = [socket.create_server(("127.0.0.1", 0)) for _ in range(2)]
print(*(one.getsockname()[1] for one in held))')"
etcd --name one --data-dir "$folder/data" --logger zap --log-level error --enable-v2 \
    --listen-client-urls "http://127.0.0.1:$client" --advertise-client-urls "http://127.0.0.1:$client" \
    --listen-peer-urls "http://127.0.0.1:$peer" --initial-advertise-peer-urls "http://127.0.0.1:$peer" \
    --initial-cluster "one=http://127.0.0.1:$peer" 2>"$folder/log" &
etcd=$!
trap 'kill "$etcd"; rm -rf -- "${folder:?}"' EXIT
cat >"$folder/nodes.py" <<'END_OF_PYTHON'
"""Two nodes of Patroni without their PostgreSQL: the first one takes the lock, stands still until it is
over, and renews it behind the second one."""
import logging
import sys
import time

from patroni.dcs import get_dcs

TTL_S = 5
logging.disable(logging.CRITICAL)


def node(version, name):
    return get_dcs({"scope": "s", "name": name, "ttl": TTL_S, "loop_wait": 1, "retry_timeout": 3,
                    version: {"hosts": [f"127.0.0.1:{sys.argv[1]}"]}})


for version in ("etcd", "etcd3"):
    old, new = node(version, "old"), node(version, "new")
    assert old.attempt_to_acquire_leader()
    old.get_cluster()  # the beginning of a loop of Patroni: what it knows when it stands still
    while not new.attempt_to_acquire_leader():
        time.sleep(0.1)
    renewed = old.update_leader(None)
    while (leader := new.get_cluster().leader) is None or (leader.name == "old") != renewed:
        time.sleep(0.1)
    print(f"{version}: the renewal by the old leader {'succeeds' if renewed else 'fails'}, "
          f"the leader is the {leader.name} one")
END_OF_PYTHON
seen=$(/usr/bin/python3 -B "$folder/nodes.py" "$client")
printf '%s\n' "$seen"
expected='etcd: the renewal by the old leader fails, the leader is the new one
etcd3: the renewal by the old leader succeeds, the leader is the old one'
[ "$seen" = "$expected" ] || {
    echo 'this has changed' >&2
    exit 1
}
