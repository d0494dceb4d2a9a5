// Who is signed in: the token, which lives as long as the tab, and what it opens.
import { computed, signal } from '@preact/signals';
import { getCaller, type Context } from '../api/calls';
import { ApiError } from '../api/http';
import type { Caller } from '../api/types';
import { clearRate } from './rate';

const KEY = 'runsd.console.token';

export type Session =
  | { state: 'checking' }
  | { state: 'out'; message: string }
  | { state: 'in'; token: string; caller: Caller };

export const session = signal<Session>({ state: 'checking' });
export const caller = computed(() => (session.value.state === 'in' ? session.value.caller : null));
export const token = computed(() => (session.value.state === 'in' ? session.value.token : ''));

/** Whether the token has a scope. */
export const may = (scope: string): boolean => caller.value?.scopes.includes(scope) ?? false;

/** What a call of the signed-in caller needs. */
export const context = (signal?: AbortSignal): Context =>
  signal === undefined ? { token: token.value } : { token: token.value, signal };

/** Signs in with a token, or, if it is empty, with what the browser shows by itself: a certificate. */
export async function signIn(given: string): Promise<void> {
  const asked = given.trim();
  if (/[^\x21-\x7e]/.test(asked)) {
    session.value = { state: 'out', message: 'A token has letters and digits without spaces; this one has others.' };
    return;
  }
  session.value = { state: 'checking' };
  try {
    const who = await getCaller({ token: asked });
    sessionStorage.setItem(KEY, asked);
    session.value = { state: 'in', token: asked, caller: who };
  } catch (error) {
    session.value = { state: 'out', message: messageOf(error, asked) };
  }
}

function messageOf(error: unknown, asked: string): string {
  if (!(error instanceof ApiError)) throw error;
  if (!error.isSignedOut) return `You could not be signed in: ${error.message}`;
  if (asked === '') return '';
  return `This token opens nothing: ${error.message}`;
}

/** Goes on with the token of before a reload, or with a certificate. */
export async function resume(): Promise<void> {
  const kept = sessionStorage.getItem(KEY) ?? '';
  // Certificates come with TLS alone.
  if (kept === '' && location.protocol !== 'https:') signOut();
  else await signIn(kept);
}

/** Forgets the token. */
export function signOut(message = ''): void {
  sessionStorage.removeItem(KEY);
  clearRate();
  session.value = { state: 'out', message };
}

/** What to do with an error of a call: a token that has ended signs out. */
export function signedOutBy(error: unknown): boolean {
  if (!(error instanceof ApiError && error.isSignedOut)) return false;
  signOut(`You have been signed out: ${error.message}`);
  return true;
}
