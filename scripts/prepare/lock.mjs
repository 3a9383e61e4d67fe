// One preparer at a time per folder. The lock is a directory that appears with its owner's name already in it
// (rename is atomic, and refuses a target that is not empty), so there is no moment in which it has no owner.
import { randomUUID } from 'node:crypto';
import { mkdirSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { Trouble } from './trouble.mjs';
import { readIfThere, writeWhole } from './whole-file.mjs';

const pollMs = 100;
// A slow line needs minutes for the first install; after that somebody should look.
const patienceMs = 15 * 60_000;
const dayMs = 86_400_000;

export async function withLock(state, say, work) {
  mkdirSync(state, { recursive: true });
  const lock = join(state, 'lock');
  await acquire(state, lock, say);
  const release = () => rmSync(lock, { recursive: true, force: true });
  try {
    sweep(state);
    return await work();
  } finally {
    release();
  }
}

/**
 * A child works on when its start is killed outright, and what it still writes is made of what was there before: the lock
 * is not free until it has ended. Null = it has.
 */
export function noteChild(root, pid) {
  const note = join(root, '.prepare', 'lock', 'child');
  if (pid === null) rmSync(note, { force: true });
  else writeWhole(note, String(pid));
}

async function acquire(state, lock, say) {
  const mine = join(state, `claim-${randomUUID()}`);
  mkdirSync(mine);
  writeFileSync(join(mine, 'owner'), `${process.pid} ${randomUUID()}`);
  const patience = AbortSignal.timeout(patienceMs);
  try {
    for (let tries = 0; !renamed(mine, lock); tries += 1) {
      const [owner, token] = (readIfThere(join(lock, 'owner'))?.toString() ?? '').split(' ');
      const child = readIfThere(join(lock, 'child'))?.toString() ?? owner;
      const pid = isAlive(Number(owner)) ? owner : child;
      // The dead owner's lock goes to a name made of its token, where it stays: a second thief that comes too
      // late finds that name taken and cannot carry off the lock of the first.
      if (token !== undefined && !isAlive(Number(pid))) renamed(lock, join(state, `dead-${token}`));
      else if (patience.aborted)
        throw new Trouble(`another start (process ${pid}) holds ${lock}: end it or remove that folder.`);
      else {
        if (tries === 5) say(`waiting for another start (process ${pid}) that prepares this folder ...`);
        await pause(pollMs);
      }
    }
  } finally {
    rmSync(mine, { recursive: true, force: true });
  }
}

function renamed(from, to) {
  try {
    renameSync(from, to);
    return true;
  } catch (error) {
    if (['ENOTEMPTY', 'EEXIST', 'ENOENT'].includes(error.code)) return false;
    // Windows says EPERM where others say ENOTEMPTY.
    if (error.code === 'EPERM' && process.platform === 'win32') return false;
    throw error;
  }
}

function isAlive(pid) {
  try {
    process.kill(pid, 0);
    // One that has ended may stay in the list of processes for ever: in a container without an init nobody fetches it.
    return !/\) Z /.test(readIfThere(`/proc/${pid}/stat`)?.toString() ?? '');
  } catch (error) {
    return error.code === 'EPERM';
  }
}

/** Removes what killed processes left behind a day ago or more. */
function sweep(state) {
  for (const name of readdirSync(state).filter((one) => /^(dead|claim)-|\.stamp\.\d+$/.test(one))) {
    const path = join(state, name);
    const modified = statSync(path, { throwIfNoEntry: false })?.mtimeMs;
    if (modified !== undefined && Date.now() - modified > dayMs)
      rmSync(path, { recursive: true, force: true });
  }
}
