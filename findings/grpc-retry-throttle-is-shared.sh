#!/usr/bin/env bash
# Guess: the budget of retries in a service config (retryThrottling) belongs to the channel that
#   was given the config.
# What happens: all channels of a process to one server name share one budget. A channel whose
#   calls fail uses it up, and a call of another channel, which has not failed once, is not
#   retried any more. To the same server under another name it is.
# Version: python3-grpcio and libgrpc 1.51.1 (Debian 12).
# Why it matters: one tenant's or one thread's failing calls switch off the retries of all
#   others in the process, without a word: code must deal with UNAVAILABLE itself even where
#   the service config says that it is retried.
set -euo pipefail
dpkg-query -W -f '${Version}\n' python3-grpcio 2>/dev/null | grep -q '^1\.51\.1-' ||
    apt-get install -y -qq --no-install-recommends 'python3-grpcio=1.51.1-*' >/dev/null
folder=$(mktemp -d)
trap 'rm -rf -- "${folder:?}"' EXIT
cd "$folder"
cat >try.py <<'END'
import json
from concurrent import futures

import grpc

CONFIG = json.dumps({
    "methodConfig": [{"name": [{}], "retryPolicy": {
        "maxAttempts": 2, "initialBackoff": "0.01s", "maxBackoff": "0.01s",
        "backoffMultiplier": 1, "retryableStatusCodes": ["UNAVAILABLE"]}}],
    "retryThrottling": {"maxTokens": 10, "tokenRatio": 0.1}})
attempts = {}


class Handler(grpc.GenericRpcHandler):
    def service(self, details):
        def fail(_request, context):
            attempts[details.method] = attempts.get(details.method, 0) + 1
            context.abort(grpc.StatusCode.UNAVAILABLE, "not now")
        return grpc.unary_unary_rpc_method_handler(fail)


server = grpc.server(futures.ThreadPoolExecutor(4), handlers=[Handler()])
port = server.add_insecure_port("127.0.0.1:0")
server.start()


def call(name, host, times):
    options = [("grpc.service_config", CONFIG), ("grpc.use_local_subchannel_pool", 1)]
    with grpc.insecure_channel(f"{host}:{port}", options) as channel:
        for _ in range(times):
            try:
                channel.unary_unary(f"/t.Runs/{name}")(b"", timeout=20)
            except grpc.RpcError:
                pass


call("First", "127.0.0.1", 1)
call("Failing", "127.0.0.1", 10)
call("Another", "127.0.0.1", 1)
call("OtherName", "localhost", 1)
for name in ("First", "Another", "OtherName"):
    print(f"{name}: tried {attempts['/t.Runs/' + name]} times")
server.stop(0)
END
seen=$(/usr/bin/python3 -B try.py 2>/dev/null)
expected='First: tried 2 times
Another: tried 1 times
OtherName: tried 2 times'
printf '%s\n' "$seen"
[ "$seen" = "$expected" ] || { echo "this has changed; expected:" "$expected" >&2; exit 1; }
