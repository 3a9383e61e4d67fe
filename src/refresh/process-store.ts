// SQL of running processes: heartbeats, by which others know whether an armed attempt still has an owner.
import { sql } from 'kysely';
import type { Tx } from '../storage/doors.ts';

/** Answers when it was, by the database's clock; null when the process has said goodbye. */
export async function beat(
  tx: Tx,
  process: { readonly id: string; readonly build: string; readonly vouchesFor: number | null },
): Promise<number | null> {
  const { rows } = await sql<{ beatMs: number }>`
    insert into process (id, build, vouches_for) values (${process.id}, ${process.build}, ${process.vouchesFor})
    on conflict (id) do update set heartbeat_at = clock_timestamp(), vouches_for = excluded.vouches_for
      where not process.drained
    returning extract(epoch from heartbeat_at)::float8 * 1000 as "beatMs"`.execute(tx);
  return rows[0]?.beatMs ?? null;
}

export async function markDrained(tx: Tx, id: string): Promise<void> {
  await sql`
    update process set drained = true, heartbeat_at = '-infinity' where id = ${id}`.execute(tx);
}

/** Forgets processes that have been silent for a day. */
export async function deleteSilent(tx: Tx): Promise<void> {
  await sql`delete from process where heartbeat_at < clock_timestamp() - interval '1 day'`.execute(tx);
}

/** Whether a process has given a sign of life within so many seconds. */
export async function isProcessSeen(
  tx: Tx,
  process: { readonly id: string; readonly seconds: number },
): Promise<boolean> {
  const found = await sql`
    select 1 from process where id = ${process.id}
      and heartbeat_at > clock_timestamp() - make_interval(secs => ${process.seconds})`.execute(tx);
  return found.rows.length > 0;
}
