// A gRPC server of every method in a descriptor set, and a client of the gateway in front of
// it. What the gateway makes of JSON and of bytes is compared with protobuf-es.
//
// usage: NODE_MODULES=... node compare.mjs SET
// Prints {"port": N} of the server, reads the gateway's port from its input, and prints
// {"compared": N, "refused": N, "differences": [...]}.
import fs from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import readline from 'node:readline';
import { createRequire } from 'node:module';
import { isDeepStrictEqual } from 'node:util';
import { pathToFileURL } from 'node:url';

const modules = process.env.NODE_MODULES;
const require = createRequire(`${modules}/`);
const es = await import(
  pathToFileURL(path.join(modules, '@bufbuild/protobuf/dist/esm/index.js')).href
);
const { BinaryWriter, WireType } = await import(
  pathToFileURL(path.join(modules, '@bufbuild/protobuf/dist/esm/wire/index.js')).href
);
const { FileDescriptorSetSchema } = await import(
  pathToFileURL(path.join(modules, '@bufbuild/protobuf/dist/esm/wkt/index.js')).href
);
const grpc = require('@grpc/grpc-js');

const set = es.fromBinary(FileDescriptorSetSchema, fs.readFileSync(process.argv[2]));
const registry = es.createFileRegistry(set);
const services = [...registry].filter((type) => type.kind === 'service');

// --- the server: it keeps what it is sent, and replies with what it is told to ---

let received = null;
let reply = Buffer.alloc(0);
const server = new grpc.Server();
for (const service of services) {
  const definition = {};
  const handlers = {};
  for (const method of service.methods) {
    definition[method.name] = {
      path: `/${service.typeName}/${method.name}`,
      requestStream: false,
      responseStream: false,
      requestSerialize: (bytes) => bytes,
      requestDeserialize: (bytes) => bytes,
      responseSerialize: (bytes) => bytes,
      responseDeserialize: (bytes) => bytes,
    };
    handlers[method.name] = (call, callback) => {
      received = call.request;
      callback(null, reply);
    };
  }
  server.addService(definition, handlers);
}

// --- values ---

let seed = 20230;
function below(n) {
  seed = (Math.imul(seed, 1103515245) + 12345) >>> 0;
  return Math.floor((seed / 2 ** 32) * n);
}
const pick = (list) => list[below(list.length)];

const scalars = {
  [es.ScalarType.DOUBLE]: () => pick([0, 1.5, -2.25, 'NaN', 'Infinity', '-Infinity']),
  [es.ScalarType.FLOAT]: () => pick([0, 1.5, -2.25, 'NaN']),
  [es.ScalarType.INT64]: () => pick(['0', '1', '-9223372036854775808']),
  [es.ScalarType.UINT64]: () => pick(['0', '18446744073709551615']),
  [es.ScalarType.INT32]: () => pick([0, 1, -2147483648]),
  [es.ScalarType.FIXED64]: () => pick(['0', '7']),
  [es.ScalarType.FIXED32]: () => pick([0, 4294967295]),
  [es.ScalarType.BOOL]: () => pick([true, false]),
  [es.ScalarType.STRING]: () => pick(['', 'a', 'é€😀', '"\\\n']),
  [es.ScalarType.BYTES]: () => pick(['', 'AA==', '+/8=']),
  [es.ScalarType.UINT32]: () => pick([0, 300]),
  [es.ScalarType.SFIXED32]: () => pick([0, -1]),
  [es.ScalarType.SFIXED64]: () => pick(['0', '-1']),
  [es.ScalarType.SINT32]: () => pick([0, -1, 2147483647]),
  [es.ScalarType.SINT64]: () => pick(['0', '-1', '9223372036854775807']),
};
// Without zeros: the gateway writes the fields of these always, protobuf-es only others.
const known = {
  'google.protobuf.Timestamp': () => pick(['1970-01-01T00:00:01.250Z', '2026-01-31T12:00:00.500Z']),
  'google.protobuf.Duration': () => pick(['3.000000001s', '-1.500s']),
  'google.protobuf.Struct': () => pick([{}, { a: [1, null, 'x', { b: true }] }]),
  'google.protobuf.StringValue': () => pick(['é', 'x']),
  'google.protobuf.FieldMask': () => pick(['', 'a,bC.d']),
};

