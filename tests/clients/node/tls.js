// Asks a server for its health over TLS; prints SERVING, or why not.
// Arguments: address, the authority's file, and, where they are not empty, the files of a
// certificate and its key, and the name that the server's certificate must be for.
'use strict';

const fs = require('fs');
const grpc = require('@grpc/grpc-js');

const [address, ca, cert, key, serverName] = process.argv.slice(2);
const read = (path) => (path ? fs.readFileSync(path) : null);
const options = serverName
  ? { 'grpc.ssl_target_name_override': serverName, 'grpc.default_authority': serverName }
  : {};
const credentials = grpc.credentials.createSsl(read(ca), read(key), read(cert));
const client = new grpc.Client(address, credentials, options);
const bytes = (value) => value;
client.makeUnaryRequest(
  '/grpc.health.v1.Health/Check',
  bytes,
  bytes,
  Buffer.alloc(0),
  new grpc.Metadata(),
  { deadline: Date.now() + 30000 },
  (error, reply) => {
    console.log(error ? error.message : reply.equals(Buffer.from([8, 1])) ? 'SERVING' : reply);
    client.close();
  },
);
