// Debian's Chromium, steered by lines of JSON: each on standard input is a command, each on standard
// output its answer (tests/e2e/browser.py).
//
// usage: WEB_NODE_MODULES=... node remote.mjs
//
// A command is { chain: [[method, ...arguments], ...] }: the methods of Playwright's Page that are called
// one on what the other returned, { regexp: SOURCE } standing for a RegExp; or { do: NAME, ... } of those below.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { createInterface } from 'node:readline';

const require = createRequire(`${process.env.WEB_NODE_MODULES}/`);
const { chromium } = require('playwright-core');
const axe = readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8');
const PATIENCE_MS = 60000; // a loaded machine draws slowly; nothing waits for it in vain

const browser = await chromium.launch({
  executablePath: '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
    '--disable-background-networking', '--disable-component-update', '--disable-sync'],
});
const seen = { requests: [], errors: [], violations: [] };
let context;
let page;

const open = async (options) => {
  await context?.close();
  seen.requests = [];
  context = await browser.newContext({ viewport: { width: 1280, height: 900 }, ...options });
  context.on('request', (request) => seen.requests.push({
    method: request.method(), url: request.url(), body: request.postData(), headers: request.headers() }));
  page = await context.newPage();
  page.setDefaultTimeout(PATIENCE_MS);
  page.on('pageerror', (error) => seen.errors.push(error.message));
  await page.exposeFunction('noteViolation', (text) => { seen.violations.push(text); });
  await page.addInitScript(() => document.addEventListener('securitypolicyviolation',
    (event) => window.noteViolation(`${event.violatedDirective} ${event.blockedURI}`)));
};

const revive = (value) => {
  if (Array.isArray(value)) return value.map(revive);
  if (value === null || typeof value !== 'object') return value;
  if (typeof value.regexp === 'string') return new RegExp(value.regexp);
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, revive(item)]));
};

// How the next requests to paths that match are answered instead of by the server.
const HANDLERS = {
  silent: (route) => route.fulfill({ status: 200, contentType: 'application/x-ndjson', body: '' }),
  abort: (route) => route.abort(),
  lose: async (route) => { // carried out, but the answer is lost
    await route.fetch();
    await route.abort();
  },
  answer: (route, { status, body, headers }) =>
    route.fulfill({ status, body, headers, contentType: 'application/json' }),
};

const COMMANDS = {
  open: ({ options }) => open(options),
  seen: () => seen,
  chain: async ({ chain }) => {
    let value = page;
    for (const [method, ...given] of chain) value = await value[method](...given.map(revive));
    return ['string', 'number', 'boolean'].includes(typeof value) || Array.isArray(value) ||
      (value !== null && Object.getPrototypeOf(value ?? 0) === Object.prototype) ? value : null;
  },
  route: async ({ pattern, how, times, ...more }) => {
    await page.route(new RegExp(pattern), (route) => HANDLERS[how](route, more),
      times === undefined ? {} : { times });
  },
  unroute: ({ pattern }) => page.unroute(new RegExp(pattern)).then(() => page.unrouteAll()),
  axe: async () => {
    await page.evaluate(axe);
    const { violations } = await page.evaluate(() => window.axe.run(document, {
      runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'] }));
    return violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.html).join(' | ')}`);
  },
  keyboard: ({ method, given }) => page.keyboard[method](...given),
  evaluate: ({ text }) => page.evaluate(text),
};

for await (const line of createInterface({ input: process.stdin })) {
  const command = JSON.parse(line);
  let answer;
  try {
    answer = { value: (await COMMANDS[command.do ?? 'chain'](command)) ?? null };
  } catch (error) {
    answer = { error: String(error?.message ?? error) };
  }
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}
await browser.close();
