// SQL of seeding: connected credentials by the thousand, as the product's own statements would leave them one by one.
import { sql } from 'kysely';
import type { AuthClient } from '../src/credentials/auth-client.ts';
import type { ConnectionType } from '../src/credentials/connection-type.ts';
import type { CredentialId, UnitId } from '../src/kernel/ids.ts';
import type { Tx } from '../src/storage/doors.ts';
import type { Sealed } from '../src/vault/sealed.ts';

export type SeedCredentials = {
  readonly ids: readonly CredentialId[];
  readonly unitId: UnitId;
  readonly type: ConnectionType;
  readonly client: AuthClient;
};

export async function insertCredentials(
  tx: Tx,
  { ids, unitId, type, client }: SeedCredentials,
): Promise<void> {
  await sql`
    insert into credential (tenant_id, id, unit_id, kind, label, connection_type_tenant_id, connection_type_id,
      auth_client_tenant_id, auth_client_id)
    select latchkey_tenant(), id, ${unitId}::uuid, 'named', 'Secret ' || id, ${type.tenantId}::uuid, ${type.id}::uuid,
      ${client.tenantId}::uuid, ${client.id}::uuid
    from unnest(${[...ids]}::uuid[]) as given(id)`.execute(tx);
}

/** First tokens of a first consent, good for a day. */
export async function insertGrants(
  tx: Tx,
  { ids, client }: SeedCredentials,
  sealed: readonly Sealed[],
): Promise<void> {
  await sql`
    insert into oauth_grant (tenant_id, credential_id, registration_id, minted_by_tenant_id, minted_by, consent_no,
      token_no, state, ct, issued_at, expires_at, refresh_due_at, granted_scope)
    select latchkey_tenant(), id, ${client.registration?.id ?? null}::uuid, ${client.tenantId}::uuid, ${client.id}::uuid,
      1, 1, 'active', ct, clock_timestamp() - interval '1 minute', clock_timestamp() + interval '24 hours',
      clock_timestamp() + interval '23 hours', 'files.read'
    from unnest(${[...ids]}::uuid[], ${[...sealed]}::bytea[]) as given(id, ct)`.execute(tx);
}
