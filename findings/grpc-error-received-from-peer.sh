#!/usr/bin/env bash
# Guess: the debug string of a gRPC error that says "Error received from peer" tells a status
#   that the server sent from one that the client's own library made up.
# What happens: it says so of both. A server process that dies amid a call has sent no status;
#   the client gets UNAVAILABLE "Socket closed", and the debug string is "Error received from
#   peer" as for the FAILED_PRECONDITION that a handler set.
# Version: python3-grpcio and libgrpc 1.51.1 (Debian 12).
# Why it matters: of a change, a status that the server sent says what became of it; one that
#   the library made up says nothing. Who tells them apart by this text takes an unknown outcome
#   for a refusal. What a server says for certain needs a mark of its own: our errors carry an
#   ErrorInfo in grpc-status-details-bin, which no library makes up.
set -euo pipefail
dpkg-query -W -f '${Version}\n' python3-grpcio 2>/dev/null | grep -q '^1\.51\.1-' ||
    apt-get install -y -qq --no-install-recommends 'python3-grpcio=1.51.1-*' >/dev/null
folder=$(mktemp -d)
trap 'rm -rf -- "${folder:?}"' EXIT
cd "$folder"
cat >server.py <<'END'
import os
import sys
from concurrent import futures

import grpc


class Handler(grpc.GenericRpcHandler):
    def service(self, details):
        def refuse(_request, context):
            context.abort(grpc.StatusCode.FAILED_PRECONDITION, "the run is over")

        def die(_request, _context):
            os._exit(1)
        handlers = {"/t.Runs/Refuse": refuse, "/t.Runs/Die": die}
        return grpc.unary_unary_rpc_method_handler(handlers[details.method])


server = grpc.server(futures.ThreadPoolExecutor(2), handlers=[Handler()])
print(server.add_insecure_port("127.0.0.1:0"), flush=True)
server.start()
sys.stdin.read()
END
cat >client.py <<'END'
import re
import subprocess
import sys

import grpc

server = subprocess.Popen([sys.executable, "server.py"], stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE, text=True)
port = int(server.stdout.readline())
channel = grpc.insecure_channel(f"127.0.0.1:{port}")
for method in ("Refuse", "Die"):
    try:
        channel.unary_unary(f"/t.Runs/{method}")(b"", timeout=20)
    except grpc.RpcError as e:
        said = re.search(r"Error received from peer", e.debug_error_string())
        print(f"{method}: {e.code().name} {e.details()!r}:", said.group(0) if said else "else")
server.kill()
END
seen=$(/usr/bin/python3 -B client.py 2>/dev/null)
expected="Refuse: FAILED_PRECONDITION 'the run is over': Error received from peer
Die: UNAVAILABLE 'Socket closed': Error received from peer"
printf '%s\n' "$seen"
[ "$seen" = "$expected" ] || { echo "this has changed; expected:" "$expected" >&2; exit 1; }
