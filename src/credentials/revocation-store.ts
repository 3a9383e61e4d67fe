// SQL of revocations: tokens that must be taken back at the provider after they are gone from their grant.
import { sql } from 'kysely';
import type { AuthClientId, CredentialId, Id, TenantId } from '../kernel/ids.ts';
import type { Tx } from '../storage/doors.ts';
import type { Sealed } from '../vault/sealed.ts';
import type { RegistrationId } from './registration-store.ts';

export type RevocationId = Id<'Revocation'>;

export type RevocationRow = {
  readonly tenantId: TenantId;
  readonly id: RevocationId;
  readonly credentialId: CredentialId;
  readonly registrationId: RegistrationId;
  /** Null where the provider did not name it. */
  readonly accountRef: Buffer | null;
  readonly reason: string;
  readonly sealed: Sealed | null;
  readonly clientSecretsSealed: Sealed | null;
  readonly attempts: number;
  readonly doneAt: Date | null;
  readonly expiresAt: Date;
  readonly isExpired: boolean;
};

export async function insertRevocation(
  tx: Tx,
  row: {
    readonly tenantId: TenantId;
    readonly id: RevocationId;
    readonly credentialId: CredentialId;
    readonly registrationId: RegistrationId;
    readonly accountRef: Buffer | null;
    readonly authClientTenantId: TenantId | null;
    readonly authClientId: AuthClientId | null;
    readonly reason: string;
    readonly sealed: Sealed;
    readonly clientSecretsSealed: Sealed;
    readonly keepForHours: number;
  },
): Promise<void> {
  await sql`
    insert into revocation (tenant_id, id, credential_id, registration_id, account_ref, auth_client_tenant_id,
      auth_client_id, reason, sealed, client_secrets_sealed, expires_at)
    values (${row.tenantId}, ${row.id}, ${row.credentialId}, ${row.registrationId}, ${row.accountRef},
      ${row.authClientTenantId}, ${row.authClientId}, ${row.reason}, ${row.sealed}, ${row.clientSecretsSealed},
      clock_timestamp() + make_interval(hours => ${row.keepForHours}))`.execute(tx);
}

export async function selectRevocation(tx: Tx, id: RevocationId): Promise<RevocationRow | null> {
  const found = await sql<RevocationRow>`
    select tenant_id as "tenantId", id, credential_id as "credentialId", registration_id as "registrationId",
      account_ref as "accountRef", reason, sealed,
      client_secrets_sealed as "clientSecretsSealed", attempts, done_at as "doneAt", expires_at as "expiresAt",
      expires_at < clock_timestamp() as "isExpired"
    from revocation where tenant_id = latchkey_tenant() and id = ${id}`.execute(tx);
  return found.rows[0] ?? null;
}

/**
 * Who may lose his tokens with these, at a provider (Google) where revoking one ends all of that user and app: a grant that
 * lives, or a consent whose tokens await confirmation. An account without a name may be any one of its own credential.
 */
export async function selectHarmed(tx: Tx, row: RevocationRow): Promise<'grant' | 'consent' | null> {
  const isSame = sql`(account_ref = ${row.accountRef}::bytea or (credential_id = ${row.credentialId}
    and (account_ref is null or ${row.accountRef}::bytea is null)))`;
  const found = await sql<{ harmed: 'grant' | 'consent' | null }>`
    select case
      when exists (select 1 from oauth_grant where tenant_id = latchkey_tenant()
        and registration_id = ${row.registrationId} and state in ('active', 'degraded', 'static') and ${isSame}) then 'grant'
      when exists (select 1 from oauth_authorization where tenant_id = latchkey_tenant()
        and registration_id = ${row.registrationId} and status in ('exchanging', 'exchanged') and ${isSame}) then 'consent'
    end as harmed`.execute(tx);
  return found.rows[0]?.harmed ?? null;
}

/** Done or given up: the tokens go. */
export async function closeRevocation(tx: Tx, id: RevocationId, result: string): Promise<void> {
  await sql`
    update revocation set sealed = null, client_secrets_sealed = null, done_at = clock_timestamp(), result = ${result},
      attempts = attempts + 1
    where tenant_id = latchkey_tenant() and id = ${id}`.execute(tx);
}

export async function countRevocationAttempt(tx: Tx, id: RevocationId, result: string): Promise<void> {
  await sql`
    update revocation set attempts = attempts + 1, result = ${result}
    where tenant_id = latchkey_tenant() and id = ${id}`.execute(tx);
}
