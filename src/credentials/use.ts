// Who uses a credential. Rooms above write these rows; here they refuse deletion and explain it.
import type { CredentialId } from '../kernel/ids.ts';
import type { Tx } from '../storage/doors.ts';
import { type CredentialUse, deleteUse, insertUse, selectUses } from './credential-store.ts';

export type { CredentialUse } from './credential-store.ts';

export async function addUse(tx: Tx, credentialId: CredentialId, use: CredentialUse): Promise<void> {
  await insertUse(tx, credentialId, use);
}

export async function removeUse(tx: Tx, credentialId: CredentialId, use: CredentialUse): Promise<void> {
  await deleteUse(tx, credentialId, use);
}

export async function listUses(tx: Tx, credentialId: CredentialId): Promise<readonly CredentialUse[]> {
  return await selectUses(tx, credentialId);
}
