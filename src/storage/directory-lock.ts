// One process per data directory. A file names the holder by pid and start time, so that a kill -9 leaves nothing
// to clean up by hand; a heartbeat decides where pids mean nothing (another container or host on the same volume).
import { execFileSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import {
  linkSync,
  readFileSync,
  readlinkSync,
  renameSync,
  statSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Clock, systemClock } from '../kernel/clock.ts';
import { Fault } from '../kernel/fault.ts';

export type DirectoryLock = { readonly release: () => void };

type Holder = {
  readonly nonce: string;
  readonly pid: number;
  readonly started: string;
  /** Boot and pid namespace: inside the same one, pid and start time tell exactly whether the holder lives. */
  readonly place: string;
  readonly host: string;
};

const lockName = 'latchkey.lock';
const heartbeatMs = 3_000;
/** Four missed heartbeats: longer than a busy event loop, short enough to wait for at a restart. */
const silenceMs = 12_000;

/**
 * Takes the directory for this process or throws a `cannot_start` Fault. Nothing is written when it is taken.
 * The directory must exist.
 */
export async function lockDirectory(directory: string, clock: Clock = systemClock): Promise<DirectoryLock> {
  const path = join(directory, lockName);
  for (let attempt = 0; attempt < 3; attempt += 1) {
    const found = readHolder(path);
    if (found !== null) {
      if (await isAlive(found, path, clock)) throw occupied(directory, found);
      discard(path, found);
    }
    const lock = tryCreate(path, clock);
    if (lock !== null) return lock;
  }
  throw occupied(directory, readHolder(path));
}

function tryCreate(path: string, clock: Clock): DirectoryLock | null {
  const holder: Holder = {
    nonce: randomUUID(),
    pid: process.pid,
    started: startOf(process.pid) ?? '',
    place: place(),
    host: hostname(),
  };
  const draft = `${path}.${holder.nonce}`;
  try {
    // Written apart and linked: the lock never exists half-written, and link refuses to replace another's.
    writeFileSync(draft, `${JSON.stringify(holder)}\n`, { mode: 0o600, flag: 'wx' });
    linkSync(draft, path);
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return null;
    throw new Fault('cannot_start', `The data directory cannot be written (${codeOf(error)}).`, {
      cure: `Give this user write access to ${path.slice(0, -lockName.length)} or choose another one with LATCHKEY_DATA.`,
      cause: error,
    });
  } finally {
    remove(draft);
  }
  const heartbeat = setInterval(() => touch(path, clock), heartbeatMs);
  heartbeat.unref();
  return {
    release: () => {
      clearInterval(heartbeat);
      if (readHolder(path)?.nonce === holder.nonce) remove(path);
    },
  };
}

async function isAlive(holder: Holder, path: string, clock: Clock): Promise<boolean> {
  if (holder.place === place()) return startOf(holder.pid) === holder.started;
  // Another pid namespace or host: a moving heartbeat is a living holder. No clocks are compared.
  const first = modifiedAt(path);
  const deadline = clock.monotonicMs() + silenceMs;
  while (clock.monotonicMs() < deadline) {
    await sleep(250);
    if (modifiedAt(path) !== first) return readHolder(path) !== null;
  }
  return false;
}

/** Removes the lock of a dead holder, and only that one: a competitor may have replaced it meanwhile. */
function discard(path: string, dead: Holder): void {
  const aside = `${path}.${dead.nonce}.stale`;
  try {
    renameSync(path, aside);
  } catch {
    return; // Already gone: a competitor was faster.
  }
  const moved = readHolder(aside);
  if (moved !== null && moved.nonce !== dead.nonce) {
    try {
      linkSync(aside, path);
    } catch {
      // A third one came in between; the loop will look again.
    }
  }
  remove(aside);
}

function readHolder(path: string): Holder | null {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return null;
    throw new Fault('cannot_start', `The lock file ${path} cannot be read (${codeOf(error)}).`, {
      cure: 'Run as the user who owns the data directory.',
      cause: error,
    });
  }
  const unknown: Holder = { nonce: 'unreadable', pid: 0, started: '', place: '', host: 'an unknown host' };
  try {
    return { ...unknown, ...(JSON.parse(text) as Partial<Holder>) };
  } catch {
    return unknown;
  }
}

function occupied(directory: string, holder: Holder | null): Fault {
  const who = holder === null ? '' : ` (process ${holder.pid} on ${holder.host})`;
  return new Fault('cannot_start', `Another Latchkey is using ${directory}${who}.`, {
    cure: 'Stop it first, or choose another directory with LATCHKEY_DATA.',
  });
}

/** When the process started, in a form that only has to be equal for the same process; null when it is gone. */
function startOf(pid: number): string | null {
  if (pid <= 0) return null;
  try {
    if (process.platform === 'linux') {
      const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
      // Fields after the parenthesised name: the 1st is the state, the 20th the start time in ticks since boot.
      const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
      return fields[0] === 'Z' || fields[0] === 'X' ? null : (fields[19] ?? null);
    }
    const started = execFileSync('ps', ['-o', 'lstart=', '-p', String(pid)], { encoding: 'utf8' }).trim();
    return started === '' ? null : started;
  } catch {
    return null;
  }
}

function place(): string {
  if (process.platform !== 'linux') return hostname();
  const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  return `${boot}/${readlinkSync('/proc/self/ns/pid')}`;
}

function modifiedAt(path: string): number {
  try {
    return statSync(path).mtimeMs;
  } catch {
    return 0;
  }
}

function touch(path: string, clock: Clock): void {
  try {
    const now = clock.now();
    utimesSync(path, now, now);
  } catch {
    // The directory was removed under us; the database will say so.
  }
}

function remove(path: string): void {
  try {
    unlinkSync(path);
  } catch {
    // Absent is what we want.
  }
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : 'unknown error';
}
