// SQL of password reset links. All through the accounts door.
import { sql } from 'kysely';
import type { Tx } from '../storage/doors.ts';
import type { Person } from './person-store.ts';

/** Two who make a link for one person do it one after the other, so that only the later one stays valid. */
export async function lockPasswordResetLinks(tx: Tx, personId: string): Promise<void> {
  await sql`select pg_advisory_xact_lock(hashtextextended('latchkey password_reset_link ' || ${personId}, 0))`.execute(
    tx,
  );
}

export async function expirePasswordResetLinks(tx: Tx, personId: string): Promise<void> {
  await sql`
    update password_reset_link set expires_at = clock_timestamp()
    where person_id = ${personId} and used_at is null and expires_at > clock_timestamp()`.execute(tx);
}

/** Answers when it ends. */
export async function insertPasswordResetLink(
  tx: Tx,
  link: {
    readonly id: string;
    readonly personId: string;
    readonly hash: Buffer;
    readonly livesSeconds: number;
  },
): Promise<Date | null> {
  const inserted = await sql<{ expiresAt: Date }>`
    insert into password_reset_link (id, person_id, hash, expires_at)
    values (${link.id}, ${link.personId}, ${link.hash},
      clock_timestamp() + make_interval(secs => ${link.livesSeconds}))
    returning expires_at as "expiresAt"`.execute(tx);
  return inserted.rows[0]?.expiresAt ?? null;
}

/** Whose link it is; null when there is none or it is over. */
export async function selectPersonOfResetLink(tx: Tx, hash: Buffer): Promise<Person | null> {
  const found = await sql<Person>`
    select p.id, p.email, p.name from password_reset_link l join person p on p.id = l.person_id
    where l.hash = ${hash} and l.used_at is null and l.expires_at > clock_timestamp()`.execute(tx);
  return found.rows[0] ?? null;
}

/** True for one caller only. */
export async function usePasswordResetLink(
  tx: Tx,
  use: { readonly hash: Buffer; readonly address: string | null },
): Promise<boolean> {
  const used = await sql`
    update password_reset_link set used_at = clock_timestamp(), used_from = ${use.address}
    where hash = ${use.hash} and used_at is null and expires_at > clock_timestamp()`.execute(tx);
  return (used.numAffectedRows ?? 0n) > 0n;
}

export type UnrecordedReset = {
  readonly id: string;
  readonly personId: string;
  readonly name: string;
  readonly address: string | null;
  readonly at: Date;
};

/** The oldest reset whose audit events are missing, held until the transaction ends; one that another process holds is left to it. */
export async function lockUnrecordedReset(tx: Tx): Promise<UnrecordedReset | null> {
  const found = await sql<UnrecordedReset>`
    select l.id, l.person_id as "personId", p.name, l.used_from as address, l.used_at as at
    from password_reset_link l join person p on p.id = l.person_id
    where l.used_at is not null and l.recorded_at is null
    order by l.used_at limit 1 for update of l skip locked`.execute(tx);
  return found.rows[0] ?? null;
}

export async function updateResetRecorded(tx: Tx, id: string): Promise<void> {
  await sql`update password_reset_link set recorded_at = clock_timestamp() where id = ${id}`.execute(tx);
}
