// Invitations: a customer is asked by mail to connect the own account. The link leaves by mail only, to the address that
// was typed: whoever asks never holds it, so he cannot hand it to somebody else and let that person's account be connected.
import { audit } from '../audit/event.ts';
import type { Credential } from '../credentials/credential.ts';
import { writeConnectionLog } from '../credentials/log-store.ts';
import { Fault, notFound } from '../kernel/fault.ts';
import { type CredentialId, isUuid, newId } from '../kernel/ids.ts';
import { parseEmailAddress } from '../mail/email-address.ts';
import { plainNote } from '../mail/words.ts';
import type { Tx } from '../storage/doors.ts';
import { enqueue } from '../storage/job.ts';
import type { Actor } from '../tenancy/actor.ts';
import { selectStartedOfInvitation } from './authorization-store.ts';
import type { AuthorizeDeps } from './authorize-deps.ts';
import { connectableCredential } from './begin.ts';
import { endConsent } from './consent-end.ts';
import { loadConsentTarget } from './consent-target.ts';
import { invitationToken } from './invitation-link.ts';
import {
  countRecentInvitations,
  type InvitationId,
  type InvitationRow,
  insertInvitation,
  lockForInviting,
  lockInvitation,
  revokeInvitationRow,
  selectInvitationsOf,
} from './invitation-store.ts';
import { hashLink } from './link-key.ts';
import { sendInvitationJob } from './send-invitation.ts';
import { type Subject, takeSnapshot } from './snapshot.ts';

const openHours = 72;
const perRecipient = 5;
const perOrganization = 50;
const windowMs = 3_600_000;

export type Invitation = {
  readonly id: InvitationId;
  readonly credentialId: CredentialId;
  readonly recipient: string;
  readonly status: 'queued' | 'sent' | 'completed' | 'revoked' | 'expired';
  readonly createdAt: Date;
  readonly expiresAt: Date;
};

export type InviteOptions = {
  readonly actor: Actor;
  readonly credentialId: CredentialId;
  readonly email: string;
  /** The requester's own words; addresses of pages are refused. */
  readonly message: string | null;
  readonly subject?: Subject;
};

/** Queues the mail in the same transaction: what is rolled back mails nothing. */
export async function inviteByMail(deps: AuthorizeDeps, options: InviteOptions): Promise<Invitation> {
  const { actor } = options;
  return await deps.doors.withTenant(actor.tenant, (tx) => inviteWithin(deps, tx, options));
}

/** As `inviteByMail`, inside a transaction of the caller. */
export async function inviteWithin(deps: AuthorizeDeps, tx: Tx, options: InviteOptions): Promise<Invitation> {
  const { actor } = options;
  const credential = await connectableCredential(tx, actor, options.credentialId);
  const recipient = parseEmailAddress(options.email.trim(), 'email');
  const message = options.message?.trim() ?? '';
  plainNote(message, 'message');
  const target = await loadConsentTarget(tx, deps.vault, credential, deps.pinnedProviders);
  const subject = options.subject ?? {};
  const snapshot = await takeSnapshot(tx, { target, requesterName: actor.name, subject });
  const createdAt = deps.clock.now();
  await limit(tx, recipient, createdAt);
  const id = newId<InvitationId>();
  const row: InvitationRow = {
    tenantId: actor.tenant,
    id,
    credentialId: credential.id,
    recipient,
    message,
    snapshot,
    requestedBy: actor.principalId,
    expiresAt: new Date(createdAt.getTime() + openHours * 3_600_000),
    sentAt: null,
    completedAt: null,
    revokedAt: null,
    createdAt,
  };
  const token = await invitationToken(tx, deps.vault, actor.tenant, id);
  await insertInvitation(tx, { ...row, tokenHash: hashLink(token) });
  await enqueue(tx, sendInvitationJob, { invitationId: id }, { jobKey: `${sendInvitationJob}:${id}` });
  await record(tx, { row, credential, actor, action: 'invitation.sent' });
  return toInvitation(row, createdAt);
}

