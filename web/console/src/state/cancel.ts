// The cancel of one run, from the question to what is known of its outcome. One key for all
// requests of it, so that however often it is asked for it is done once.
import { signal } from '@preact/signals';
import { cancelRun } from '../api/calls';
import { ApiError, newKey } from '../api/http';
import type { Run } from '../api/types';
import { context, signedOutBy, token } from './session';

export type CancelState =
  | { name: 'asking' }
  | { name: 'sending'; tries: number }
  | { name: 'cancelled'; run: Run }
  | { name: 'conflict'; error: ApiError } // 409: nothing was changed by us
  | { name: 'refused'; error: ApiError } // nothing was changed
  | { name: 'unknown'; error: ApiError }; // it may have been carried out

const TRIES = 6;

export class Cancel {
  readonly state = signal<CancelState>({ name: 'asking' });
  private readonly key = newKey();
  private reason = '';

  constructor(readonly id: string, private readonly onCancelled: (run: Run) => void) {}

  /** Whether it may still come to something: another one could not tell what this has done. */
  get isOpen(): boolean {
    return this.state.value.name === 'sending' || this.state.value.name === 'unknown';
  }

  /** Asks, and asks again under the same key while the outcome is not known. */
  async send(reason: string): Promise<void> {
    this.reason = reason;
    await this.again();
  }

  /** Asks again for the same. */
  async again(): Promise<void> {
    const who = context();
    // Once the outcome is not known, only an answer that settles it may be shown as one.
    let unknown = this.state.value.name === 'unknown' ? this.state.value.error : null;
    for (let tries = 1; ; tries++) {
      this.state.value = { name: 'sending', tries };
      try {
        const { data } = await cancelRun(who, this.key, this.id, this.reason);
        if (data === undefined) throw new ApiError(0, '', 'The answer has no run.');
        this.state.value = { name: 'cancelled', run: data };
        this.onCancelled(data);
        return;
      } catch (error) {
        if (!(error instanceof ApiError)) throw error;
        if (error.isOutcomeUnknown) unknown = error;
        const isSettled = error.status === 409 || error.status === 404 || error.status === 422;
        if (!error.isOutcomeUnknown && (unknown === null || isSettled)) {
          this.state.value = { name: error.status === 409 ? 'conflict' : 'refused', error };
          signedOutBy(error);
          return;
        }
        const isOther = token.value !== who.token; // who does not ask for it
        if (tries >= TRIES || error.isSignedOut || isOther) {
          this.state.value = { name: 'unknown', error: unknown ?? error };
          if (!isOther) signedOutBy(error);
          return;
        }
        const wait = Math.max(error.retryAfterS * 1000, 400 * 2 ** tries);
        await new Promise((resolve) => setTimeout(resolve, wait));
      }
    }
  }
}
