// The operator's word that a database which looks like a copy is now the one that refreshes.
import { type AuditActor, audit } from '../audit/event.ts';
import { Fault } from '../kernel/fault.ts';
import { platformTenantId } from '../kernel/ids.ts';
import type { Doors } from '../storage/doors.ts';
import type { ClusterIdentity } from './cluster-identity.ts';
import type { Heartbeat } from './heartbeat.ts';
import { describeDifference, identityOf, serializeIdentity } from './identity.ts';
import { confirmTakeOver } from './identity-store.ts';

export type TakeOver = {
  readonly changed: boolean;
  /** How often this installation was taken over; the fence between what was known before and after. */
  readonly takeoverNo: number;
  readonly said: string;
};

export async function takeOver(deps: {
  readonly doors: Doors;
  readonly identity: Pick<ClusterIdentity, 'state'>;
  readonly heartbeat: Pick<Heartbeat, 'beat'>;
  readonly actor: AuditActor;
}): Promise<TakeOver> {
  const { doors, identity, heartbeat, actor } = deps;
  await heartbeat.beat();
  const seen = identity.state();
  if (seen.kind === 'unseen') throw notNow();
  if (seen.kind === 'confirmed') {
    const said = 'This database is confirmed already; nothing was changed.';
    return { changed: false, takeoverNo: seen.takeoverNo, said };
  }
  const takeoverNo = await doors.withTenant(platformTenantId, async (tx) => {
    const next = await confirmTakeOver(tx, seen.takeoverNo, serializeIdentity(identityOf(seen.here)));
    if (next === null) return null;
    await audit(tx, {
      actor,
      action: 'takeover.confirmed',
      object: { kind: 'cluster', id: null },
      detail: { why: seen.why, takeoverNo: next, location: seen.here.location },
    });
    return next;
  });
  if (takeoverNo === null) throw notNow();
  // So that it holds here when the operator has his answer; other processes on this database see it at their next beat.
  await heartbeat.beat();
  const said = `Taken over: what is due is refreshed from here on. It was held because ${describeDifference(seen.why)}.`;
  return { changed: true, takeoverNo, said };
}

function notNow(): Fault {
  return new Fault('conflict', 'The identity of this database is being settled just now.', {
    cure: 'Ask again in a few seconds.',
  });
}
