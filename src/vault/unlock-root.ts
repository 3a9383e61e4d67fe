// The start of the vault: finds the root key and the installation's id, or makes both on a database that never had
// them. An existing database whose key is absent or another is refused before anything is written.
import { randomUUID } from 'node:crypto';
import { Fault } from '../kernel/fault.ts';
import type { Doors } from '../storage/doors.ts';
import { proveRootKey, type RootKey, type RootKeys } from './root-key.ts';
import { createRootKeyFile, openRootKeyFiles, readRootKeyFile } from './root-key-file.ts';
import { readInstallation, recordInstallation } from './root-key-store.ts';

export type UnlockedRoot = {
  readonly installation: string;
  readonly rootKeys: RootKeys;
  /** True when the root key was made just now: the operator must be told to keep a copy of it. */
  readonly created: boolean;
};

/** `folder` is the data directory. The schema must be migrated. */
export async function unlockRoot(options: {
  readonly doors: Doors;
  readonly folder: string;
}): Promise<UnlockedRoot> {
  const { doors, folder } = options;
  const known = await doors.asOwner(readInstallation);
  if (known?.rootKey) {
    const rootKeys = await openRootKeyFiles(folder);
    await proveRootKey(rootKeys, known.rootKey);
    return { installation: known.id, rootKeys, created: false };
  }
  const { rootKey, created } = await findOrCreate(folder);
  const record = { id: rootKey.id, checkValue: await rootKey.checkValue() };
  await doors.asOwner((tx) => recordInstallation(tx, known?.id ?? randomUUID(), record));
  const installation = await doors.asOwner(readInstallation);
  if (!installation?.rootKey) throw new Fault('internal', 'The root key was not recorded.');
  const rootKeys = await openRootKeyFiles(folder);
  // Two machines may have started on one new database at once; the one that recorded second must not go on.
  await proveRootKey(rootKeys, installation.rootKey);
  return { installation: installation.id, rootKeys, created };
}

async function findOrCreate(folder: string): Promise<{ rootKey: RootKey; created: boolean }> {
  const existing = await readRootKeyFile(folder);
  return existing === null
    ? { rootKey: await createRootKeyFile(folder), created: true }
    : { rootKey: existing, created: false };
}
