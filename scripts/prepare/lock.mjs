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
  else writeWhole(note, `${pid} ${birthOf(pid) ?? ''}`);
}

async function acquire(state, lock, say) {
  const mine = join(state, `claim-${randomUUID()}`);
  mkdirSync(mine);
  writeFileSync(join(mine, 'owner'), `${process.pid} ${randomUUID()} ${birthOf(process.pid) ?? ''}`);
  const patience = AbortSignal.timeout(patienceMs);
  try {
    for (let tries = 0; !renamed(mine, lock); tries += 1) {
      const [owner, token, ownerBirth] = (readIfThere(join(lock, 'owner'))?.toString() ?? '').split(' ');
      const [child, childBirth] = (readIfThere(join(lock, 'child'))?.toString() ?? '').split(' ');
      const isHeld = isAlive(owner, ownerBirth);
      const pid = isHeld ? owner : child;
      // The dead owner's lock goes to a name made of its token, where it stays: a second thief that comes too
      // late finds that name taken and cannot carry off the lock of the first.
      if (token !== undefined && !isHeld && !isAlive(child, childBirth))
        renamed(lock, join(state, `dead-${token}`));
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

/** After a restart of the machine another process has the number: it was born at another time. */
function isAlive(pid, birth) {
  if (!/^[1-9]\d*$/.test(pid)) return false;
  try {
    process.kill(Number(pid), 0);
  } catch (error) {
    if (error.code !== 'EPERM') return false;
  }
  // One that has ended may stay in the list of processes for ever: in a container without an init nobody fetches it.
  if (/\) Z /.test(readIfThere(`/proc/${pid}/stat`)?.toString() ?? '')) return false;
  return !birth || (birthOf(pid) ?? birth) === birth;
}

/** Null where there is no /proc to ask. */
function birthOf(pid) {
  const boot = readIfThere('/proc/sys/kernel/random/boot_id')?.toString().trim();
  const fields = readIfThere(`/proc/${pid}/stat`)?.toString().split(') ').at(-1)?.split(' ');
  // The 22nd of all, in ticks since the boot (proc(5)); the first two are cut off.
  return boot === undefined || fields?.[19] === undefined ? null : `${boot}:${fields[19]}`;
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
