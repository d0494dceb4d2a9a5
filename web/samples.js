// Samples of a request in four languages: whole programs that print the reply, as one pastes
// them. The library's own begin without their imports and print nothing.

import { operations, resolve } from './document.js';

const DEEPEST = 6; // of an example that is made up: schemas may contain themselves

const indent = (text, by) => text.replaceAll('\n', `\n${by}`);

const given = (node) => node.example ?? node.examples?.[0] ?? node.default ?? node.const
  ?? node.enum?.[0];

// A value that the schema describes, for a request: what the document gives, else made up by
// its types, with the members that must be there if it says which.
const exampleOf = (document, schema, depth = 0) => {
  const node = resolve(document, schema);
  const example = given(node);
  if (example !== undefined) return example;
  const other = node.allOf ?? node.oneOf ?? node.anyOf;
  if (other?.length > 0) return exampleOf(document, other[0], depth + 1);
  switch ([node.type].flat()[0]) {
    case 'array':
      return depth < DEEPEST ? [exampleOf(document, node.items ?? {}, depth + 1)] : [];
    case 'boolean':
      return true;
    case 'integer':
    case 'number':
      return node.minimum ?? 1;
    case 'string':
      return node.format === 'date-time' ? '2026-01-31T12:00:00Z' : 'string';
    default: {
      const members = depth < DEEPEST ? Object.entries(node.properties ?? {}) : [];
      const isSent = ([key, member]) => (node.required ?? [key]).includes(key)
        && resolve(document, member).readOnly !== true;
      return Object.fromEntries(members.filter(isSent)
        .map(([key, member]) => [key, exampleOf(document, member, depth + 1)]));
    }
  }
};

const bodyOf = (document, operation) => {
  const body = resolve(document, operation.requestBody);
  const content = body.required === true ? body.content?.['application/json'] : undefined;
  if (content === undefined) return undefined;
  const named = Object.values(content.examples ?? {})[0];
  return content.example ?? resolve(document, named).value ?? exampleOf(document, content.schema);
};

// The request that the samples of an operation send: what is required, nothing else.
const requestOf = (document, base, path, verb, item) => {
  const operation = item[verb];
  const parameters = [...(item.parameters ?? []), ...(operation.parameters ?? [])]
    .map((parameter) => resolve(document, parameter));
  let url = path;
  const query = [];
  for (const { in: place, name, required, example, schema } of parameters) {
    const text = encodeURIComponent(String(example ?? exampleOf(document, schema)));
    if (place === 'path') url = url.replace(`{${name}}`, text);
    if (place === 'query' && required) query.push(`${encodeURIComponent(name)}=${text}`);
  }
  const body = bodyOf(document, operation);
  const headers = {};
  if ((operation.security ?? document.security ?? []).some((way) => Object.keys(way).length > 0)) {
    headers.Authorization = 'Bearer YOUR_API_TOKEN';
  }
  if (body !== undefined) headers['Content-Type'] = 'application/json';
  const success = Object.entries(operation.responses ?? {}).find(([code]) => code.startsWith('2'));
  const types = Object.keys(resolve(document, success?.[1]).content ?? {});
  return {
    method: verb.toUpperCase(),
    url: base + url + (query.length > 0 ? `?${query.join('&')}` : ''),
    headers,
    body,
    isJson: types.length === 0 || types.some((type) => type === 'application/json'),
  };
};

const shellText = (text) => `'${text.replaceAll("'", "'\\''")}'`;

const curl = ({ method, url, headers, body }) => {
  const lines = [method === 'GET' ? `curl ${shellText(url)}` : `curl -X ${method} ${shellText(url)}`];
  for (const [name, value] of Object.entries(headers)) lines.push(`-H ${shellText(`${name}: ${value}`)}`);
  if (body !== undefined) lines.push(`-d ${shellText(JSON.stringify(body, null, 2))}`);
  return lines.join(' \\\n  ');
};

const javascript = ({ method, url, headers, body, isJson }) => {
  const options = [`method: '${method}'`];
  if (Object.keys(headers).length > 0) {
    options.push(`headers: ${indent(JSON.stringify(headers, null, 2), '  ')}`);
  }
  if (body !== undefined) {
    options.push(`body: JSON.stringify(${indent(JSON.stringify(body, null, 2), '  ')})`);
  }
  return `const response = await fetch(${JSON.stringify(url)}, {\n  ${options.join(',\n  ')}\n});
const data = await response.${isJson ? 'json' : 'text'}();
console.log(data);`;
};

const pythonValue = (value, by = '') => {
  if (value === null) return 'None';
  if (typeof value === 'boolean') return value ? 'True' : 'False';
  if (typeof value !== 'object') return JSON.stringify(value);
  const deeper = `${by}    `;
  const members = Array.isArray(value)
    ? value.map((member) => pythonValue(member, deeper))
    : Object.entries(value).map(([key, member]) => `${JSON.stringify(key)}: ${pythonValue(member, deeper)}`);
  const [open, close] = Array.isArray(value) ? '[]' : '{}';
  return members.length === 0
    ? open + close
    : `${open}\n${members.map((member) => `${deeper}${member}`).join(',\n')}\n${by}${close}`;
};

const python = ({ method, url, headers, body, isJson }) => {
  const lines = ['import requests', ''];
  const more = [];
  const { 'Content-Type': _, ...named } = headers; // json= adds it
  if (Object.keys(named).length > 0) {
    lines.push(`headers = ${pythonValue(named)}`);
    more.push('headers=headers');
  }
  if (body !== undefined) {
    lines.push(`body = ${pythonValue(body)}`);
    more.push('json=body');
  }
  const call = [JSON.stringify(url), ...more].join(', ');
  lines.push(`response = requests.${method.toLowerCase()}(${call})`,
    `print(response.${isJson ? 'json()' : 'text'})`);
  return lines.join('\n');
};

const goText = (text) => (text.includes('`') ? JSON.stringify(text) : `\`${text}\``);

const go = ({ method, url, headers, body }) => {
  const packages = ['fmt', 'io', 'net/http', ...(body !== undefined ? ['strings'] : [])];
  const content = body === undefined ? 'nil'
    : `strings.NewReader(${goText(JSON.stringify(body, null, 2))})`;
  const sets = Object.entries(headers)
    .map(([name, value]) => `\treq.Header.Set(${JSON.stringify(name)}, ${JSON.stringify(value)})\n`);
  return `package main

import (
${packages.map((name) => `\t"${name}"\n`).join('')})

func main() {
\treq, _ := http.NewRequest("${method}", ${JSON.stringify(url)}, ${content})
${sets.join('')}\tresp, err := http.DefaultClient.Do(req)
\tif err != nil {
\t\tpanic(err)
\t}
\tdefer resp.Body.Close()
\tresult, _ := io.ReadAll(resp.Body)
\tfmt.Println(string(result))
}`;
};

const LANGUAGES = [
  { lang: 'shell', label: 'curl', write: curl },
  { lang: 'javascript', label: 'JavaScript', write: javascript },
  { lang: 'python', label: 'Python', write: python },
  { lang: 'go', label: 'Go', write: go },
];

// Gives each operation of an OpenAPI document its samples, sent to base. Those that the
// document brings along stay.
export const addSamples = (document, base) => {
  for (const [path, verb, item] of operations(document)) {
    const request = requestOf(document, base, path, verb, item);
    item[verb]['x-codeSamples'] ??= LANGUAGES.map(
      ({ lang, label, write }) => ({ lang, label, source: write(request) }));
  }
};
