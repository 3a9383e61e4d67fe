// Where the embedded server's unix socket lies: beside its files when the kernel's path limit allows, else in a
// private folder with a short name that is written down in the data directory.
import { createHash } from 'node:crypto';
import { lstat, mkdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Fault } from '../kernel/fault.ts';
import type { EngineUser } from './engine-user.ts';

export const socketPort = 5432;
const socketName = `.s.PGSQL.${socketPort}`;
/** sun_path holds 108 bytes with the closing zero. */
const maxPathBytes = 107;

/** Call it only when no server runs on the cluster: what an earlier one left in the folder is removed. */
export async function socketFolder(directory: string, user: EngineUser): Promise<string> {
  const folder = await chooseFolder(directory, user);
  // PostgreSQL would refuse when the pid in a stale lock belongs to another process, or to a zombie nobody reaped.
  await Promise.all(
    [socketName, `${socketName}.lock`].map((name) => rm(join(folder, name), { force: true })),
  );
  return folder;
}

async function chooseFolder(directory: string, user: EngineUser): Promise<string> {
  const note = join(directory, 'postgres.socket');
  if (fits(user.cluster)) {
    await rm(note, { force: true });
    return user.cluster;
  }
  const name = `latchkey-${createHash('sha256').update(user.cluster).digest('hex').slice(0, 16)}`;
  const parents = [process.env.XDG_RUNTIME_DIR, tmpdir(), '/tmp'];
  const folder = parents
    .filter((parent): parent is string => parent !== undefined && parent !== '')
    .map((parent) => join(parent, name))
    .find(fits);
  if (folder === undefined) {
    throw new Fault('cannot_start', 'No folder is short enough for the database socket.', {
      cure: 'Choose a shorter LATCHKEY_DATA.',
    });
  }
  await makePrivate(folder, user);
  await writeFile(note, `${folder}\n`, { mode: 0o600 });
  return folder;
}

/** The temp folder is everybody's: somebody else's folder of our name must not get our socket. */
async function makePrivate(folder: string, user: EngineUser): Promise<void> {
  await mkdir(folder, { mode: 0o700 }).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EEXIST') throw error;
  });
  const stat = await lstat(folder);
  const owners = [process.getuid?.(), user.identity.uid];
  if (!stat.isDirectory() || !owners.includes(stat.uid) || (stat.mode & 0o077) !== 0) {
    throw new Fault('cannot_start', `${folder} exists and is not ours.`, {
      cure: 'Remove it, or choose a shorter LATCHKEY_DATA.',
    });
  }
  user.own(folder);
}

function fits(folder: string): boolean {
  return Buffer.byteLength(join(folder, socketName)) <= maxPathBytes;
}
