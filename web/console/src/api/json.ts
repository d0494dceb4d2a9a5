// JSON whose numbers are shown as they were given: 64-bit integers, and 1.0 beside 1, would be
// other ones as numbers of JavaScript.

/** A number that a JavaScript number would write in another way. */
export class ExactNumber {
  constructor(readonly source: string) {}
  toString(): string {
    return this.source;
  }
}

export type Json = null | boolean | number | string | ExactNumber | Json[] | JsonObject;
export interface JsonObject {
  [key: string]: Json;
}

interface Source {
  source?: string;
}
type Reviver = (this: unknown, key: string, value: unknown, context?: Source) => unknown;
const parse = JSON.parse as (text: string, reviver: Reviver) => unknown;

/** Reads JSON. Throws SyntaxError. Browsers without the source of numbers (before 2025) round them. */
export function parseJson(text: string): unknown {
  return parse(text, (_key, value, context) => {
    if (typeof value !== 'number') return value;
    const source = context?.source;
    return source === undefined || source === String(value) ? value : new ExactNumber(source);
  });
}

/** JSON in lines of its own for each member, numbers as they were given. */
export function printJson(value: Json, indent = ''): string {
  if (value instanceof ExactNumber) return value.source;
  const inner = `${indent}  `;
  if (Array.isArray(value)) {
    if (value.length === 0) return '[]';
    return `[\n${value.map((item) => inner + printJson(item, inner)).join(',\n')}\n${indent}]`;
  }
  if (value !== null && typeof value === 'object') {
    const members = Object.entries(value);
    if (members.length === 0) return '{}';
    const lines = members.map(
      ([key, item]) => `${inner}${JSON.stringify(key)}: ${printJson(item, inner)}`);
    return `{\n${lines.join(',\n')}\n${indent}}`;
  }
  return JSON.stringify(value);
}
