// Instants as texts: absolute, in UTC or as the browser's clock has it, and relative to now.

/** An RFC 3339 text in UTC whose fraction has nine digits, so that texts compare as instants do. */
export function sortable(at: string): string {
  const [, whole, fraction] = /^(.*?)(?:\.(\d+))?Z$/.exec(at) ?? [];
  if (whole === undefined) {
    const ms = Date.parse(at); // an offset, which somebody wrote into the address
    return Number.isNaN(ms) ? at : sortable(new Date(ms).toISOString());
  }
  return `${whole}.${(fraction ?? '').padEnd(9, '0')}`;
}

const pad = (value: number, digits = 2): string => String(value).padStart(digits, '0');

/** "2026-11-30 07:02:11.052" and the zone, in UTC or local time. */
export function absolute(at: string, isUtc: boolean): string {
  const date = new Date(at);
  if (Number.isNaN(date.getTime())) return at;
  if (isUtc) return `${date.toISOString().replace('T', ' ').replace('Z', '')} UTC`;
  const offset = -date.getTimezoneOffset();
  const zone = `${offset < 0 ? '-' : '+'}${pad(Math.trunc(Math.abs(offset) / 60))}:${pad(Math.abs(offset) % 60)}`;
  return `${date.getFullYear()}-${pad(date.getMonth() + 1)}-${pad(date.getDate())} ` +
    `${pad(date.getHours())}:${pad(date.getMinutes())}:${pad(date.getSeconds())}.` +
    `${pad(date.getMilliseconds(), 3)} ${zone}`;
}

const UNITS: readonly (readonly [string, number])[] = [
  ['d', 86400], ['h', 3600], ['min', 60], ['s', 1],
];

/** A length of time in its two largest units: "3 h 12 min". */
export function span(ms: number): string {
  const seconds = Math.floor(Math.max(0, ms) / 1000);
  const first = UNITS.findIndex(([, size]) => seconds >= size);
  if (first === -1) return '0 s';
  const parts: string[] = [];
  let rest = seconds;
  for (const [name, size] of UNITS.slice(first, first + 2)) {
    const count = Math.floor(rest / size);
    rest -= count * size;
    if (count > 0 || parts.length === 0) parts.push(`${count} ${name}`);
  }
  return parts.join(' ');
}

/** "12 s ago", "in 2 d". now in ms. */
export function relative(at: string, now: number): string {
  const ms = now - Date.parse(at);
  if (Number.isNaN(ms)) return '';
  // The server's clock may be a little ahead of the browser's.
  if (ms > -2000 && ms < 1000) return 'just now';
  return ms >= 0 ? `${span(ms)} ago` : `in ${span(-ms)}`;
}
