// Cancels runs over connections that rest in between. Standard input: JSON,
// {url, token, agent, connections: [[{id, pauseMs}, ...], ...]}; agent is "http" (Node's
// own), "undici", or "undici-eager", which uses connections up to the last moment. Each
// list has a connection of its own; a pause counts from the request before. Prints a line
// of JSON for each cancel: {id, sinceMs, sentAt, status, error}; after an error the list
// ends if "stops" is true.
'use strict';

const http = require('node:http');
const { performance } = require('node:perf_hooks');

function httpClient() {
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
  return (method, url, headers) =>
    new Promise((resolve, reject) => {
      const request = http.request(url, { method, agent, headers }, (response) => {
        response.resume();
        response.on('end', () => resolve(response.statusCode));
        response.on('error', reject);
      });
      request.on('error', reject);
      request.end();
    });
}

function undiciClient(options) {
  const { Agent, request } = require('undici');
  const dispatcher = new Agent({ connections: 1, pipelining: 1, ...options });
  return async (method, url, headers) => {
    const response = await request(url, { method, headers, dispatcher });
    await response.body.dump();
    return response.statusCode;
  };
}

const clients = {
  http: httpClient,
  undici: () => undiciClient({}),
  'undici-eager': () => undiciClient({ keepAliveTimeoutThreshold: 0 }),
};

async function run(input, list) {
  const send = clients[input.agent]();
  const headers = { authorization: `Bearer ${input.token}` };
  let begin = performance.now();
  await send('GET', `${input.url}/v1/runs?pageSize=1`, headers);
  for (const { id, pauseMs } of list) {
    const wait = begin + pauseMs - performance.now();
    if (wait > 0) await new Promise((resolve) => setTimeout(resolve, wait));
    const sinceMs = performance.now() - begin;
    const sentAt = Date.now() / 1000;
    begin = performance.now();
    const result = { id, sinceMs, sentAt, status: 0, error: '' };
    try {
      result.status = await send('POST', `${input.url}/v1/runs/${id}/cancel`, headers);
    } catch (error) {
      result.error = `${error.code ?? ''} ${error.message}`;
    }
    console.log(JSON.stringify(result));
    if (result.error && input.stops) return;
  }
}

let text = '';
process.stdin.on('data', (data) => (text += data));
process.stdin.on('end', async () => {
  const input = JSON.parse(text);
  await Promise.all(input.connections.map((list) => run(input, list)));
  process.exit(0);
});
