// SQL of reading: the one prepared statement of a token read, and the batched note of use.
import { sql } from 'kysely';
import type { GrantState } from '../credentials/grant-store.ts';
import type { AuthClientId, CredentialId, PrincipalId, TenantId, UnitId } from '../kernel/ids.ts';
import type { Doors, Tx } from '../storage/doors.ts';
import type { Sealed } from '../vault/sealed.ts';

export type ReadingRow = {
  readonly unit_id: UnitId;
  readonly label: string | null;
  readonly kind: 'named' | 'owned';
  readonly type_key: string;
  readonly oauth_kind: 'authorization_code' | 'client_credentials' | null;
  readonly auth_client_tenant_id: TenantId | null;
  readonly auth_client_id: AuthClientId | null;
  readonly client_type: string | null;
  readonly authorize_params: Readonly<Record<string, string>>;
  readonly reported_error: string | null;
  readonly created_by: PrincipalId | null;
  readonly created_at: Date;
  readonly updated_at: Date;
  readonly field_keys: readonly string[] | null;
  readonly value_nos: readonly number[] | null;
  readonly values_sealed: readonly Sealed[] | null;
  readonly grant_state: GrantState | null;
  readonly consent_no: number | null;
  readonly token_no: number | null;
  readonly ct: Sealed | null;
  readonly issued_at: Date | null;
  readonly expires_at: Date | null;
  readonly refresh_due_at: Date | null;
  readonly attempt_id: string | null;
  readonly outcome_unknown: boolean | null;
  readonly fail_count: number | null;
  readonly last_error_code: string | null;
  readonly last_error: string | null;
  readonly account_label: string | null;
  readonly granted_scope: string | null;
  /** Milliseconds since the tokens were stored, by the database's clock. */
  readonly age_ms: number | null;
  /** Milliseconds until the next try is allowed or due; negative when past. */
  readonly retry_in_ms: number | null;
};

export async function readCredentialRow(
  doors: Doors,
  tenant: TenantId,
  credentialId: CredentialId,
): Promise<ReadingRow | null> {
  const rows = await doors.prepared<ReadingRow>({
    name: 'read_credential',
    text: 'select * from latchkey_read_credential($1, $2)',
    values: [tenant, credentialId],
  });
  return rows[0] ?? null;
}

/** One statement for all uses of a tenant since the last flush. */
export async function noteUses(tx: Tx, credentialIds: readonly CredentialId[]): Promise<void> {
  await sql`
    insert into grant_use (tenant_id, credential_id, last_used_at)
    select g.tenant_id, g.credential_id, clock_timestamp() from oauth_grant g
    where g.tenant_id = latchkey_tenant() and g.credential_id = any(${[...credentialIds]}::uuid[])
    on conflict (tenant_id, credential_id) do update set last_used_at = excluded.last_used_at`.execute(tx);
}
