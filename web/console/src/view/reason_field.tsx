// Why runs are cancelled, for whoever reads their events.
import type { JSX } from 'preact';

export const MOST_REASON = 1024; // bytes

export const bytesOf = (text: string): number => new TextEncoder().encode(text).length;

export function ReasonField({ value, onInput }: {
  value: string; onInput(value: string): void;
}): JSX.Element {
  const over = bytesOf(value.trim()) - MOST_REASON;
  return (
    <>
      <label for="reason">Reason <span class="quiet">(kept with the runs’ events)</span></label>
      <textarea id="reason" rows={2} value={value} aria-invalid={over > 0 ? 'true' : undefined}
        aria-describedby="reason-error" onInput={(event) => onInput(event.currentTarget.value)} />
      <p id="reason-error" class="small" role="alert">
        {over > 0 && `At most ${MOST_REASON} bytes: this is ${over} too long.`}
      </p>
    </>
  );
}
