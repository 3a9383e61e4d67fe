// Where a database lies or how it is reached: the part of its identity that a copy of its files does not share.
import { stat } from 'node:fs/promises';
import type pg from 'pg';

/**
 * The folder of the embedded engine's files. Renaming keeps its inode and its time of birth, copying changes them. The
 * device's number is left out where there is a time of birth: it may change when the machine starts anew.
 */
export async function folderLocation(folder: string): Promise<string> {
  const { ino, dev, birthtimeNs } = await stat(folder, { bigint: true });
  return birthtimeNs > 0n ? `folder ${ino} born ${birthtimeNs}` : `folder ${ino} on device ${dev}`;
}

/** How an outside server is reached; processes may use several names for one. */
export function addressLocation(login: Pick<pg.ClientConfig, 'host' | 'port' | 'database'>): string {
  const { host = 'localhost', port = 5432, database = '' } = login;
  return `${host.toLowerCase()}:${port}/${database}`;
}
