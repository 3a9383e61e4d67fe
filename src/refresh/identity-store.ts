// SQL of the identity: what can be seen of the database, what its row remembers, and who else vouches for it.
import { sql } from 'kysely';
import type { Tx } from '../storage/doors.ts';
import type { ClusterFacts, Standing } from './identity.ts';

export async function readStanding(tx: Tx): Promise<Omit<Standing, 'location'>> {
  const { rows } = await sql<Omit<Standing, 'location'>>`
    select system, timeline, database, relation from latchkey_standing()`.execute(tx);
  return rows[0] ?? { system: null, timeline: null, database: null, relation: null };
}

/** Null before the installation has its row. */
export async function readCluster(tx: Tx, processId: string): Promise<ClusterFacts | null> {
  const { rows } = await sql<ClusterFacts>`
    select c.identity, c.takeover_no as "takeoverNo", c.doubt,
      (select extract(epoch from p.heartbeat_at)::float8 * 1000 from process p where p.id = ${processId}) as "ownBeatMs",
      extract(epoch from clock_timestamp())::float8 * 1000 as "nowMs"
    from cluster c`.execute(tx);
  return rows[0] ?? null;
}

/** Heartbeats of the other processes that call this database confirmed. In a copy they stand still. */
export async function readWitnesses(
  tx: Tx,
  processId: string,
  takeoverNo: number,
): Promise<readonly { readonly id: string; readonly beatMs: number }[]> {
  const { rows } = await sql<{ id: string; beatMs: number }>`
    select id, extract(epoch from heartbeat_at)::float8 * 1000 as "beatMs" from process
    where vouches_for = ${takeoverNo} and id <> ${processId} and not drained
      and heartbeat_at > clock_timestamp() - interval '15 seconds'`.execute(tx);
  return rows;
}

type Seen = Pick<ClusterFacts, 'identity' | 'takeoverNo'>;

/** False when the row has changed since it was read: then it has to be judged again. */
export async function rememberIdentity(tx: Tx, seen: Seen, identity: string): Promise<boolean> {
  const changed = await sql`
    update cluster set identity = ${identity}
    where identity is not distinct from ${seen.identity} and takeover_no = ${seen.takeoverNo} and doubt is null`.execute(
    tx,
  );
  return changed.numAffectedRows === 1n;
}

/** Outlives the process that has found it out. */
export async function markDoubt(tx: Tx, seen: Seen, doubt: string): Promise<void> {
  await sql`
    update cluster set doubt = ${doubt} where takeover_no = ${seen.takeoverNo} and doubt is null`.execute(tx);
}

/** `tx` is the platform's. Answers the new number, or null when another take-over came first. */
export async function confirmTakeOver(tx: Tx, takeoverNo: number, identity: string): Promise<number | null> {
  const { rows } = await sql<{ takeoverNo: number }>`
    update cluster set identity = ${identity}, doubt = null, takeover_no = takeover_no + 1,
      takeover_confirmed_at = clock_timestamp()
    where takeover_no = ${takeoverNo} returning takeover_no as "takeoverNo"`.execute(tx);
  return rows[0]?.takeoverNo ?? null;
}
