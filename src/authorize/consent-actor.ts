// Who stands behind a running consent, and whether the one who is here now is the same.
import { type AuditActor, audit } from '../audit/event.ts';
import { Fault } from '../kernel/fault.ts';
import type { Tx } from '../storage/doors.ts';
import type { Actor } from '../tenancy/actor.ts';
import type { AuthorizationRow } from './authorization-store.ts';
import { isSameBrowser } from './browser-binding.ts';
import { selectInvitation } from './invitation-store.ts';

/** Whoever presents a callback or a page's form: a browser, and its session when there is one. */
export type Visitor = { readonly browserToken: string; readonly actor: Actor | null };

/**
 * Null when the visitor is the one who began; else the Fault to answer with, after it was recorded. The state is not
 * used up by a stranger: the one who began can still finish.
 */
export async function refuseStranger(tx: Tx, row: AuthorizationRow, visitor: Visitor): Promise<Fault | null> {
  const fault = strangeness(row, visitor);
  if (fault === null) return null;
  await audit(tx, {
    action: 'authorization.recipient_mismatch',
    actor: visitor.actor ?? unknownVisitor,
    object: { kind: 'credential', id: row.credentialId },
    result: 'refused',
    detail: { authorization: row.id, policy: row.policy, reason: fault.code },
  });
  return fault;
}

const unknownVisitor: AuditActor = { kind: 'person', principalId: null, name: null };

function strangeness(row: AuthorizationRow, visitor: Visitor): Fault | null {
  if (!isSameBrowser(row.browserHash, visitor.browserToken)) {
    return new Fault('forbidden', 'This connection was begun in another browser.', {
      cure: 'Finish it there, or begin again here.',
    });
  }
  if (row.policy !== 'session') return null;
  if (visitor.actor === null) {
    return new Fault('not_authenticated', 'You are not signed in any more.', {
      cure: 'Sign in as the person who began to connect, then load this page again.',
    });
  }
  if (visitor.actor.tenant !== row.tenantId || visitor.actor.principalId !== row.principalId) {
    return new Fault('forbidden', 'This connection was begun by somebody else.', {
      cure: 'Sign in as the person who began to connect, or begin again yourself.',
    });
  }
  return null;
}

/** For the audit trail: a principal, or the recipient of an invitation, who is nobody's principal. */
export async function actorOf(
  tx: Tx,
  row: Pick<AuthorizationRow, 'policy' | 'invitationId' | 'principalId'>,
  actor: Actor | null,
): Promise<AuditActor> {
  if (row.policy !== 'invitation' && actor !== null) return actor;
  const invitation = row.invitationId === null ? null : await selectInvitation(tx, row.invitationId);
  if (invitation !== null) return invitedActor(invitation.recipient);
  return { kind: 'person', principalId: row.principalId, name: null };
}

export function invitedActor(recipient: string): AuditActor {
  return { kind: 'person', principalId: null, name: `${recipient} (invited)` };
}
