// A server that outlived its Latchkey (kill -9) still owns the files. It is found by what it does, not by what a
// stale pid file says, and stopped before the next server starts on the same files.
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, readlinkSync, realpathSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Fault } from '../kernel/fault.ts';

/** Stops every server process on these files, gently first, and removes the pid file that none of them needs. */
export async function stopOrphans(cluster: string): Promise<void> {
  const steps: readonly (readonly [NodeJS.Signals, number])[] = [
    // To the postmaster: fast shutdown with a checkpoint, then an immediate one, which recovers from the WAL.
    ['SIGINT', 15_000],
    ['SIGQUIT', 5_000],
    ['SIGKILL', 5_000],
  ];
  for (const [signal, waitMs] of steps) {
    const pids = serversOf(cluster);
    if (pids.length === 0) break;
    const postmaster = postmasterPid(cluster);
    const gentle = signal === 'SIGINT' && postmaster !== null && pids.includes(postmaster);
    for (const pid of gentle ? [postmaster] : pids) send(pid, signal);
    await untilGone(cluster, waitMs);
  }
  if (serversOf(cluster).length > 0) {
    throw new Fault('cannot_start', `A PostgreSQL process is still using ${cluster}.`, {
      cure: 'Stop it first.',
    });
  }
  // PostgreSQL would refuse when the pid in it now belongs to another process of this user.
  rmSync(join(cluster, 'postmaster.pid'), { force: true });
}

async function untilGone(cluster: string, waitMs: number): Promise<void> {
  const pollMs = 20;
  for (let waited = 0; waited < waitMs; waited += pollMs) {
    if (serversOf(cluster).length === 0) return;
    await sleep(pollMs);
  }
}

/** The postmaster and its children: all of them have the cluster as their working directory. */
function serversOf(cluster: string): readonly number[] {
  if (process.platform !== 'linux') return livePostmaster(cluster);
  let home: string;
  try {
    home = realpathSync(cluster);
  } catch {
    return [];
  }
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      try {
        return (
          readlinkSync(`/proc/${pid}/cwd`) === home &&
          readFileSync(`/proc/${pid}/comm`, 'utf8').trim() === 'postgres'
        );
      } catch {
        return false; // Gone, or another user's.
      }
    })
    .map(Number);
}

function livePostmaster(cluster: string): readonly number[] {
  const pid = postmasterPid(cluster);
  if (pid === null) return [];
  const command = spawnSync('ps', ['-o', 'command=', '-p', String(pid)], { encoding: 'utf8' }).stdout;
  return command.includes(cluster) ? [pid] : [];
}

function postmasterPid(cluster: string): number | null {
  try {
    const pid = Number(readFileSync(join(cluster, 'postmaster.pid'), 'utf8').split('\n')[0]);
    return Number.isInteger(pid) && pid > 1 ? pid : null;
  } catch {
    return null;
  }
}

function send(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // It ended by itself.
  }
}