async function limit(tx: Tx, recipient: string, now: Date): Promise<void> {
  await lockForInviting(tx);
  const recent = await countRecentInvitations(tx, recipient, new Date(now.getTime() - windowMs));
  const [isTooMany, since] =
    recent.toRecipient >= perRecipient
      ? [true, recent.oldestToRecipient]
      : [recent.total >= perOrganization, recent.oldest];
  if (!isTooMany || since === null) return;
  const retryAfterSeconds = Math.max(1, Math.ceil((since.getTime() + windowMs - now.getTime()) / 1000));
  const what =
    recent.toRecipient >= perRecipient
      ? `${perRecipient} invitations went to this address within an hour.`
      : `${perOrganization} invitations were sent by this organization within an hour.`;
  throw new Fault('rate_limited', what, {
    field: 'email',
    cure: `Try again in ${Math.ceil(retryAfterSeconds / 60)} minutes.`,
    retryAfterSeconds,
  });
}

/** Takes an invitation back: its link is dead at once, and what was begun with it cannot be finished. */
export async function revokeInvitation(
  deps: AuthorizeDeps,
  options: { readonly actor: Actor; readonly id: InvitationId },
): Promise<Invitation> {
  const { actor, id } = options;
  if (!isUuid(id)) throw notFound('Invitation');
  return await deps.doors.withTenant(actor.tenant, async (tx) => {
    const row = await lockInvitation(tx, id);
    if (row === null) throw notFound('Invitation');
    const credential = await connectableCredential(tx, actor, row.credentialId);
    const now = deps.clock.now();
    if (!(await revokeInvitationRow(tx, id, now))) return toInvitation(row, now);
    for (const started of await selectStartedOfInvitation(tx, id)) {
      await endConsent(
        tx,
        {
          id: started,
          credentialId: credential.id,
          connectionId: row.snapshot.connectionId,
          policy: 'invitation',
        },
        {
          status: 'cancelled',
          code: 'invitation_ended',
          text: `${actor.name} took the invitation back.`,
          actor,
          action: 'authorization.cancelled',
        },
      );
    }
    await record(tx, { row, credential, actor, action: 'invitation.revoked' });
    return toInvitation({ ...row, revokedAt: now }, now);
  });
}

/** Newest first, at most 100. */
export async function listInvitations(
  deps: AuthorizeDeps,
  options: { readonly actor: Actor; readonly credentialId: CredentialId },
): Promise<readonly Invitation[]> {
  const { actor, credentialId } = options;
  return await deps.doors.withTenant(actor.tenant, async (tx) => {
    await connectableCredential(tx, actor, credentialId);
    const rows = await selectInvitationsOf(tx, credentialId);
    return rows.map((row) => toInvitation(row, deps.clock.now()));
  });
}

async function record(
  tx: Tx,
  of: {
    readonly row: InvitationRow;
    readonly credential: Credential;
    readonly actor: Actor;
    readonly action: 'invitation.sent' | 'invitation.revoked';
  },
): Promise<void> {
  const { row, credential, actor, action } = of;
  await audit(tx, {
    action,
    actor,
    object: { kind: 'credential', id: credential.id },
    detail: { invitation: row.id, recipient: row.recipient },
  });
  const did = action === 'invitation.sent' ? 'invited' : 'took back the invitation of';
  await writeConnectionLog(tx, {
    credentialId: credential.id,
    connectionId: row.snapshot.connectionId,
    severity: 'info',
    code: action === 'invitation.sent' ? 'invitation_queued' : 'invitation_revoked',
    message: `${actor.name} ${did} ${row.recipient}.`,
  });
}

function toInvitation(row: InvitationRow, now: Date): Invitation {
  const { id, credentialId, recipient, createdAt, expiresAt } = row;
  return { id, credentialId, recipient, status: statusOf(row, now), createdAt, expiresAt };
}

function statusOf(row: InvitationRow, now: Date): Invitation['status'] {
  if (row.completedAt !== null) return 'completed';
  if (row.revokedAt !== null) return 'revoked';
  if (row.expiresAt <= now) return 'expired';
  return row.sentAt === null ? 'queued' : 'sent';
}
