// Statements on what the database knows of the installation and its root key.
import { sql } from 'kysely';
import type { Tx } from '../storage/doors.ts';
import type { RootKeyRecord } from './root-key.ts';

export type Installation = { readonly id: string; readonly rootKey: RootKeyRecord | null };

// Arbitrary, ours. Making a tenant key takes it shared, changing the root key in force takes it alone: so no tenant key
// is ever wrapped by the old root key after the change.
const rootKeyLock = 0x6c6b726b;

export async function readInstallation(tx: Tx): Promise<Installation | null> {
  const { rows } = await sql<{ id: string; rootKeyId: string | null; rootKeyCheck: Buffer | null }>`
    select installation_id as id, root_key_id as "rootKeyId", root_key_check as "rootKeyCheck" from cluster`.execute(
    tx,
  );
  const row = rows[0];
  if (row === undefined) return null;
  const { id, rootKeyId, rootKeyCheck } = row;
  const rootKey =
    rootKeyId === null || rootKeyCheck === null ? null : { id: rootKeyId, checkValue: rootKeyCheck };
  return { id, rootKey };
}

/** `tx` is the owner's. Keeps what is there already: the first process to record a key wins. */
export async function recordInstallation(tx: Tx, id: string, rootKey: RootKeyRecord): Promise<void> {
  await sql`
    insert into cluster (installation_id, root_key_id, root_key_check)
    values (${id}, ${rootKey.id}, ${rootKey.checkValue})
    on conflict (singleton) do update
      set root_key_id = excluded.root_key_id, root_key_check = excluded.root_key_check
      where cluster.root_key_id is null`.execute(tx);
}

/** `tx` is the owner's, and holds the root key alone. */
export async function replaceRootKeyRecord(tx: Tx, rootKey: RootKeyRecord): Promise<void> {
  await sql`
    update cluster set root_key_id = ${rootKey.id}, root_key_check = ${rootKey.checkValue}`.execute(tx);
}

/** Until the end of `tx` the root key in force stays what it is. */
export async function holdRootKeyShared(tx: Tx): Promise<void> {
  await sql`select pg_advisory_xact_lock_shared(${rootKeyLock})`.execute(tx);
}

export async function holdRootKeyAlone(tx: Tx): Promise<void> {
  await sql`select pg_advisory_xact_lock(${rootKeyLock})`.execute(tx);
}
