// How long processes were ready to run and did not, because the machine had other things to do: outside evidence of a machine that
// is too busy for the times of a test.
import { readFile } from 'node:fs/promises';

/** In the time before `atMs`. */
export type Wait = { readonly name: string; readonly atMs: number; readonly waitedMs: number };

type Watched = { readonly name: string; readonly pid: number | undefined };

const everyMs = 100;

export function watchWaits(watched: () => readonly Watched[]): {
  /** Grows; stays empty where the kernel does not count. */
  readonly waits: readonly Wait[];
  readonly end: () => void;
} {
  const waits: Wait[] = [];
  const known = new Map<string, number>();
  const note = async ({ name, pid }: Watched): Promise<void> => {
    const total = await waitedMsOf(pid);
    const waitedMs = total - (known.get(name) ?? 0);
    if (!(waitedMs > 0)) return;
    known.set(name, total);
    waits.push({ name, atMs: Date.now(), waitedMs });
  };
  const timer = setInterval(() => {
    for (const one of watched()) void note(one);
  }, everyMs);
  return { waits, end: () => clearInterval(timer) };
}

/** Since its start. Linux counts for each main thread how long it ran and how long it was kept from running, in nanoseconds. */
async function waitedMsOf(pid: number | undefined): Promise<number> {
  const counted = await readFile(`/proc/${pid}/schedstat`, 'utf8').catch(() => '');
  return Number(counted.split(' ')[1]) / 1e6;
}
