// Nobody acts through, or against, somebody who holds more rights: a token for an owner would make its maker one.
import { Fault } from '../kernel/fault.ts';
import type { PrincipalId } from '../kernel/ids.ts';
import type { Tx } from '../storage/doors.ts';
import { type Actor, can } from './actor.ts';
import { selectActor } from './authority-store.ts';
import { isPermission, type Permission } from './permission.ts';
import { findUnit } from './unit.ts';

/** Fault forbidden unless the actor holds whatever the principal holds; `only` narrows it to these permissions. */
export async function requireRank(
  tx: Tx,
  actor: Actor,
  principalId: PrincipalId,
  only: readonly Permission[] | null,
): Promise<void> {
  const other = await selectActor(tx, principalId);
  for (const membership of other?.memberships ?? []) {
    const path = (await findUnit(tx, membership.unitId))?.path ?? [];
    const held = membership.permissions.filter(isPermission);
    if (held.every((permission) => only?.includes(permission) === false || can(actor, permission, path)))
      continue;
    throw new Fault('forbidden', `${other?.name ?? 'This user'} holds rights that you do not have.`, {
      cure: 'Ask somebody who holds them, such as an owner.',
    });
  }
}
