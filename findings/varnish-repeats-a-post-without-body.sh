#!/usr/bin/env bash
# Guess: a proxy never sends a POST a second time by itself: RFC 9110 (9.2.2) forbids it for
#   methods that are not idempotent, unless the proxy knows that the first was not carried out.
# What happens: a POST without a body on a backend connection that was used before, which the
#   backend reads and then closes without an answer (it was restarted, say), is sent again on
#   a fresh connection, and the client sees the second answer, 200. With a body it is not sent
#   again and the client sees 503. Debian's nginx, Apache, HAProxy and nghttpx answered 502 and
#   sent it once in the same trial.
# Version: varnish 7.1.1-2+deb12u1 (Debian 12), with a VCL that holds nothing but the backend.
# Why it matters: POST /v1/runs/{id}/cancel has no body. A cancel whose server was killed
#   between commit and answer comes twice, and the client is told 409 "already finished" for
#   the cancel that it made itself: read metadata.status before you call that a failure.
set -euo pipefail
folder=$(mktemp -d)
trap 'kill $(cat "${folder:?}/pid" 2>/dev/null) 2>/dev/null || true; sleep 1; rm -rf -- "${folder:?}"' EXIT
cd "$folder"
chmod 755 .
apt-get download -qq varnish=7.1.1-2+deb12u1 libvarnishapi3=7.1.1-2+deb12u1 libjemalloc2 \
    libedit2 libbsd0 >/dev/null 2>&1
for package in ./*.deb; do dpkg-deb -x "$package" debian; done
cat >try.py <<'END'
import http.client
import os
import socket
import subprocess
import threading
import time

seen = []


def read_request(stream):
    words = stream.readline().split()
    length = 0
    while (line := stream.readline().strip()):
        name, value = line.split(b":", 1)
        if name.lower() == b"content-length":
            length = int(value)
    stream.read(length)
    return words[0].decode() if words else None


def serve(connection):
    """Answers the first request; reads a second and ends."""
    stream = connection.makefile("rb")
    for number in (1, 2):
        method = read_request(stream)
        if method is None:
            break
        seen.append(method)
        if number == 1:
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n"
                               b"Cache-Control: no-store\r\n\r\nok")
    connection.shutdown(socket.SHUT_RDWR)
    connection.close()


def accept(listener):
    while True:
        connection = listener.accept()[0]
        threading.Thread(target=serve, args=(connection,), daemon=True).start()


def listen():
    listener = socket.create_server(("127.0.0.1", 0))
    return listener, listener.getsockname()[1]


backend, backend_port = listen()
threading.Thread(target=accept, args=(backend,), daemon=True).start()
probe, port = listen()
probe.close()
here = os.getcwd()
with open("default.vcl", "w", encoding="ascii") as vcl:
    vcl.write(f'vcl 4.1;\nbackend default {{ .host = "127.0.0.1"; .port = "{backend_port}"; }}\n')
libraries = f"{here}/debian/usr/lib/x86_64-linux-gnu"
proxy = subprocess.Popen(
    [f"{here}/debian/usr/sbin/varnishd", "-F", "-j", "none", "-a", f"127.0.0.1:{port}", "-f",
     f"{here}/default.vcl", "-n", f"{here}/work", "-s", "malloc,10m", "-P", f"{here}/pid"],
    env={**os.environ, "LD_LIBRARY_PATH": f"{libraries}:{libraries}/varnish"},
    stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def ask(method, body=None):
    """The status; 0 while nobody listens."""
    try:
        client = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
        client.request(method, "/", body)
        return client.getresponse().status
    except OSError:
        return 0


for _ in range(200):
    if ask("GET") == 200:
        break
    time.sleep(0.1)
for name, body in (("without a body", None), ("with a body", b"{}")):
    # Leave exactly one backend connection that was used once: one POST more uses up what
    # the GETs before may have left.
    ask("POST", b"x")
    ask("GET")
    del seen[:]
    status = ask("POST", body)
    print(f"POST {name}: sent {seen.count('POST')} times, answered {status}")
proxy.terminate()
END
seen=$(/usr/bin/python3 -B try.py)
expected='POST without a body: sent 2 times, answered 200
POST with a body: sent 1 times, answered 503'
printf '%s\n' "$seen"
[ "$seen" = "$expected" ] || { echo "this has changed; expected:" "$expected" >&2; exit 1; }
