#!/usr/bin/env bash
# Guess: a proxy whose server ended the connection amid a POST answers 502, so that the client knows
#   that its request may have been carried out.
# What happens: to a client of HTTP/2, HAProxy resets the stream with REFUSED_STREAM, which RFC 9113
#   (8.7) keeps for requests that were not processed; from the second request of a connection of
#   HTTP/1.1 on it closes the connection without an answer. Clients then send the request again by
#   themselves, as the RFC allows: curl 7.88.1 sends a POST 6 times, grpc-js 1.14.7 a call twice (not
#   grpcio 1.51.1). Only the first request of a connection of HTTP/1.1 is answered with 502.
# Version: haproxy 2.6.12-1+deb12u4, curl 7.88.1 (Debian 12).
# Why it matters: a creation without a key is carried out several times if its server dies between
#   commit and answer. deploy/haproxy/haproxy.cfg has REST pass through HAProxy twice, over a
#   connection of HTTP/1.1 for each request; over gRPC give creations a key.
set -euo pipefail
folder=$(mktemp -d)
trap 'kill $(jobs -p) 2>/dev/null || true; rm -rf -- "${folder:?}"' EXIT
cd "$folder"
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout key.pem -out cert.pem \
    -days 2 -subj /CN=localhost -addext subjectAltName=DNS:localhost 2>/dev/null
cat cert.pem key.pem >both.pem
cat >server.py <<'END'
import socket
import threading

listener = socket.create_server(("127.0.0.1", 0))
open("port", "w").write(str(listener.getsockname()[1]))


def serve(connection):
    with connection, connection.makefile("rb") as stream:
        while words := stream.readline().split():
            while stream.readline().strip():
                pass
            print(words[0].decode(), words[1].decode(), flush=True)
            if words[1] == b"/die":
                return
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")


while True:
    threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()
END
/usr/bin/python3 server.py >seen &
until [ -s port ]; do sleep 0.1; done
front=$((20000 + RANDOM % 10000))
cat >haproxy.cfg <<END
defaults
  mode http
  timeout connect 5s
  timeout client 5s
  timeout server 5s
listen all
  bind 127.0.0.1:$front ssl crt both.pem alpn h2,http/1.1
  server one 127.0.0.1:$(cat port)
END
haproxy -db -f haproxy.cfg 2>/dev/null &
until curl -so /dev/null --cacert cert.pem "https://localhost:$front/up"; do sleep 0.1; done

# How often /die is sent, and how it is answered: the first argument says what is tried.
try() {
    : >seen
    local answer
    answer=$(curl -so /dev/null -w '%{http_code} ' --cacert cert.pem -X POST "${@:2}") ||
        answer+="curl $? "
    printf '%s: sent %s times, answered %s\n' "$1" "$(grep -c /die seen)" "${answer% }"
}
at=https://localhost:$front
seen=$(try "HTTP/2" --http2 "$at/die"
    try "HTTP/1.1, first on its connection" --http1.1 "$at/die"
    try "HTTP/1.1, second" --http1.1 "$at/ok" -o /dev/null "$at/die")
expected='HTTP/2: sent 6 times, answered 000 curl 56
HTTP/1.1, first on its connection: sent 1 times, answered 502
HTTP/1.1, second: sent 2 times, answered 200 502'
printf '%s\n' "$seen"
[ "$seen" = "$expected" ] || { echo "this has changed; expected:" "$expected" >&2; exit 1; }
