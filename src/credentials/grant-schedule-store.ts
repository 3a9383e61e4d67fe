// SQL that moves when something happens to grants, apart from any attempt: parked ones that wake, and warnings of refresh
// tokens that are about to end.
import { sql } from 'kysely';
import type { AuthClientId, CredentialId, TenantId } from '../kernel/ids.ts';
import type { Tx } from '../storage/doors.ts';

/** What is parked beyond its token's life is refreshed within the spread. */
export async function wakeParkedGrants(tx: Tx, mintedBy: AuthClientId, spreadSeconds: number): Promise<void> {
  await sql`
    update oauth_grant set refresh_due_at = clock_timestamp() + random() * make_interval(secs => ${spreadSeconds})
    where tenant_id = latchkey_tenant() and minted_by = ${mintedBy} and state = 'active' and attempt_id is null
      and refresh_due_at > greatest(expires_at, clock_timestamp() + make_interval(secs => ${spreadSeconds}))`.execute(
    tx,
  );
}

export type DueWarnings = { readonly tenantId: TenantId; readonly credentialIds: readonly CredentialId[] };

/** Grants whose warning is due, the earliest of all tenants. Through the scheduler's door. */
export async function selectDueWarnings(tx: Tx, limit: number): Promise<readonly DueWarnings[]> {
  const found = await sql<DueWarnings>`
    select tenant_id as "tenantId", array_agg(credential_id) as "credentialIds" from (
      select tenant_id, credential_id from oauth_grant
      where refresh_warn_at <= statement_timestamp() order by refresh_warn_at limit ${limit}) due
    group by tenant_id`.execute(tx);
  return found.rows;
}

export type DyingRefreshToken = { readonly credentialId: CredentialId; readonly endsAt: Date };

/**
 * Takes the warnings of these grants that are still due, and sets each grant's next one. What is over already is taken,
 * too, but not answered: there is nobody to be warned.
 */
export async function takeDueWarnings(
  tx: Tx,
  credentialIds: readonly CredentialId[],
): Promise<readonly DyingRefreshToken[]> {
  const taken = await sql<DyingRefreshToken & { readonly isLive: boolean }>`
    update oauth_grant g set refresh_warn_at = latchkey_next_warning(g.refresh_expires_at)
    where g.tenant_id = latchkey_tenant() and g.credential_id = any(${[...credentialIds]}::uuid[])
      and g.refresh_warn_at <= statement_timestamp()
    returning g.credential_id as "credentialId", g.refresh_expires_at as "endsAt",
      g.state in ('active', 'degraded') and g.refresh_due_at is not null as "isLive"`.execute(tx);
  return taken.rows.filter((row) => row.isLive);
}
