// SQL of what a grant did each day: counts for its time line, written in the transaction of the refresh they count.
import { sql } from 'kysely';
import type { CredentialId } from '../kernel/ids.ts';
import type { Tx } from '../storage/doors.ts';

export type GrantDay = {
  /** UTC, as `2026-01-31`. */
  readonly day: string;
  readonly refreshed: number;
  readonly failed: number;
  readonly takenOver: number;
  readonly lastRefreshedAt: Date | null;
  readonly lastFailedAt: Date | null;
  readonly lastTakenOverAt: Date | null;
};

const today = sql`(clock_timestamp() at time zone 'UTC')::date`;

export async function countFailed(tx: Tx, credentialId: CredentialId): Promise<void> {
  await sql`
    insert into grant_day as d (tenant_id, credential_id, day, failed, last_failed_at)
    values (latchkey_tenant(), ${credentialId}, ${today}, 1, clock_timestamp())
    on conflict (tenant_id, credential_id, day) do update
      set failed = d.failed + 1, last_failed_at = excluded.last_failed_at`.execute(tx);
}

/** Newest first. */
export async function selectGrantDays(
  tx: Tx,
  credentialId: CredentialId,
  limit: number,
): Promise<readonly GrantDay[]> {
  const found = await sql<GrantDay>`
    select day, refreshed, failed, taken_over as "takenOver",
      last_refreshed_at as "lastRefreshedAt", last_failed_at as "lastFailedAt", last_taken_over_at as "lastTakenOverAt"
    from grant_day where tenant_id = latchkey_tenant() and credential_id = ${credentialId}
    order by day desc limit ${limit}`.execute(tx);
  return found.rows;
}

/** Forgets days older than `keptDays`, at most `limit` rows. Through the scheduler's door. */
export async function deleteOldGrantDays(
  tx: Tx,
  { keptDays, limit }: { readonly keptDays: number; readonly limit: number },
): Promise<number> {
  const deleted = await sql`
    delete from grant_day d
    using (select tenant_id, credential_id, day from grant_day where day < (statement_timestamp() at time zone 'UTC')::date - ${keptDays}::integer limit ${limit}) old
    where d.tenant_id = old.tenant_id and d.credential_id = old.credential_id and d.day = old.day`.execute(
    tx,
  );
  return Number(deleted.numAffectedRows ?? 0n);
}
