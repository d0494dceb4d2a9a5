// Reads streams of events in Debian's Chromium with its own EventSource, and prints what it was
// told.
//
// usage: NODE_MODULES=... node events.mjs <wanted.json >seen.json
//
// wanted: { page, ignoreHTTPSErrors, streams: [{ url, until }] }; a page of the streams' origin, whether
// its certificate may be one that nobody knows, and of each stream how
// many of "message", "stream-error" and "closed" it is read until. A stream with a token is read by
// fetch, which can send one, and EventSource cannot; it is asked for again behind the last id.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

const { chromium } = createRequire(`${process.env.NODE_MODULES}/`)('playwright-core');
const wanted = JSON.parse(readFileSync(0, 'utf8'));

const browser = await chromium.launch({
  executablePath: '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
    '--disable-background-networking', '--disable-component-update', '--disable-sync'],
});
const page = await browser.newPage({ ignoreHTTPSErrors: wanted.ignoreHTTPSErrors === true });
await page.goto(wanted.page);

// In the page: an EventSource.
const byEventSource = ({ url, until }) => new Promise((resolve) => {
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
});

// In the page: fetch.
const byFetch = async ({ url, token, until }) => {
  const told = [];
  let last;
  const over = (what, more = {}) => {
    told.push({ what, ...more });
    return told.filter((one) => one.what === until.what).length === until.count;
  };
  const read = async () => {
    const headers = { Accept: 'text/event-stream', Authorization: `Bearer ${token}` };
    if (last !== undefined) headers['Last-Event-ID'] = last;
    const reply = await fetch(url, { headers });
    if (!reply.ok) return over('closed', { data: await reply.text() });
    if (over('open')) return true;
    let text = '';
    for await (const piece of reply.body.pipeThrough(new TextDecoderStream())) {
      const events = (text + piece).split('\n\n');
      text = events.pop();
      for (const event of events) {
        const field = (name) => event.match(new RegExp(`^${name}: (.*)$`, 'm'))?.[1];
        const id = field('id');
        if (id !== undefined) last = id;
        const data = field('data');
        if (data !== undefined && over(field('event') ?? 'message', { id: last, data })) return true;
      }
    }
    return false;
  };
  for (;;) {
    // A connection that breaks, or that there is none, throws.
    if (await read().catch(() => false) || over('again')) return told;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
};

const seen = await Promise.all(wanted.streams.map(
  (stream) => page.evaluate(stream.token ? byFetch : byEventSource, stream)));
await browser.close();
process.stdout.write(JSON.stringify(seen));
