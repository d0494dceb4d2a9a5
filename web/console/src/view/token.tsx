// What the token may do, and until when.
import type { JSX } from 'preact';
import { now } from '../state/clock';
import { caller } from '../state/session';
import { useTitle } from './hooks';
import { Time } from './parts';

const SCOPES: readonly (readonly [string, string])[] = [
  ['runs.read', 'Look at runs, their events and who executes them'],
  ['runs.cancel', 'Cancel runs, one or many'],
  ['runs.create', 'Create runs'],
  ['runs.report', 'Execute runs: acquire them, report what becomes of them'],
  ['runs.delete', 'Delete runs that are over'],
  ['tokens.admin.own', 'Make and revoke tokens of its own organization'],
  ['tokens.admin', 'Make and revoke tokens of every organization'],
  ['organizations.admin', 'Freeze, export and delete organizations'],
];

export function TokenPage(): JSX.Element | null {
  useTitle('Token');
  const who = caller.value;
  if (who === null) return null;
  const hasEnded = who.expiresAt !== undefined && Date.parse(who.expiresAt) <= now.value;
  const others = who.scopes.filter((scope) => !SCOPES.some(([name]) => name === scope));
  return (
    <>
      <h1>Token</h1>
      <dl class="facts">
        <dt>Organization</dt><dd>{who.organizationId}</dd>
        <dt>Name</dt><dd>{who.name} <span class="quiet">(the actor of what you do here)</span></dd>
        {who.clientSan !== undefined && who.clientSan !== '' && (
          <><dt>Certificate</dt><dd>{who.clientSan}</dd></>
        )}
        <dt>Valid</dt>
        <dd>
          {who.expiresAt === undefined ? 'until it is revoked'
            : <>{hasEnded ? 'ended' : 'until'} <Time at={who.expiresAt} /></>}
        </dd>
        {who.replacedAt !== undefined && (
          <><dt>Replaced</dt><dd>it has a newer secret since <Time at={who.replacedAt} /></dd></>
        )}
      </dl>
      <h2>What it may do</h2>
      <table>
        <thead><tr><th scope="col">Scope</th><th scope="col">Opens</th><th scope="col">This token</th></tr></thead>
        <tbody>
          {[...SCOPES, ...others.map((scope) => [scope, ''] as const)].map(([scope, what]) => (
            <tr key={scope}>
              <th scope="row"><code>{scope}</code></th>
              <td>{what}</td>
              <td>{who.scopes.includes(scope) ? '✓ yes' : '– no'}</td>
            </tr>
          ))}
        </tbody>
      </table>
      <p class="small">What it may not do is not offered on these pages.</p>
    </>
  );
}
