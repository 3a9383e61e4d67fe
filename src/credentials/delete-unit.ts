// Deletes a customer or workspace with its credentials: what is connected there is taken back at the providers first.
import type { UnitId } from '../kernel/ids.ts';
import type { Tx } from '../storage/doors.ts';
import { type Actor, requirePermission } from '../tenancy/actor.ts';
import { deleteUnit, getUnit, type Unit } from '../tenancy/unit.ts';
import type { Vault } from '../vault/vault.ts';
import { lockCredential } from './credential-store.ts';
import { revokeLater } from './disconnect.ts';
import { lockGrant } from './grant.ts';
import { selectConnectedWithin, writeDisconnect } from './grant-store.ts';

export async function deleteUnitWithCredentials(options: {
  readonly tx: Tx;
  readonly vault: Vault;
  readonly actor: Actor;
  readonly id: UnitId;
}): Promise<Unit> {
  const { tx, vault, actor, id } = options;
  const unit = await getUnit({ tx, actor, id });
  if (unit.kind !== 'organization') {
    requirePermission(actor, 'unit.manage', unit.path.slice(1));
    for (const credentialId of await selectConnectedWithin(tx, id)) {
      await lockCredential(tx, credentialId, 'deletion');
      const grant = await lockGrant(tx, credentialId);
      if (grant === null) continue;
      await revokeLater({ tx, vault }, grant, 'deleted');
      await writeDisconnect(tx, credentialId);
    }
  }
  return await deleteUnit({ tx, actor, id });
}
