// The breaker of an auth client. A provider that refuses the client says nothing about the grants: one mistyped secret
// must not send each of a hundred thousand grants to be refused, and must not demand a new consent of anybody.
import { audit, systemActor } from '../audit/event.ts';
import type { AuthClientId } from '../kernel/ids.ts';
import type { Tx } from '../storage/doors.ts';
import { claimProbe, mendAuthClientRow, tripAuthClientRow } from './auth-client-store.ts';
import { hastenGrants } from './grant-store.ts';

// Ten minutes: long enough not to hammer a provider that refuses us, short enough to mend by itself.
const probeAfterSeconds = 600;
/** Grants that waited for the client do not all come in the same second. */
const spreadSeconds = 60;

/** The provider refused the client itself: stop asking with it, say so once, leave its grants as they are. */
export async function tripAuthClient(tx: Tx, id: AuthClientId, reason: string): Promise<void> {
  const isNew = await tripAuthClientRow(tx, id, { reason, probeAfterSeconds });
  if (!isNew) return;
  await audit(tx, {
    action: 'auth_client.broken',
    actor: systemActor,
    object: { kind: 'auth_client', id },
    result: 'failed',
  });
}

/** True for one caller in ten minutes: that one may ask the provider whether it has changed its mind. */
export async function mayProbe(tx: Tx, id: AuthClientId): Promise<boolean> {
  return await claimProbe(tx, id, probeAfterSeconds);
}

/** The client works again, or may: what waited for it goes on. */
export async function mendAuthClient(tx: Tx, id: AuthClientId): Promise<void> {
  if (!(await mendAuthClientRow(tx, id))) return;
  await hastenGrants(tx, id, spreadSeconds);
  await audit(tx, {
    action: 'auth_client.mended',
    actor: systemActor,
    object: { kind: 'auth_client', id },
  });
}
