import createClient from 'openapi-fetch';

// A client of the paths of schema.d.ts that sends the token with each request.
export function createRunsdClient({ token, ...options }) {
  const client = createClient(options);
  client.use({
    async onRequest({ request }) {
      const secret = typeof token === 'function' ? await token() : token;
      request.headers.set('Authorization', `Bearer ${secret}`);
      return request;
    },
  });
  return client;
}