function value(desc, kind, depth) {
  if (kind === 'scalar') return scalars[desc.scalar]();
  if (kind === 'enum') return pick(desc.enum.values).name;
  const special = known[desc.message.typeName];
  return special ? special() : object(desc.message, depth + 1);
}

function mapKey(type) {
  if (type === es.ScalarType.BOOL) return pick(['true', 'false']);
  return type === es.ScalarType.STRING ? pick(['k', '', 'ключ']) : String(below(5));
}

// JSON of a message: each field half of the time, required ones always.
function object(desc, depth = 0) {
  const json = {};
  const oneofs = new Set();
  for (const field of desc.fields) {
    const required = field.presence === 3;
    const deep = field.message && depth > 2;
    if (deep || (!required && below(2) === 0) || oneofs.has(field.oneof)) continue;
    if (field.oneof) oneofs.add(field.oneof);
    if (field.fieldKind === 'list') {
      const count = below(3);
      json[field.jsonName] = Array.from({ length: count }, () =>
        value(field, field.listKind, depth),
      );
    } else if (field.fieldKind === 'map') {
      const entries = {};
      for (let n = below(2); n > 0; n--)
        entries[mapKey(field.mapKey)] = value(field, field.mapKind, depth);
      json[field.jsonName] = entries;
    } else {
      json[field.jsonName] = value(field, field.fieldKind, depth);
    }
  }
  return json;
}

// Bytes that only a peer with other ideas of the schema sends, for each field.
function* oddBytes(desc) {
  for (const field of desc.fields) {
    const writer = () => new BinaryWriter();
    if (field.enum && field.fieldKind !== 'map') {
      yield writer().tag(field.number, WireType.Varint).int32(77).finish();
      yield writer().tag(field.number, WireType.Varint).int32(1)
        .tag(field.number, WireType.Varint).int32(77).finish();
      if (field.fieldKind === 'list')
        yield writer().tag(field.number, WireType.LengthDelimited).fork()
          .int32(1).int32(77).int32(2).join().finish();
    }
    if (field.fieldKind === 'map' && field.mapKind === 'enum') {
      for (const number of [1, 77])
        yield writer().tag(field.number, WireType.LengthDelimited).fork()
          .tag(1, WireType.LengthDelimited).string('k')
          .tag(2, WireType.Varint).int32(number).join().finish();
      yield writer().tag(field.number, WireType.LengthDelimited).fork()
        .tag(1, WireType.LengthDelimited).string('k').join().finish();
    }
    if (field.fieldKind === 'list' && field.scalar === es.ScalarType.INT32) {
      yield writer().tag(field.number, WireType.Varint).int32(5)
        .tag(field.number, WireType.LengthDelimited).fork().int32(6).int32(7).join()
        .finish();
    }
    if (field.scalar === es.ScalarType.STRING && field.fieldKind !== 'map') {
      for (const bytes of [[0xff], [0x61, 0xe2, 0x82, 0x62], [0xf0, 0x9f, 0x98], [0xed, 0xa0, 0x80]])
        yield writer().tag(field.number, WireType.LengthDelimited)
          .bytes(Uint8Array.from(bytes)).finish();
    }
    if (field.message && field.fieldKind === 'message' && field.message.typeName.endsWith('Inner')) {
      // Twice: they merge. As a group, and length-prefixed.
      const group = () => writer().tag(field.number, WireType.StartGroup)
        .tag(1, WireType.Varint).int32(3).tag(field.number, WireType.EndGroup);
      const prefixed = () => writer().tag(field.number, WireType.LengthDelimited).fork()
        .tag(1, WireType.Varint).int32(3).join();
      if (field.delimitedEncoding) yield group().raw(group().finish()).finish();
      else yield prefixed().raw(prefixed().finish()).finish();
    }
  }
}

