// Finding an invitation by the token of its link. Looking changes nothing: mail scanners open every link they see.
import { Fault, notFound } from '../kernel/fault.ts';
import type { TenantId } from '../kernel/ids.ts';
import type { Tx } from '../storage/doors.ts';
import { type InvitationRow, selectInvitationByToken } from './invitation-store.ts';
import { hashLink, tenantOfSecretLink } from './link-key.ts';

export function tenantOfInvitation(token: string): TenantId {
  const tenant = tenantOfSecretLink(token);
  if (tenant === null) throw notFound('Invitation');
  return tenant;
}

/** The invitation, or `gone` with the reason in words when it has ended. */
export async function findOpenInvitation(tx: Tx, token: string, now: Date): Promise<InvitationRow> {
  const invitation = await selectInvitationByToken(tx, hashLink(token));
  if (invitation === null) throw notFound('Invitation');
  const ended = endOf(invitation, now);
  if (ended !== null) throw ended;
  return invitation;
}

/** Why it has ended, in words for its recipient; null while it is open. */
export function endOf(invitation: InvitationRow, now: Date): Fault | null {
  const { requesterName, organizationName } = invitation.snapshot;
  const cure = `Ask ${requesterName} at ${organizationName} for a new invitation.`;
  if (invitation.completedAt !== null) {
    return new Fault('gone', 'This invitation has been used: the account is connected.', { cure });
  }
  if (invitation.revokedAt !== null) return new Fault('gone', 'This invitation was taken back.', { cure });
  if (invitation.expiresAt <= now) return new Fault('gone', 'This invitation has expired.', { cure });
  return null;
}
