#!/usr/bin/env bash
# Guess: a proxy that speaks HTTP/2 on both sides passes the reset of a stream on, so that the
#   server of a gRPC stream hears at once when its client has cancelled.
# What happens: behind mod_proxy_http2 the server of a quiet stream hears nothing: 10 s after
#   the client's cancel its call is still open. It ends when the server sends its next message.
#   The same client and server without the proxy: at once.
# Versions: apache2 2.4.71-1~deb12u1 (Debian 12), @grpc/grpc-js 1.14.7, Node.js 20.
# Why it matters: behind Apache, watches whose clients left stay open and count against the
#   server's limits as long as nothing changes. Only a message (a heartbeat, a bookmark) frees
#   them: a server must send one more often than it can afford to keep dead streams.
set -euo pipefail
folder=$(mktemp -d)
trap 'kill $(cat "${folder:?}/pid" 2>/dev/null) 2>/dev/null || true; sleep 1; rm -rf -- "${folder:?}"' EXIT
cd "$folder"
apt-get download -qq apache2-bin=2.4.71-1~deb12u1 libapr1 libaprutil1 libnghttp2-14 >/dev/null
for package in ./*.deb; do dpkg-deb -x "$package" debian; done
npm init -y >/dev/null
npm install --ignore-scripts --no-audit --no-fund --loglevel=error @grpc/grpc-js@1.14.7 >/dev/null
cat >try.mjs <<'END'
import grpc from '@grpc/grpc-js';
import net from 'node:net';
import fs from 'node:fs';
import { spawn } from 'node:child_process';

const same = (bytes) => bytes;
const path = '/test.Watcher/Watch';
const method = { path, requestStream: false, responseStream: true, requestSerialize: same,
  requestDeserialize: same, responseSerialize: same, responseDeserialize: same };
const ended = {};
const calls = {};
const server = new grpc.Server();
server.addService({ Watch: method }, {
  Watch(call) {
    const name = call.request.toString();
    calls[name] = call;
    call.on('cancelled', () => { ended[name] = true; });
    call.sendMetadata(new grpc.Metadata());
  },
});
const port = await new Promise((done) => server.bindAsync('127.0.0.1:0',
  grpc.ServerCredentials.createInsecure(), (error, number) => done(number)));
const free = await new Promise((done) => {
  const probe = net.createServer().listen(0, '127.0.0.1', () => {
    const number = probe.address().port;
    probe.close(() => done(number));
  });
});
const modules = ['mpm_event', 'authz_core', 'http2', 'proxy', 'proxy_http2'].map(
  (name) => `LoadModule ${name}_module debian/usr/lib/apache2/modules/mod_${name}.so`);
const folder = process.cwd();
fs.writeFileSync('httpd.conf', [`ServerRoot ${folder}`, `PidFile ${folder}/pid`,
  'ServerName localhost', `Listen 127.0.0.1:${free}`, ...modules, `ErrorLog ${folder}/errors`,
  `DefaultRuntimeDir ${folder}`, 'User www-data', 'Group www-data', 'Protocols h2c',
  `ProxyPass / h2c://127.0.0.1:${port}/`].join('\n') + '\n');
spawn('debian/usr/sbin/apache2', ['-f', `${folder}/httpd.conf`, '-DFOREGROUND'], {
  env: { ...process.env, LD_LIBRARY_PATH: `${folder}/debian/usr/lib/x86_64-linux-gnu` } });

const until = async (condition, ms) => {
  for (const end = Date.now() + ms; !condition() && Date.now() < end;) {
    await new Promise((done) => setTimeout(done, 50));
  }
  return condition();
};
const listens = () => new Promise((done) => {
  const socket = net.connect(free, '127.0.0.1', () => { socket.destroy(); done(true); });
  socket.on('error', () => done(false));
});
for (let tries = 0; tries < 100 && !(await listens()); tries++) {
  await new Promise((done) => setTimeout(done, 100));
}
for (const [name, at] of [['direct', port], ['apache', free]]) {
  const client = new grpc.Client(`127.0.0.1:${at}`, grpc.credentials.createInsecure());
  const call = client.makeServerStreamRequest(path, same, same, Buffer.from(name));
  call.on('error', () => {});
  call.on('data', () => {});
  if (!(await until(() => name in calls, 20000))) throw new Error(`no call by ${name}`);
  call.cancel();
  console.log(name, (await until(() => ended[name], 10000)) ? 'hears of it' : 'open after 10 s');
}
const beat = setInterval(() => calls.apache.write(Buffer.from('heartbeat')), 500);
console.log('apache', (await until(() => ended.apache, 20000)) ? 'hears of it with a message'
  : 'never hears of it');
clearInterval(beat);
process.exit(0);
END
seen=$(node --no-warnings try.mjs)
expected='direct hears of it
apache open after 10 s
apache hears of it with a message'
printf '%s\n' "$seen"
[ "$seen" = "$expected" ] || { echo "this has changed; expected:" "$expected" >&2; exit 1; }
