// Makes of the pages' files what the programs embed (web/assets.c): all of them compressed, one
// after the other, in assets.bin, and a row each in assets.inc.
//
// usage: node build.mjs NODE_MODULES CONSOLE FOLDER
// CONSOLE is what Vite made of web/console.
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';

const [modules, consoleFolder, folder] = process.argv.slice(2);
if (folder === undefined) throw new Error('usage: node build.mjs NODE_MODULES CONSOLE FOLDER');
const here = path.dirname(fileURLToPath(import.meta.url));
const library = path.join(modules, '@scalar/api-reference/dist/browser');

const TYPES = {
  '.css': 'text/css; charset=utf-8',
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.txt': 'text/plain; charset=utf-8',
};

// The library's own build in modules, of which a browser loads the last third when the
// playground is opened; and ours.
const files = new Map();
for (const name of ['reference.css', 'reference.js', 'document.js', 'samples.js', 'licenses.txt']) {
  files.set(name, readFileSync(path.join(here, name)));
}
files.set('scalar/standalone.esm.js', readFileSync(path.join(library, 'standalone.esm.js')));
for (const name of readdirSync(path.join(library, 'chunks')).sort()) {
  if (!name.endsWith('.js')) continue; // the rest is for debuggers
  files.set(`scalar/chunks/${name}`, readFileSync(path.join(library, 'chunks', name)));
}

// One hash for all in their folder's name: they name each other by relative paths.
const digest = (...parts) => {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return hash.digest('hex').slice(0, 20);
};
const prefix = `docs/assets/${digest(...[...files].flat())}`;
const page = Buffer.from(
  readFileSync(path.join(here, 'index.html'), 'utf8').replaceAll('{assets}', prefix));

const pieces = [];
const rows = [];
let offset = 0;
const add = (url, name, bytes) => {
  const gzip = gzipSync(bytes, { level: 9 });
  const type = TYPES[path.extname(name)];
  if (type === undefined) throw new Error(`${name}: no media type is known for it`);
  const row = [`"/${url}"`, `"${type}"`, `"W/\\"${digest(bytes)}\\""`, offset, gzip.length,
    bytes.length];
  rows.push(`WEB_ASSET(${row.join(', ')})\n`);
  pieces.push(gzip);
  offset += gzip.length;
};
add('docs', 'index.html', page);
for (const [name, bytes] of files) add(`${prefix}/${name}`, name, bytes);

// The console's files lie where they are served, each with a hash in its own name; but for the
// licenses, which get one.
const assets = 'console/assets';
const consoleFiles = path.join(consoleFolder, assets);
const licenses = readFileSync(path.join(consoleFiles, 'licenses.md'));
const licensesUrl = `${assets}/licenses-${digest(licenses)}.txt`;
const consolePage = readFileSync(path.join(consoleFolder, 'index.html'), 'utf8')
  .replaceAll('{licenses}', licensesUrl);
add('console', 'index.html', Buffer.from(consolePage));
for (const name of readdirSync(consoleFiles).sort()) {
  if (name === 'licenses.md') continue;
  add(`${assets}/${name}`, name, readFileSync(path.join(consoleFiles, name)));
}
add(licensesUrl, licensesUrl, licenses);

mkdirSync(folder, { recursive: true });
writeFileSync(path.join(folder, 'assets.bin'), Buffer.concat(pieces));
writeFileSync(path.join(folder, 'assets.inc'), rows.join(''));
