// Uses the reference page in Debian's Chromium as a person would, and prints what it saw.
//
// usage: NODE_MODULES=... node page.mjs <wanted.json >seen.json
//
// wanted: { url, token, runId, operations: [[verb, path]], languages: [label], bypassPolicy }
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

const { chromium } = createRequire(`${process.env.NODE_MODULES}/`)('playwright-core');
const wanted = JSON.parse(readFileSync(0, 'utf8'));
const PATIENCE_MS = 90000; // a loaded machine draws slowly; nothing waits for it in vain

const browser = await chromium.launch({
  executablePath: '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
    '--disable-background-networking', '--disable-component-update', '--disable-sync'],
});
const seen = { requests: [], outside: [], violations: [], errors: [], samples: {}, sections: {} };

// Every request of every page, also of those that the policy or the network stops.
const watch = (context) => {
  context.on('request', (request) => {
    seen.requests.push({ method: request.method(), url: request.url(),
      authorization: request.headers().authorization ?? null });
  });
  context.on('page', (page) => {
    page.on('websocket', (socket) => seen.requests.push({ method: 'WS', url: socket.url() }));
    page.on('pageerror', (error) => seen.errors.push(error.message));
  });
};

const open = async (context) => {
  const page = await context.newPage();
  page.setDefaultTimeout(PATIENCE_MS);
  await page.addInitScript(() => {
    window.violations = [];
    document.addEventListener('securitypolicyviolation', (event) => {
      window.violations.push(`${event.violatedDirective} ${event.blockedURI}`);
    });
  });
  const begin = Date.now();
  const reply = await page.goto(wanted.url);
  await page.getByRole('heading', { level: 1 }).waitFor();
  seen.firstViewMs ??= Date.now() - begin;
  seen.landed ??= { url: page.url(), status: reply.status(), headers: reply.headers() };
  return page;
};

const sectionOf = (page, verb, path) =>
  page.locator(`section[id$=${JSON.stringify(`/${verb}${path}`)}]`);

// The part of the page that shows an operation. It is drawn when it comes into view.
const show = async (page, verb, path) => {
  const slug = `/${verb}${path}`;
  await page.getByRole('complementary').locator(`a[href$=${JSON.stringify(slug)}]`).click();
  const section = sectionOf(page, verb, path);
  await section.locator('pre').first().waitFor();
  return section;
};

const textOf = (section, index) => section.locator('pre').nth(index)
  .evaluate((element) => element.textContent);

const readSections = async (page) => {
  for (const [verb, path] of wanted.operations) {
    const section = await show(page, verb, path);
    await section.locator('pre').nth(1).waitFor();
    seen.sections[`${verb} ${path}`] = {
      title: await section.getByRole('heading', { level: 3 }).first().innerText(),
      text: await section.innerText(),
      example: await textOf(section, 1),
    };
  }
};

const languageButton = (section, language) => section.getByRole('button', {
  name: `Change code sample language: ${language}`, exact: true });

const readSamples = async (page) => {
  let chosen = wanted.languages[0];
  for (const language of wanted.languages) {
    const [verb, path] = wanted.operations[0];
    const section = await show(page, verb, path);
    await languageButton(section, chosen).click();
    await page.getByRole('option').first().waitFor();
    seen.languages = await page.getByRole('option').allInnerTexts();
    await page.getByRole('option', { name: language, exact: true }).click();
    await languageButton(section, language).waitFor();
    chosen = language;
    seen.samples[language] = {};
    for (const [verb, path] of wanted.operations) {
      const shown = sectionOf(page, verb, path); // drawn before
      await languageButton(shown, language).waitFor();
      seen.samples[language][`${verb} ${path}`] = await textOf(shown, 0);
    }
  }
};

const send = async (page, playground, status, word) => {
  const isIt = (reply) => reply.request().method() === 'POST' && reply.url().endsWith('/cancel');
  const sent = page.waitForResponse(isIt);
  await playground.getByRole('button', { name: /^Send post request/ }).click();
  const reply = await sent;
  const shown = playground.getByRole('region', { name: 'Response' });
  await shown.getByRole('link', { name: status }).waitFor();
  await shown.getByText(word).first().waitFor();
  return { status: reply.status(), body: await reply.text(), shown: await shown.innerText() };
};

const openPlayground = async (page) => {
  const section = await show(page, 'POST', '/v1/runs/{id}/cancel');
  await section.getByRole('button', { name: /^Test Request/ }).click();
  const playground = page.getByRole('dialog');
  await playground.getByRole('textbox', { name: 'Bearer Token' }).waitFor();
  return playground;
};

const play = async (page) => {
  const playground = await openPlayground(page);
  await playground.getByRole('textbox', { name: 'Bearer Token' }).click();
  await page.keyboard.type(wanted.token);
  await playground.getByRole('row').filter({ hasText: 'Required' })
    .getByRole('combobox', { name: 'Value' }).click();
  await page.keyboard.type(wanted.runId);
  seen.played = [
    await send(page, playground, '200 OK', '"cancelled"'),
    await send(page, playground, '409 Conflict', 'RUN_ALREADY_FINISHED'),
  ];
  await lookForOutsideLinks(page);
  if (wanted.picture) await page.screenshot({ path: wanted.picture });
  await playground.getByRole('button', { name: 'Close Client' }).click();
  await playground.waitFor({ state: 'hidden' });
};

// What can be clicked on and leads elsewhere.
const lookForOutsideLinks = async (page) => {
  seen.outside.push(...await page.evaluate(() => [...document.querySelectorAll('a[href], form')]
    .filter((link) => link.getClientRects().length > 0
      && getComputedStyle(link).pointerEvents !== 'none')
    .map((link) => link.href ?? link.action)
    .filter((address) => /^https?:/.test(address) && new URL(address).origin !== location.origin)));
};

const readStorage = (page) => page.evaluate(async () => ({
  local: JSON.stringify(localStorage),
  session: JSON.stringify(sessionStorage),
  cookie: document.cookie,
  databases: (await indexedDB.databases()).map(({ name }) => name),
  caches: 'caches' in window ? await caches.keys() : [],
  history: window.history.length,
  url: window.location.href,
}));

// What else there is to touch.
const touch = async (page) => {
  await page.keyboard.press('Control+k');
  const search = page.getByRole('dialog').getByRole('combobox').first();
  await search.waitFor();
  await search.fill('cancel');
  await page.getByRole('dialog').getByRole('option').first().waitFor();
  await page.keyboard.press('Escape');
  await search.waitFor({ state: 'hidden' });
  await page.getByRole('button', { name: /dark mode/i }).click();
  await page.getByRole('button', { name: /light mode/i }).click();
};

try {
  const context = await browser.newContext({
    bypassCSP: wanted.bypassPolicy, viewport: { width: 1400, height: 1000 } });
  watch(context);
  const page = await open(context);
  await lookForOutsideLinks(page);
  await readSections(page);
  if (wanted.languages.length > 0) await readSamples(page);
  await lookForOutsideLinks(page);
  await touch(page);
  await play(page);
  seen.storage = await readStorage(page);
  seen.violations.push(...await page.evaluate(() => window.violations));
  await page.reload();
  const again = await openPlayground(page);
  seen.tokenAfterReload = await again.getByRole('textbox', { name: 'Bearer Token' }).innerText();
  seen.violations.push(...await page.evaluate(() => window.violations));
} finally {
  await browser.close();
}
process.stdout.write(JSON.stringify(seen));
