#!/usr/bin/env bash
# Guess: a TLS server that refuses a client says why with an alert (RFC 8446, section 6.2), which the client's
#   library turns into its message: "certificate required", "protocol version".
# What happens: a server on gRPC core closes the connection without any alert, so a client without its
#   certificate, or with a version of TLS that is too old, reads an unexpected end of file, as it would from
#   a broken network. OpenSSL has made the alert; core does not send it. Node.js sends its own.
# Version: python3-grpcio and libgrpc 1.51.1, openssl 3.0 (Debian 12); Node.js 20.
# Why it matters: who configures mutual TLS sees only "connection closed", and looks at firewalls and proxies
#   first. The reason stands in the server's log alone.
set -euo pipefail
dpkg-query -W -f '${Version}\n' python3-grpcio 2>/dev/null | grep -q '^1\.51\.1-' ||
    apt-get install -y -qq --no-install-recommends 'python3-grpcio=1.51.1-*' >/dev/null
dpkg-query -W -f '${Version}\n' openssl 2>/dev/null | grep -q '^3\.0\.' ||
    apt-get install -y -qq --no-install-recommends 'openssl=3.0.*' >/dev/null
command -v node >/dev/null || apt-get install -y -qq --no-install-recommends nodejs >/dev/null
folder=$(mktemp -d)
grpc_pid='' node_pid=''
trap 'kill $grpc_pid $node_pid 2>/dev/null || true; rm -rf -- "${folder:?}"' EXIT
cd "$folder"
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout key.pem -out cert.pem \
    -subj /CN=localhost -days 2 2>/dev/null
cat >server.py <<'END'
import pathlib
import time
from concurrent import futures

import grpc

pem = [pathlib.Path(name).read_bytes() for name in ("key.pem", "cert.pem")]
credentials = grpc.ssl_server_credentials([tuple(pem)], root_certificates=pem[1],
                                          require_client_auth=True)
server = grpc.server(futures.ThreadPoolExecutor(1))
port = server.add_secure_port("127.0.0.1:0", credentials)
server.start()
pathlib.Path("grpc.new").write_text(str(port))
pathlib.Path("grpc.new").rename("grpc.port")
time.sleep(600)
END
cat >server.mjs <<'END'
import fs from "node:fs";
import tls from "node:tls";

const cert = fs.readFileSync("cert.pem");
const server = tls.createServer({key: fs.readFileSync("key.pem"), cert, ca: cert, requestCert: true,
                                 rejectUnauthorized: true, minVersion: "TLSv1.2", ALPNProtocols: ["h2"]});
server.listen(0, "127.0.0.1", () => {
    fs.writeFileSync("node.new", String(server.address().port));
    fs.renameSync("node.new", "node.port");
});
END
/usr/bin/python3 server.py 2>grpc.log &
grpc_pid=$!
node server.mjs 2>node.log &
node_pid=$!
for name in grpc node; do
    until [ -s "$name.port" ]; do sleep 0.05; done
done

# What openssl's client says of how a handshake ended.
ask() {
    local name=$1 what=$2
    shift 2
    timeout 20 openssl s_client -connect "127.0.0.1:$(cat "$name.port")" -alpn h2 "$@" </dev/null >told 2>&1 || true
    if grep -q 'alert number' told; then
        echo "$name, $what: $(grep -o 'SSL alert number [0-9]*' told | head -1)"
    elif grep -q 'unexpected eof' told; then
        echo "$name, $what: unexpected end of file"
    else
        echo "$name, $what: $(tail -1 told)"
    fi
}
seen=$(
    for name in grpc node; do
        ask "$name" 'TLS 1.1' -tls1_1 -cipher 'DEFAULT:@SECLEVEL=0'
        ask "$name" 'TLS 1.2 without a certificate' -tls1_2
    done
)
printf '%s\n' "$seen"
expected='grpc, TLS 1.1: unexpected end of file
grpc, TLS 1.2 without a certificate: unexpected end of file
node, TLS 1.1: SSL alert number 70
node, TLS 1.2 without a certificate: SSL alert number 40'
[ "$seen" = "$expected" ] || { echo "this has changed; expected:" "$expected" >&2; exit 1; }
