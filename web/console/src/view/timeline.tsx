// What happened to a run: who did what, when, and why.
import type { JSX } from 'preact';
import type { RunEvent } from '../api/types';
import { StatusBadge, Time } from './parts';

export function Timeline({ events }: { events: readonly RunEvent[] }): JSX.Element {
  if (events.length === 0) return <p class="quiet">No events.</p>;
  return (
    <ol class="timeline">
      {[...events].reverse().map((event) => (
        <li key={String(event.sequence)}>
          <p class="what"><What event={event} /></p>
          <p class="small">
            <Time at={event.at} /> · by <strong>{event.actor}</strong>
            {event.remoteAddress !== '' && <> from {event.remoteAddress}</>}
          </p>
          {event.reason !== '' && <p class="text">“{event.reason}”</p>}
          {event.requestId !== '' && <p class="small">request <code>{event.requestId}</code></p>}
        </li>
      ))}
    </ol>
  );
}

function What({ event }: { event: RunEvent }): JSX.Element {
  const holder = event.holder === '' ? 'nobody' : event.holder;
  switch (event.kind) {
    case 'created':
      return <>created as <StatusBadge status={event.toStatus} /></>;
    case 'acquired':
      return <>acquired by <strong>{holder}</strong>, attempt {String(event.attempt)}</>;
    case 'released':
      return <>given back by <strong>{holder}</strong></>;
    case 'lease_lost':
      return (
        <>
          lease lost by <strong>{holder}</strong>
          {event.fromStatus !== event.toStatus && <>: <StatusBadge status={event.toStatus} /></>}
        </>
      );
    case 'stopped':
      return <>work has stopped{event.holder !== '' && <>, says <strong>{holder}</strong></>}</>;
    case 'deleted':
      return <>deleted</>;
    default:
      return (
        <>
          {event.fromStatus !== undefined && <><StatusBadge status={event.fromStatus} /> → </>}
          <StatusBadge status={event.toStatus} />
        </>
      );
  }
}
