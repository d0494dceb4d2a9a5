#!/usr/bin/env bash
# Guess: with "errorfile 400", or with "http-error status 400 ... string", an API's clients get that for every
#   400 that the proxy makes by itself.
# What happens: the 400 of a request that HAProxy cannot parse, and the 408 of one whose head does not come, are
#   made before there is a transaction, and are the built-in page in HTML, whichever way others are
#   configured. The configuration is taken without a warning; a 503 of the same frontend is as configured.
# Version: haproxy 2.6.12 (Debian 12).
# Why it matters: clients that take every reply for JSON meet HTML for their own malformed requests and slow
#   heads, however carefully the proxy's errors were written. Look at Content-Type before you parse an error.
set -euo pipefail
dpkg-query -W -f '${Version}\n' haproxy 2>/dev/null | grep -q '^2\.6\.12-' ||
    RUNLEVEL=1 apt-get install -y -qq --no-install-recommends 'haproxy=2.6.12-*' >/dev/null
folder=$(mktemp -d)
haproxy_pid=''
trap 'kill $haproxy_pid 2>/dev/null || true; rm -rf -- "${folder:?}"' EXIT
cd "$folder"
read -r first second <<<"$(/usr/bin/python3 -c 'import socket
ports = [socket.create_server(("127.0.0.1", 0)) for _ in range(2)]
print(*(s.getsockname()[1] for s in ports))')"
for status in 400 408 503; do
    printf 'HTTP/1.1 %s No\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n{"code":%s}' \
        "$status" "$status" >"$status.http"
done
cat >haproxy.cfg <<END
defaults
    mode http
    timeout connect 5s
    timeout client 30s
    timeout server 30s
    timeout http-request 1s
frontend rules
    bind 127.0.0.1:$first
    http-error status 400 content-type application/json string '{"code":400}'
    http-error status 408 content-type application/json string '{"code":408}'
    http-error status 503 content-type application/json string '{"code":503}'
frontend files
    bind 127.0.0.1:$second
    errorfile 400 $folder/400.http
    errorfile 408 $folder/408.http
    errorfile 503 $folder/503.http
END
if haproxy -c -f haproxy.cfg 2>&1 | grep -i warning; then
    echo "the configuration is warned of now" >&2
    exit 1
fi
haproxy -f haproxy.cfg -db >haproxy.log 2>&1 &
haproxy_pid=$!
cat >ask.py <<'END'
import socket
import sys
import time

REQUESTS = (("a header without a name", b"GET / HTTP/1.1\r\nHost: h\r\n: x\r\n\r\n"),
            ("a head that does not end", b"GET / HTTP/1.1\r\nHost: h\r\n"),
            ("nobody behind", b"GET / HTTP/1.1\r\nHost: h\r\n\r\n"))


def connect(port):
    while True:
        try:
            return socket.create_connection(("127.0.0.1", port), timeout=30)
        except ConnectionRefusedError:
            time.sleep(0.05)


for name, port in zip(("http-error", "errorfile"), map(int, sys.argv[1:])):
    for what, request in REQUESTS:
        with connect(port) as s:
            s.sendall(request)
            reply = b""
            while piece := s.recv(4096):
                reply += piece
                if b"}" in piece or b"</html>" in piece:
                    break
        status = reply.split()[1].decode()
        print(f"{name}, {what}: {status}, {'JSON' if b'{' in reply else 'HTML'}")
END
seen=$(/usr/bin/python3 ask.py "$first" "$second")
printf '%s\n' "$seen"
expected='http-error, a header without a name: 400, HTML
http-error, a head that does not end: 408, HTML
http-error, nobody behind: 503, JSON
errorfile, a header without a name: 400, HTML
errorfile, a head that does not end: 408, HTML
errorfile, nobody behind: 503, JSON'
[ "$seen" = "$expected" ] || { echo "this has changed; expected:" "$expected" >&2; exit 1; }
