// Prints the samples that web/samples.js writes for the document on standard input.
//
// usage: node samples.mjs SAMPLES_JS BASE <document.json
import { readFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';

const [library, base] = process.argv.slice(2);
const { addSamples } = await import(pathToFileURL(library));
const document = JSON.parse(readFileSync(0, 'utf8'));
addSamples(document, base);
process.stdout.write(JSON.stringify(document));
