import type { Client, ClientOptions } from 'openapi-fetch';
import type { paths } from './schema.js';

export type { components, operations, paths } from './schema.js';

export interface RunsdClientOptions extends ClientOptions {
  /** Where REST is: "https://runs.example". */
  baseUrl: string;
  /** The bearer token, or what returns it, asked before each request: a rotated one is taken. */
  token: string | (() => string | Promise<string>);
}

export function createRunsdClient(options: RunsdClientOptions): Client<paths>;
