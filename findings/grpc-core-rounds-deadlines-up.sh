#!/usr/bin/env bash
# Guess: a server sees the deadline that its client has, less the time on the way.
# What happens: a client on gRPC core (Python, C++, Ruby, C#'s old one) sends the time that is left with two
#   or three digits, rounded up: 101 s become 102, 1234 s become 1240. The server believes that it has up to
#   a hundredth more than the client waits: 1 s of 101 s.
# Version: python3-grpcio and libgrpc 1.51.1 (Debian 12), as client and as server.
# Why it matters: a server that waits for something until a fixed moment before the deadline, so as to
#   answer in time, answers too late as soon as the deadline is above a minute or so: the client reads
#   DEADLINE_EXCEEDED, and does not learn what became of its change. Keep a hundredth of what is left, too.
set -euo pipefail
dpkg-query -W -f '${Version}\n' python3-grpcio 2>/dev/null | grep -q '^1\.51\.1-' ||
    apt-get install -y -qq --no-install-recommends 'python3-grpcio=1.51.1-*' >/dev/null
folder=$(mktemp -d)
trap 'rm -rf -- "${folder:?}"' EXIT
cd "$folder"
cat >try.py <<'END2'
from concurrent import futures

import grpc


class Handler(grpc.GenericRpcHandler):
    def service(self, details):
        def left(_request, context):
            return repr(context.time_remaining()).encode()
        return grpc.unary_unary_rpc_method_handler(left)


server = grpc.server(futures.ThreadPoolExecutor(4), handlers=[Handler()])
port = server.add_insecure_port("127.0.0.1:0")
server.start()
with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
    ask = channel.unary_unary("/t.Runs/Left")
    ask(b"", timeout=20)  # connects
    for seconds in (0.5, 61, 101, 1001, 10001):
        more = float(ask(b"", timeout=seconds)) - seconds
        # What takes time on the way makes it less than what was sent.
        print(f"{seconds} s: the server believes in {'more' if more > 0.02 else 'no more'}"
              f"{' than half a second more' if more > 0.5 else ''}")
server.stop(0)
END2
seen=$(/usr/bin/python3 try.py)
expected='0.5 s: the server believes in no more
61 s: the server believes in more
101 s: the server believes in more than half a second more
1001 s: the server believes in more than half a second more
10001 s: the server believes in more than half a second more'
printf '%s\n' "$seen"
[ "$seen" = "$expected" ] || { echo "this has changed; expected:" "$expected" >&2; exit 1; }
