// Holds recorded replies against the OpenAPI documents of the gateways that sent them.
// Arguments: a folder with documents (NAME.json), and a file of records, one JSON a line:
// {document, method, path, status, headers: {lower-case name: value}, body}. Prints what is
// wrong, a line each, and exits 1 then; prints how many were checked.
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { createReadStream } from 'node:fs';
import { join } from 'node:path';
import Ajv2020 from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';

const [folder, records] = process.argv.slice(2);
const OWN_PAGES = /^\/($|healthz$|readyz$|openapi\.json$|docs)/;
// Headers that every reply has for which they are documented; others come and go.
const ALWAYS = ['X-Request-Id', 'ETag', 'Retry-After', 'WWW-Authenticate'];

const ERROR = { $ref: 'http://doc/#/$defs/Error-Reply' };

const escape = (text) => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');

// A document whose schemas can be asked. Objects take no key that is not documented: the
// document leaves replies open for later versions, but these replies are of this one.
class Document {
  constructor(name) {
    const text = readFileSync(join(folder, `${name}.json`), 'utf8');
    this.root = JSON.parse(text.replaceAll('"#/components/schemas/', '"http://doc/#/$defs/'));
    this.ajv = new Ajv2020.default({
      strict: true,
      allowUnionTypes: true,
      allErrors: true,
      formats: { uint32: true, uint64: true },
    });
    addFormats.default(this.ajv);
    const $defs = this.root.components.schemas;
    close($defs);
    close(this.root.paths);
    this.ajv.addSchema({ $id: 'http://doc/', $defs });
    this.compiled = new Map();
    this.paths = Object.entries(this.root.paths)
      .map(([path, item]) => ({
        item,
        holes: path.split('{').length,
        pattern: new RegExp(
          '^' + path.split(/\{[^}]*\}/).map(escape).join('[^/]+') + '$',
        ),
      }))
      .sort((x, y) => x.holes - y.holes);
  }

  operation(method, path) {
    const verb = method === 'HEAD' ? 'get' : method.toLowerCase();
    const found = this.paths.filter((p) => p.pattern.test(path));
    return found.map((p) => p.item[verb]).find((operation) => operation !== undefined);
  }

  response(reference) {
    const name = reference.$ref?.split('/').at(-1);
    return name === undefined ? reference : this.root.components.responses[name];
  }

  validator(schema) {
    const key = JSON.stringify(schema);
    if (!this.compiled.has(key)) this.compiled.set(key, this.ajv.compile(schema));
    return this.compiled.get(key);
  }

  faults(schema, value) {
    const validate = this.validator(schema);
    return validate(value)
      ? []
      : validate.errors.map((e) => `${e.instancePath} ${e.message} ${JSON.stringify(e.params)}`);
  }
}

function close(node) {
  if (Array.isArray(node)) {
    node.forEach(close);
  } else if (node !== null && typeof node === 'object') {
    if (node.type === 'object' && node.properties && node.additionalProperties === undefined) {
      node.additionalProperties = false;
    }
    Object.values(node).forEach(close);
  }
}

// The JSON values of a body: one; or of a stream one a line or an event.
function values(type, body) {
  if (type === 'application/x-ndjson') {
    return body.split('\n').filter((line) => line !== '').map((line) => JSON.parse(line));
  }
  if (type === 'text/event-stream') {
    return body
      .split('\n')
      .filter((line) => line.startsWith('data: '))
      .map((line) => JSON.parse(line.slice('data: '.length)));
  }
  return [JSON.parse(body)];
}

function* check(document, record) {
  const { method, path, status, headers, body } = record;
  if (method === 'OPTIONS') return; // of every path, and no operation
  const type = (headers['content-type'] ?? '').split(';')[0].trim();
  const operation = document.operation(method, path);
  if (operation === undefined) {
    if (OWN_PAGES.test(path) && status !== 405) return;
    if (status !== 404 && status !== 405) yield 'the document has no such operation';
    else if (body !== '') yield* document.faults(ERROR, JSON.parse(body));
    return;
  }
  const reference = operation.responses[status];
  if (reference === undefined) {
    yield 'the status is not documented';
    return;
  }
  const response = document.response(reference);
  for (const name of ALWAYS) {
    const isDue = response.headers?.[name] !== undefined;
    if (isDue !== (headers[name.toLowerCase()] !== undefined)) {
      yield `${name} is ${isDue ? 'documented and not there' : 'there and not documented'}`;
    }
  }
  if (method === 'HEAD') return;
  const content = response.content?.[type] ?? response.content?.['*/*'];
  if (content === undefined) {
    if (response.content !== undefined || body !== '') yield `${type} is not documented`;
    return;
  }
  if (Object.keys(content.schema).length === 0) return;
  for (const value of values(type, body)) yield* document.faults(content.schema, value);
}

const documents = new Map();
const operations = new Set();
let checked = 0;
let wrong = 0;
for await (const line of createInterface({ input: createReadStream(records) })) {
  const record = JSON.parse(line);
  if (!documents.has(record.document)) documents.set(record.document, new Document(record.document));
  const document = documents.get(record.document);
  const faults = [...check(document, record)];
  checked++;
  wrong += faults.length > 0;
  const operation = document.operation(record.method, record.path);
  if (operation !== undefined) operations.add(`${operation.operationId} ${record.status}`);
  if (faults.length > 0 && wrong <= 20) {
    console.log(`${record.method} ${record.path} ${record.status}: ${faults.slice(0, 5).join('; ')}`);
    console.log(`  ${record.body.slice(0, 300)}`);
  }
}
console.log(
  `${checked} replies, ${operations.size} pairs of operation and status, ` +
    `${documents.size} documents, ${wrong} replies are wrong`,
);
process.exitCode = wrong > 0 ? 1 : 0;
