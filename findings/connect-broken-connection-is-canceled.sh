#!/usr/bin/env bash
# Guess: a gRPC client reports a connection that broke amid a call as UNAVAILABLE, as gRPC's
#   documentation of status codes says and as grpc-js does.
# What happens: Connect's transport for gRPC on Node.js reports CANCELED if the server closed
#   the connection in good order, though nobody cancelled, and ABORTED if it was reset. Only a
#   connection that could not be opened is UNAVAILABLE.
# Versions: @connectrpc/connect-node 2.3.0, @grpc/grpc-js 1.14.7, Node.js 20 (node --version is
#   printed).
# Why it matters: a retry after UNAVAILABLE alone never asks again when a server stopped amid a
#   change, and CANCELED reads like "not done". All three are an unknown outcome: the change
#   may have been made.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf -- "${folder:?}"' EXIT
cd "$folder"
npm init -y >/dev/null
npm install --ignore-scripts --no-audit --no-fund --loglevel=error @connectrpc/connect@2.3.0 \
    @connectrpc/connect-node@2.3.0 @bufbuild/protobuf@2 @grpc/grpc-js@1.14.7 >/dev/null
cat >try.mjs <<'END_OF_SCRIPT'
import net from 'node:net';
import grpc from '@grpc/grpc-js';
import { create, createFileRegistry } from '@bufbuild/protobuf';
import { FileDescriptorProtoSchema, file_google_protobuf_empty } from '@bufbuild/protobuf/wkt';
import { Code, createClient } from '@connectrpc/connect';
import { createGrpcTransport } from '@connectrpc/connect-node';

// A server of HTTP/2 that sends its SETTINGS, and ends the connection once a request is there.
function serve(end) {
  const server = net.createServer((socket) => {
    let seen = Buffer.alloc(0);
    socket.on('error', () => {});
    socket.write(Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0]));
    socket.on('data', (data) => {
      seen = Buffer.concat([seen, data]);
      for (let at = 24; at + 9 <= seen.length; at += 9 + seen.readUIntBE(at, 3))
        if (seen[at + 3] === 1) return end(socket);
    });
  });
  return new Promise((done) => server.listen(0, '127.0.0.1', () => done(server.address().port)));
}

const Empty = '.google.protobuf.Empty';
const file = create(FileDescriptorProtoSchema, {
  name: 't.proto',
  package: 't',
  syntax: 'proto3',
  dependency: ['google/protobuf/empty.proto'],
  service: [{ name: 'Runs', method: [{ name: 'Cancel', inputType: Empty, outputType: Empty }] }],
});
const service = createFileRegistry(file, () => file_google_protobuf_empty).getService('t.Runs');

function connect(port) {
  const client = createClient(service, createGrpcTransport({ baseUrl: `http://127.0.0.1:${port}` }));
  return client.cancel({}, { timeoutMs: 20000 }).then(
    () => 'OK',
    (error) => Code[error.code],
  );
}

function grpcJs(port) {
  const client = new grpc.Client(`127.0.0.1:${port}`, grpc.credentials.createInsecure());
  const bytes = (x) => x;
  return new Promise((done) =>
    client.makeUnaryRequest('/t.Runs/Cancel', bytes, bytes, Buffer.alloc(0),
      { deadline: Date.now() + 20000 }, (error) => done(grpc.status[error?.code ?? 0])),
  );
}

const refused = net.createServer();
const free = await new Promise((done) =>
  refused.listen(0, '127.0.0.1', () => {
    const { port } = refused.address();
    refused.close(() => done(port));
  }),
);
const ports = {
  refused: free,
  closed: await serve((socket) => socket.end()),
  reset: await serve((socket) => socket.resetAndDestroy()),
};
for (const [how, port] of Object.entries(ports))
  console.log(`${how}: connect-node ${await connect(port)}, grpc-js ${await grpcJs(port)}`);
process.exit(0);
END_OF_SCRIPT
node --version
seen=$(node --no-warnings try.mjs)
expected='refused: connect-node Unavailable, grpc-js UNAVAILABLE
closed: connect-node Canceled, grpc-js UNAVAILABLE
reset: connect-node Aborted, grpc-js UNAVAILABLE'
printf '%s\n' "$seen"
[ "$seen" = "$expected" ] || { echo "this has changed; expected:" "$expected" >&2; exit 1; }
