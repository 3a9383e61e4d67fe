// What a process and its descendants have used, as Linux counts it.
import { readdirSync, readFileSync } from 'node:fs';

export type Memory = {
  /** Resident pages of the process itself. */
  readonly ownRss: number;
  readonly children: number;
  /** Resident pages of all descendants added up: shared ones count in each of them. */
  readonly childrenRss: number;
  /** The same with shared pages split among those who share them; null where the kernel does not tell. */
  readonly childrenPss: number | null;
};

export function memoryOf(pid: number): Memory {
  const descendants = descendantsOf(pid);
  const shares = descendants.map((id) => bytes(id, 'smaps_rollup', 'Pss'));
  return {
    ownRss: bytes(pid, 'status', 'VmRSS') ?? Number.NaN,
    children: descendants.length,
    childrenRss: descendants.reduce((sum, id) => sum + (bytes(id, 'status', 'VmRSS') ?? 0), 0),
    childrenPss: shares.includes(null) ? null : shares.reduce<number>((sum, share) => sum + (share ?? 0), 0),
  };
}

export type CpuSeconds = { readonly own: number; readonly children: number };

export function cpuSecondsOf(pid: number): CpuSeconds {
  return { own: cpuOf(pid), children: descendantsOf(pid).reduce((sum, id) => sum + cpuOf(id), 0) };
}

// USER_HZ, in which /proc tells times, is 100 on every Linux that Node runs on.
const ticksPerSecond = 100;

function cpuOf(id: number): number {
  // The second field, a name in brackets, may hold spaces; utime and stime are the 14th and 15th.
  const fields = (read(id, 'stat') ?? '').replace(/^.*\) /s, '').split(' ');
  return (Number(fields[11] ?? 0) + Number(fields[12] ?? 0)) / ticksPerSecond;
}

function descendantsOf(pid: number): readonly number[] {
  const parents = new Map<number, number>();
  for (const name of readdirSync('/proc')) {
    const parent = /^\d+$/.test(name)
      ? /^PPid:\s+(\d+)/m.exec(read(Number(name), 'status') ?? '')?.[1]
      : undefined;
    if (parent !== undefined) parents.set(Number(name), Number(parent));
  }
  return [...parents.keys()].filter((id) => isBelow(parents, id, pid));
}

function isBelow(parents: ReadonlyMap<number, number>, id: number, pid: number): boolean {
  for (let at = parents.get(id); at !== undefined; at = parents.get(at)) if (at === pid) return true;
  return false;
}

/** The kernel writes kB. */
function bytes(id: number, file: string, name: string): number | null {
  const kilobytes = new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(read(id, file) ?? '')?.[1];
  return kilobytes === undefined ? null : Number(kilobytes) * 1024;
}

/** Null when the process has ended meanwhile, or is not ours to look at. */
function read(id: number, file: string): string | null {
  try {
    return readFileSync(`/proc/${id}/${file}`, 'utf8');
  } catch {
    return null;
  }
}