// --- comparing ---

const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
function post(port, target, body) {
  return new Promise((resolve, reject) => {
    const request = http.request(
      { port, host: '127.0.0.1', path: target, method: 'POST', agent, timeout: 30000,
        headers: { 'content-type': 'application/json' } },
      (response) => {
        const chunks = [];
        response.on('data', (chunk) => chunks.push(chunk));
        response.on('end', () =>
          resolve({ status: response.statusCode, text: Buffer.concat(chunks).toString() }),
        );
      },
    );
    request.on('error', reject);
    request.on('timeout', () => request.destroy(new Error(`${target}: no reply in 30 s`)));
    request.end(body);
  });
}

const result = { compared: 0, refused: 0, differences: [] };
function differ(method, what, ours, theirs) {
  result.differences.push({ type: method.input.typeName, what, ours, theirs });
}

async function compareJson(port, method, target) {
  const message = es.fromJson(method.input, object(method.input), { registry });
  const json = es.toJsonString(method.input, message, { registry });
  reply = Buffer.alloc(0);
  received = null;
  const answer = await post(port, target, json);
  const theirs = Buffer.from(es.toBinary(method.input, message)).toString('hex');
  if (received === null) differ(method, json, answer.text, theirs);
  else if (received.toString('hex') !== theirs)
    differ(method, json, received.toString('hex'), theirs);
  result.compared++;
  return es.toBinary(method.input, message);
}

// protobuf-es keeps numbers that a closed enum lacks in lists and maps; C++, Java and upb
// take them for unknown fields, as it does itself with a singular field.
function withoutUnknownNumbers(desc, json) {
  for (const field of desc.fields) {
    const of = json[field.jsonName];
    if (of === undefined || field.fieldKind === 'enum' || !field.enum || field.enum.open) continue;
    const kept = Object.entries(of).filter(([, item]) => typeof item !== 'number');
    if (kept.length === 0) delete json[field.jsonName];
    else if (Array.isArray(of)) json[field.jsonName] = kept.map(([, item]) => item);
    else json[field.jsonName] = Object.fromEntries(kept);
  }
  return json;
}

async function compareBytes(port, method, target, bytes) {
  reply = Buffer.from(bytes);
  const answer = await post(port, target, '{}');
  let theirs;
  try {
    const message = es.fromBinary(method.output, bytes);
    const json = es.toJson(method.output, message, { registry });
    theirs = withoutUnknownNumbers(method.output, json);
  } catch (error) {
    // Refused, as it must be if it cannot be read.
    if (answer.status !== 500) differ(method, reply.toString('hex'), answer.text, String(error));
    result.refused++;
    return;
  }
  const ours = answer.status === 200 ? JSON.parse(answer.text) : answer.text;
  if (!isDeepStrictEqual(ours, theirs)) differ(method, reply.toString('hex'), ours, theirs);
  result.compared++;
}

async function compareAll(port) {
  for (const service of services) {
    for (const method of service.methods) {
      const target = `/${service.typeName}/${method.name}`;
      for (let i = 0; i < 6; i++) {
        const bytes = await compareJson(port, method, target);
        await compareBytes(port, method, target, bytes);
      }
      for (const bytes of oddBytes(method.output)) {
        await compareBytes(port, method, target, bytes);
      }
    }
  }
}

server.bindAsync('127.0.0.1:0', grpc.ServerCredentials.createInsecure(), async (error, port) => {
  if (error) throw error;
  console.log(JSON.stringify({ port }));
  for await (const line of readline.createInterface({ input: process.stdin })) {
    await compareAll(Number(line));
    result.differences = result.differences.slice(0, 20);
    console.log(JSON.stringify(result));
    break;
  }
  agent.destroy();
  server.forceShutdown();
});
