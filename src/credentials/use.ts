// Who uses a credential. Rooms above write these rows; here they refuse deletion and explain it.
import { notFound } from '../kernel/fault.ts';
import type { CredentialId } from '../kernel/ids.ts';
import { isForeignKeyViolation } from '../storage/database.ts';
import type { Tx } from '../storage/doors.ts';
import { type CredentialUse, deleteUse, insertUse, selectUses } from './credential-store.ts';

export type { CredentialUse } from './credential-store.ts';

export async function addUse(tx: Tx, credentialId: CredentialId, use: CredentialUse): Promise<void> {
  try {
    await insertUse(tx, credentialId, use);
  } catch (error) {
    // Deleted between the look at it and this: the same answer as for one that never was.
    throw isForeignKeyViolation(error) ? notFound('Credential', 'credential') : error;
  }
}

export async function removeUse(tx: Tx, credentialId: CredentialId, use: CredentialUse): Promise<void> {
  await deleteUse(tx, credentialId, use);
}

export async function listUses(tx: Tx, credentialId: CredentialId): Promise<readonly CredentialUse[]> {
  return await selectUses(tx, credentialId);
}
