// SQL of running processes: heartbeats, by which others know whether an armed attempt still has an owner.
import { sql } from 'kysely';
import type { Tx } from '../storage/doors.ts';

export async function beat(tx: Tx, process: { readonly id: string; readonly build: string }): Promise<void> {
  await sql`
    insert into process (id, build) values (${process.id}, ${process.build})
    on conflict (id) do update set heartbeat_at = clock_timestamp()`.execute(tx);
}

export async function markDrained(tx: Tx, id: string): Promise<void> {
  await sql`
    update process set drained = true, heartbeat_at = '-infinity' where id = ${id}`.execute(tx);
}

/** Forgets processes that have been silent for a day. */
export async function deleteSilent(tx: Tx): Promise<void> {
  await sql`delete from process where heartbeat_at < clock_timestamp() - interval '1 day'`.execute(tx);
}
