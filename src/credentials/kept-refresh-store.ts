// SQL of committing refreshed tokens, many of a tenant in one statement and one round trip.
import { sql } from 'kysely';
import type { CredentialId, TenantId } from '../kernel/ids.ts';
import type { Doors, Tx } from '../storage/doors.ts';
import type { Sealed } from '../vault/sealed.ts';

export type RefreshWrite = {
  readonly credentialId: CredentialId;
  readonly consentNo: number;
  readonly tokenNo: number;
  readonly ct: Sealed;
  readonly state: 'active' | 'static';
  readonly issuedAt: Date;
  readonly expiresAt: Date | null;
  readonly refreshExpiresAt: Date | null;
  readonly expiryAssumed: boolean;
  readonly refreshDueAt: Date | null;
  readonly grantedScope: string | null;
};

// Compare-and-swap on (consent_no, token_no), not on the attempt. The day's count belongs to the same statement.
const before = `
  with w as materialized (
    select * from json_to_recordset(`;
const after = `::json) as w ("credentialId" uuid, "consentNo" bigint, "tokenNo" bigint, ct text,
      state text, "issuedAt" timestamptz, "expiresAt" timestamptz, "refreshExpiresAt" timestamptz, "expiryAssumed" boolean,
      "refreshDueAt" timestamptz, "grantedScope" text)),
  taken as (
    update oauth_grant g set ct = decode(w.ct, 'base64'), token_no = g.token_no + 1, state = w.state,
      issued_at = w."issuedAt", expires_at = w."expiresAt", refresh_expires_at = w."refreshExpiresAt",
      expiry_assumed = w."expiryAssumed", refresh_due_at = w."refreshDueAt", refreshed_at = clock_timestamp(),
      attempt_id = null, attempt_owner = null, attempt_deadline = null, outcome_unknown = false, fail_count = 0,
      suspect_since = null, last_error_code = null, last_error = null, last_error_at = null,
      granted_scope = w."grantedScope"
    from w
    where g.tenant_id = latchkey_tenant() and g.credential_id = w."credentialId" and g.consent_no = w."consentNo"
      and g.token_no = w."tokenNo"
    returning g.tenant_id, g.credential_id)
  insert into grant_day as d (tenant_id, credential_id, day, refreshed, last_refreshed_at)
  select tenant_id, credential_id, (clock_timestamp() at time zone 'UTC')::date, 1, clock_timestamp() from taken
  on conflict (tenant_id, credential_id, day) do update
    set refreshed = d.refreshed + 1, last_refreshed_at = excluded.last_refreshed_at
  returning d.credential_id`;

/** The credentials whose grants took their tokens. */
export async function writeRefreshes(
  doors: Doors,
  tenant: TenantId,
  writes: readonly RefreshWrite[],
): Promise<ReadonlySet<string>> {
  const [taken = []] = await doors.write(tenant, [
    { name: 'write_refreshes', text: `${before}$1${after}`, values: [textOf(writes)] },
  ]);
  return new Set(taken.map(([credentialId]) => credentialId ?? ''));
}

/** The same in a transaction that has more to do. */
export async function writeRefreshesIn(
  tx: Tx,
  writes: readonly RefreshWrite[],
): Promise<ReadonlySet<string>> {
  const taken = await sql<{ credential_id: string }>`
    ${sql.raw(before)}${textOf(writes)}${sql.raw(after)}`.execute(tx);
  return new Set(taken.rows.map((row) => row.credential_id));
}

function textOf(writes: readonly RefreshWrite[]): string {
  // In one order everywhere, so that two batches never wait for each other.
  const sorted = [...writes].sort((a, b) => (a.credentialId < b.credentialId ? -1 : 1));
  return JSON.stringify(sorted.map((write) => ({ ...write, ct: write.ct.toString('base64') })));
}
