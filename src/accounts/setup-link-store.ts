// SQL of set-up links. All through the accounts door.
import { sql } from 'kysely';
import type { Tx } from '../storage/doors.ts';

/** Two processes that start together make their links one after the other, so that one of them stays valid. */
export async function lockSetupLinks(tx: Tx): Promise<void> {
  await sql`select pg_advisory_xact_lock(hashtextextended('latchkey setup_link', 0))`.execute(tx);
}

export async function expireSetupLinks(tx: Tx): Promise<void> {
  await sql`
    update setup_link set expires_at = clock_timestamp()
    where used_at is null and expires_at > clock_timestamp()`.execute(tx);
}

export async function insertSetupLink(
  tx: Tx,
  link: { readonly id: string; readonly hash: Buffer; readonly livesSeconds: number },
): Promise<void> {
  await sql`
    insert into setup_link (id, hash, expires_at)
    values (${link.id}, ${link.hash}, clock_timestamp() + make_interval(secs => ${link.livesSeconds}))`.execute(
    tx,
  );
}

export type SetupLinkState = 'live' | 'used' | 'expired';

export async function selectSetupLinkState(tx: Tx, hash: Buffer): Promise<SetupLinkState | null> {
  const found = await sql<{ state: SetupLinkState }>`
    select case when used_at is not null then 'used' when expires_at <= clock_timestamp() then 'expired'
      else 'live' end as state
    from setup_link where hash = ${hash}`.execute(tx);
  return found.rows[0]?.state ?? null;
}

/** True for one caller only. */
export async function useSetupLink(tx: Tx, hash: Buffer): Promise<boolean> {
  const used = await sql`
    update setup_link set used_at = clock_timestamp()
    where hash = ${hash} and used_at is null and expires_at > clock_timestamp()`.execute(tx);
  return (used.numAffectedRows ?? 0n) > 0n;
}
