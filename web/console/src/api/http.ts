// Calls of the REST API of this origin: the envelope, errors, tokens, keys (docs/API.md).
import { parseJson } from './json';

interface ErrorBody {
  message?: string;
  requestId?: string;
  error?: {
    status?: string;
    reason?: string;
    metadata?: Record<string, string>;
    fieldViolations?: { field: string; description: string }[];
  };
}

/** What the API, or the way to it, answered in place of data. */
export class ApiError extends Error {
  constructor(
    /** The HTTP status; 0: there was no answer. */
    readonly status: number,
    readonly reason: string,
    message: string,
    readonly metadata: Readonly<Record<string, string>> = {},
    readonly requestId = '',
    /** When to ask again, in seconds; 0: it was not said. */
    readonly retryAfterS = 0,
  ) {
    super(message);
    this.name = 'ApiError';
  }

  /** Whether the token opens nothing (any more). */
  get isSignedOut(): boolean {
    return this.status === 401;
  }

  /** Whether what was asked for may have been carried out all the same (docs/API.md, "Errors"). */
  get isOutcomeUnknown(): boolean {
    return this.status === 0 || this.reason === '' || UNKNOWN.has(this.reason);
  }
}

const UNKNOWN = new Set([
  'STORE_UNAVAILABLE', 'OUTCOME_UNKNOWN', 'REQUEST_CANCELLED', 'INTERNAL_ERROR',
  'RESPONSE_MALFORMED', 'RESPONSE_TOO_LARGE', 'UPSTREAM_STATUS',
]);

export interface Call {
  method?: 'GET' | 'POST';
  /** Below the gateway's root, without a slash: "v1/runs". */
  path: string;
  query?: Record<string, string | readonly string[] | undefined>;
  body?: unknown;
  token: string;
  signal?: AbortSignal;
  /** Under which a change may be asked for again. */
  key?: string;
  etag?: string;
  accept?: string;
}

/** Data, and its ETag; data is undefined if it is what the ETag given stands for (304). */
export interface Answer<T> {
  data: T | undefined;
  etag: string;
  /** Whether an earlier request under the same key had done it. */
  isReplay: boolean;
}

// The page is at ROOT/console, whatever a proxy calls ROOT.
export const root = new URL('.', document.baseURI);

function urlOf(call: Call): URL {
  const url = new URL(call.path, root);
  for (const [name, value] of Object.entries(call.query ?? {})) {
    const values = value === undefined ? [] : typeof value === 'string' ? [value] : value;
    for (const one of values) if (one !== '') url.searchParams.append(name, one);
  }
  return url;
}

/** Sends a call. Resolves with whatever status is answered; rejects with ApiError of status 0 where nothing is. */
export async function send(call: Call): Promise<Response> {
  const headers = new Headers({ Accept: call.accept ?? 'application/json' });
  if (call.token !== '') headers.set('Authorization', `Bearer ${call.token}`);
  if (call.body !== undefined) headers.set('Content-Type', 'application/json');
  if (call.key !== undefined) headers.set('Idempotency-Key', `"${call.key}"`);
  if (call.etag !== undefined && call.etag !== '') headers.set('If-None-Match', call.etag);
  try {
    return await fetch(urlOf(call), {
      method: call.method ?? (call.body === undefined ? 'GET' : 'POST'),
      headers,
      cache: 'no-store', // conditional requests are made here, so that 304 is seen
      credentials: 'omit',
      redirect: 'error',
      ...(call.body === undefined ? {} : { body: JSON.stringify(call.body) }),
      ...(call.signal === undefined ? {} : { signal: call.signal }),
    });
  } catch (error) {
    if (call.signal?.aborted) throw error;
    throw new ApiError(0, '', 'The server does not answer.');
  }
}

/** The error that a response is, which is read whole. */
export async function errorOf(response: Response): Promise<ApiError> {
  const text = await response.text().catch(() => '');
  return errorFrom(response.status, text, Number(response.headers.get('Retry-After') ?? 0));
}

/** The error that a body, or a line of a stream, is. */
export function errorFrom(status: number, text: string, retryAfterS = 0): ApiError {
  let body: ErrorBody = {};
  try {
    body = (parseJson(text) as ErrorBody | null) ?? {};
  } catch {
    // Not from the API: a proxy's own page.
  }
  const violations = (body.error?.fieldViolations ?? [])
    .map((violation) => `${violation.field}: ${violation.description}`);
  const message = body.message ?? `The answer was HTTP ${status}, without an explanation.`;
  return new ApiError(status, body.error?.reason ?? '', [message, ...violations].join('\n'),
    body.error?.metadata ?? {}, body.requestId ?? '',
    Number.isFinite(retryAfterS) ? retryAfterS : 0);
}

/** Makes a call. Rejects with ApiError, or as the signal does. */
export async function request<T>(call: Call): Promise<Answer<T>> {
  const response = await send(call);
  const etag = response.headers.get('ETag') ?? '';
  if (response.status === 304) return { data: undefined, etag: call.etag ?? '', isReplay: false };
  if (!response.ok) throw await errorOf(response);
  let body: { data?: T };
  try {
    body = parseJson(await response.text()) as { data?: T };
  } catch {
    if (call.signal?.aborted) throw call.signal.reason;
    throw new ApiError(0, '', 'The answer was cut short.');
  }
  const isReplay = response.headers.get('Idempotency-Replayed') === 'true';
  return { data: body.data, etag, isReplay };
}

/** As request, of a call that has no ETag. */
export async function fetchData<T>(call: Call): Promise<T> {
  const { data } = await request<T>(call);
  if (data === undefined) throw new ApiError(0, '', 'The answer has no data.');
  return data;
}

/** A key for what is to be done once. */
export function newKey(): string {
  // randomUUID is missing where the page came over plain HTTP from another machine.
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return `console-${Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')}`;
}
