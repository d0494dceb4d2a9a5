// Reads streams of events in Debian's Chromium with its own EventSource, and prints what it was
// told.
//
// usage: NODE_MODULES=... node events.mjs <wanted.json >seen.json
//
// wanted: { page, streams: [{ url, until }] }; a page of the streams' origin, and of each stream how
// many of "message", "stream-error" and "closed" it is read until.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

const { chromium } = createRequire(`${process.env.NODE_MODULES}/`)('playwright-core');
const wanted = JSON.parse(readFileSync(0, 'utf8'));

const browser = await chromium.launch({
  executablePath: '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
    '--disable-background-networking', '--disable-component-update', '--disable-sync'],
});
const page = await browser.newPage();
await page.goto(wanted.page);
const seen = await Promise.all(wanted.streams.map((stream) => page.evaluate(
  ({ url, until }) => new Promise((resolve) => {
    const told = [];
    const source = new EventSource(url);
    const note = (what, more = {}) => {
      told.push({ what, ...more });
      if (told.filter((one) => one.what === until.what).length === until.count) {
        source.close();
        resolve(told);
      }
    };
    source.onopen = () => note('open');
    source.onmessage = (event) => note('message', { id: event.lastEventId, data: event.data });
    source.addEventListener('stream-error', (event) => note('stream-error', { data: event.data }));
    // 2: it will not connect again.
    source.onerror = (event) => note(source.readyState === 2 ? 'closed' : 'again',
      { data: event.data ?? null });
  }), stream)));
await browser.close();
process.stdout.write(JSON.stringify(seen));
