#!/usr/bin/env bash
# Guess: a server that reads a POST and closes its connection without a word is a 502 to the client, whatever
#   version of HTTP it speaks: the proxy cannot know what the server did.
# What happens: to an HTTP/2 client HAProxy resets the stream with REFUSED_STREAM, which says that the request
#   was certainly not processed (RFC 9113, section 8.7), so that clients send it again by themselves: one
#   curl sends one POST several times, and the server gets each. An HTTP/1.1 client is told 502, but of a
#   connection's first request only; the second one's connection is closed, which means the same to curl.
# Version: haproxy 2.6.12, curl 7.88.1 (Debian 12).
# Why it matters: whatever is not safe to repeat is done several times exactly when a server dies amid it.
#   Requests that change something need a key of their own (Idempotency-Key), or the server behind must
#   never close without a reply.
set -euo pipefail
for package in 'haproxy 2.6.12-' 'curl 7.88.1-'; do
    read -r name version <<<"$package"
    dpkg-query -W -f '${Version}\n' "$name" 2>/dev/null | grep -q "^$version" ||
        RUNLEVEL=1 apt-get install -y -qq --no-install-recommends "$name=$version*" >/dev/null
done
folder=$(mktemp -d)
haproxy_pid='' server_pid=''
trap 'kill $haproxy_pid $server_pid 2>/dev/null || true; rm -rf -- "${folder:?}"' EXIT
cd "$folder"
cat >server.py <<'END'
"""Reads each request to its end, counts it, and closes: what a server that dies amid it does.
A GET is answered."""
import http.server
import pathlib


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        with open("posts", "a") as file:
            file.write("x")
        self.close_connection = True

    def log_message(self, *arguments):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
pathlib.Path("server.port").write_text(str(server.server_address[1]))
server.serve_forever()
END
/usr/bin/python3 server.py &
server_pid=$!
until [ -s server.port ]; do kill -0 "$server_pid"; sleep 0.05; done
port=$(/usr/bin/python3 -c 'import socket; s = socket.create_server(("127.0.0.1", 0)); print(s.getsockname()[1])')
cat >haproxy.cfg <<END
defaults
    mode http
    timeout connect 5s
    timeout client 30s
    timeout server 30s
    retries 0
frontend clear
    bind 127.0.0.1:$port
    default_backend one
backend one
    server one 127.0.0.1:$(cat server.port)
END
haproxy -f haproxy.cfg -db >haproxy.log 2>&1 &
haproxy_pid=$!
until curl -s -o got "http://127.0.0.1:$port/"; do kill -0 "$haproxy_pid"; sleep 0.05; done

# What curl says at the end of each, and how often the server was sent the POST of the last one.
ask() {
    local what=$1 status=0
    shift
    : >posts
    curl -s -o got -w '%{http_code} ' "$@" >told || status=$?
    echo "$what: curl says $(cat told)and exits with $status; $(
        [ "$(wc -c <posts)" -gt 1 ] && echo 'the server got it several times' || echo 'the server got it once')"
}
url=http://127.0.0.1:$port/
seen=$(
    ask 'HTTP/2' --http2-prior-knowledge -d x "$url"
    ask 'HTTP/1.1, the first request' --http1.1 -d x "$url"
    ask 'HTTP/1.1, the second request' --http1.1 "$url" --next -s -o got -w '%{http_code} ' --http1.1 -d x "$url"
)
printf '%s\n' "$seen"
expected='HTTP/2: curl says 000 and exits with 56; the server got it several times
HTTP/1.1, the first request: curl says 502 and exits with 0; the server got it once
HTTP/1.1, the second request: curl says 200 502 and exits with 0; the server got it several times'
[ "$seen" = "$expected" ] || { echo "this has changed; expected:" "$expected" >&2; exit 1; }
