#!/usr/bin/env bash
# Guess: context.peer() of a server is the caller's address as everybody writes it: "ipv4:" or
#   "ipv6:", host and port, and for a unix socket its path.
# What happens: it is a URI. The brackets of IPv6 arrive as %5B and %5D ("ipv6:%5B::1%5D:40000"),
#   so whoever cuts off the scheme, the port and the brackets has no address left that parses;
#   it must be percent-decoded first. Of a unix socket it is "unix:" and nothing else: neither the
#   path nor who calls.
# Version: python3-grpcio and libgrpc 1.51.1 (Debian 12).
# Why it matters: code for an audit log or a limit per address is tried with IPv4, where nothing is
#   encoded, and loses or refuses the address of each IPv6 caller; and all callers of a unix socket
#   share one entry, so a limit on it is one for all.
set -euo pipefail
dpkg-query -W -f '${Version}\n' python3-grpcio 2>/dev/null | grep -q '^1\.51\.1-' ||
    apt-get install -y -qq --no-install-recommends 'python3-grpcio=1.51.1-*' >/dev/null
folder=$(mktemp -d)
trap 'rm -rf -- "${folder:?}"' EXIT
cd "$folder"
cat >try.py <<'END'
import ipaddress
import os
import re
from concurrent import futures
from urllib.parse import unquote

import grpc


class Handler(grpc.GenericRpcHandler):
    def service(self, details):
        return grpc.unary_unary_rpc_method_handler(lambda _, context: context.peer().encode())


def address(peer):
    host = peer.split(":", 1)[1].rsplit(":", 1)[0].strip("[]")
    try:
        return str(ipaddress.ip_address(host))
    except ValueError:
        return "no address"


print("gRPC", grpc.__version__)
server = grpc.server(futures.ThreadPoolExecutor(2), handlers=[Handler()])
unix = "unix:" + os.path.abspath("runs.socket")
server.add_insecure_port(unix)
targets = [f"{host}:{server.add_insecure_port(host + ':0')}" for host in ("127.0.0.1", "[::1]")]
server.start()
for target in targets + [unix]:
    with grpc.insecure_channel(target) as channel:
        peer = channel.unary_unary("/t.Runs/Peer")(b"", timeout=20).decode()
    shown = re.sub(r":\d+$", ":PORT", peer)
    if peer == "unix:":
        print(shown)
    else:
        print(f"{shown}: {address(peer)}, decoded {address(unquote(peer))}")
server.stop(0)
END
seen=$(/usr/bin/python3 -B try.py 2>/dev/null)
expected='gRPC 1.51.1
ipv4:127.0.0.1:PORT: 127.0.0.1, decoded 127.0.0.1
ipv6:%5B::1%5D:PORT: no address, decoded ::1
unix:'
printf '%s\n' "$seen"
[ "$seen" = "$expected" ] || { echo "this has changed; expected:" "$expected" >&2; exit 1; }
