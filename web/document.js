// An OpenAPI document, as the page reads it.

const VERBS = ['get', 'put', 'post', 'delete', 'options', 'head', 'patch', 'trace'];

// What a node is: itself, or what its $ref leads to within the document.
export const resolve = (document, node) => {
  let found = node;
  for (let hops = 0; found?.$ref !== undefined && hops < 8; hops++) {
    found = found.$ref.slice(2).split('/').reduce(
      (at, key) => at?.[key.replaceAll('~1', '/').replaceAll('~0', '~')], document);
  }
  return found ?? {};
};

// [path, verb, path's item] of each operation.
export const operations = (document) => Object.entries(document.paths ?? {}).flatMap(
  ([path, item]) => VERBS.filter((verb) => item[verb] !== undefined)
    .map((verb) => [path, verb, item]));

// Leaves out what an error of an operation has in common with one before it: schema and headers.
// Some twenty statuses with all their fields take seconds to draw, and say the same. Their
// words and examples stay.
export const foldErrors = (document) => {
  for (const [path, verb] of operations(document)) {
    const { responses = {} } = document.paths[path][verb];
    const seen = new Set();
    const isNew = (...what) => {
      const text = JSON.stringify(what);
      return !seen.has(text) && seen.add(text);
    };
    for (const [status, response] of Object.entries(responses)) {
      if (status.startsWith('2')) continue;
      const { content = {}, headers = {}, ...rest } = resolve(document, response);
      const others = Object.entries(headers).filter((header) => isNew('header', header));
      responses[status] = {
        ...rest,
        ...(others.length > 0 ? { headers: Object.fromEntries(others) } : {}),
        content: Object.fromEntries(Object.entries(content).map(
          ([type, { schema, ...media }]) => [type,
            schema !== undefined && isNew(type, schema) ? { schema, ...media } : media])),
      };
    }
  }
};
