// SQL of invitations: e-mailed links. Only the hash of a link's token is kept.
import { sql } from 'kysely';
import type { CredentialId, Id, PrincipalId, TenantId } from '../kernel/ids.ts';
import type { Tx } from '../storage/doors.ts';
import type { Snapshot } from './snapshot.ts';

export type InvitationId = Id<'Invitation'>;

export type InvitationRow = {
  readonly tenantId: TenantId;
  readonly id: InvitationId;
  readonly credentialId: CredentialId;
  readonly recipient: string;
  readonly message: string;
  readonly snapshot: Snapshot;
  readonly requestedBy: PrincipalId | null;
  readonly expiresAt: Date;
  readonly sentAt: Date | null;
  readonly completedAt: Date | null;
  readonly revokedAt: Date | null;
  readonly createdAt: Date;
};

const columns = sql`
  i.tenant_id as "tenantId", i.id, i.credential_id as "credentialId", i.recipient, i.message, i.snapshot,
  i.requested_by as "requestedBy", i.expires_at as "expiresAt", i.sent_at as "sentAt", i.completed_at as "completedAt",
  i.revoked_at as "revokedAt", i.created_at as "createdAt"`;

export async function insertInvitation(
  tx: Tx,
  row: Omit<InvitationRow, 'sentAt' | 'completedAt' | 'revokedAt'> & { readonly tokenHash: Buffer },
): Promise<void> {
  await sql`
    insert into invitation (tenant_id, id, token_hash, credential_id, recipient, message, snapshot, requested_by,
      expires_at, created_at)
    values (${row.tenantId}, ${row.id}, ${row.tokenHash}, ${row.credentialId}, ${row.recipient}, ${row.message},
      ${JSON.stringify(row.snapshot)}::jsonb, ${row.requestedBy}, ${row.expiresAt}, ${row.createdAt})`.execute(
    tx,
  );
}

export async function selectInvitationByToken(tx: Tx, tokenHash: Buffer): Promise<InvitationRow | null> {
  const found = await sql<InvitationRow>`
    select ${columns} from invitation i
    where i.tenant_id = latchkey_tenant() and i.token_hash = ${tokenHash}`.execute(tx);
  return found.rows[0] ?? null;
}

/** For update: invitations are ended and sent once, whoever does it first. */
export async function lockInvitation(tx: Tx, id: InvitationId): Promise<InvitationRow | null> {
  const found = await sql<InvitationRow>`
    select ${columns} from invitation i
    where i.tenant_id = latchkey_tenant() and i.id = ${id} for update`.execute(tx);
  return found.rows[0] ?? null;
}

export async function selectInvitation(tx: Tx, id: InvitationId): Promise<InvitationRow | null> {
  const found = await sql<InvitationRow>`
    select ${columns} from invitation i where i.tenant_id = latchkey_tenant() and i.id = ${id}`.execute(tx);
  return found.rows[0] ?? null;
}

export async function selectInvitationsOf(
  tx: Tx,
  credentialId: CredentialId,
): Promise<readonly InvitationRow[]> {
  const found = await sql<InvitationRow>`
    select ${columns} from invitation i
    where i.tenant_id = latchkey_tenant() and i.credential_id = ${credentialId}
    order by i.created_at desc, i.id limit 100`.execute(tx);
  return found.rows;
}

/** Invitations of one tenant are counted one after the other, so that parallel ones cannot slip under the limit. */
export async function lockForInviting(tx: Tx): Promise<void> {
  await sql`select id from unit where tenant_id = latchkey_tenant() and id = latchkey_tenant() for no key update`.execute(
    tx,
  );
}

export type RecentInvitations = {
  readonly total: number;
  readonly toRecipient: number;
  readonly oldest: Date | null;
  readonly oldestToRecipient: Date | null;
};

/** Revoked and completed ones count too: what is limited are the mails. */
export async function countRecentInvitations(
  tx: Tx,
  recipient: string,
  since: Date,
): Promise<RecentInvitations> {
  const found = await sql<RecentInvitations>`
    select count(*) as total, count(*) filter (where lower(recipient) = lower(${recipient}::text)) as "toRecipient",
      min(created_at) as oldest, min(created_at) filter (where lower(recipient) = lower(${recipient}::text)) as "oldestToRecipient"
    from invitation where tenant_id = latchkey_tenant() and created_at > ${since}`.execute(tx);
  return found.rows[0] ?? { total: 0, toRecipient: 0, oldest: null, oldestToRecipient: null };
}

export async function markInvitationSent(tx: Tx, id: InvitationId, at: Date): Promise<void> {
  await sql`
    update invitation set sent_at = ${at} where tenant_id = latchkey_tenant() and id = ${id} and sent_at is null`.execute(
    tx,
  );
}

/** False when it was completed, revoked or is out of date. */
export async function completeInvitation(tx: Tx, id: InvitationId, at: Date): Promise<boolean> {
  const changed = await sql`
    update invitation set completed_at = ${at}
    where tenant_id = latchkey_tenant() and id = ${id} and completed_at is null and revoked_at is null`.execute(
    tx,
  );
  return changed.numAffectedRows === 1n;
}

export async function revokeInvitationRow(tx: Tx, id: InvitationId, at: Date): Promise<boolean> {
  const changed = await sql`
    update invitation set revoked_at = ${at}
    where tenant_id = latchkey_tenant() and id = ${id} and completed_at is null and revoked_at is null`.execute(
    tx,
  );
  return changed.numAffectedRows === 1n;
}
