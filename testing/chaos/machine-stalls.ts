// When the machine had other things to do: outside evidence of a machine that is too busy for the times of a test. Four witnesses:
// the kernel, of how long each process was ready to run and did not; a clock in the judge's own process, where the providers
// live, too; a disk that is asked to keep a page; and a database that is asked to keep a row.
import { open, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';

/** Null = it held up everybody. */
export type Stall = { readonly name: string | null; readonly fromMs: number; readonly toMs: number };

type Watched = { readonly name: string; readonly pid: number | undefined };

const everyMs = 100;
/** What the clock, the disk or the database takes longer than this is no everyday matter. */
const everydayMs = 100;

export type StallWatch = {
  /** Grows. */
  readonly stalls: readonly Stall[];
  readonly end: () => Promise<void>;
};

export function watchStalls(watched: {
  readonly processes: () => readonly Watched[];
  readonly folder: string;
  readonly database: pg.ClientConfig;
}): StallWatch {
  const stalls: Stall[] = [];
  const ending = new AbortController();
  const { signal } = ending;
  const note = (stall: Stall): void => void stalls.push(stall);
  const noteLong = (fromMs: number, usualMs: number): void => {
    const toMs = Date.now();
    if (toMs - fromMs > usualMs + everydayMs) note({ name: null, fromMs: fromMs + usualMs, toMs });
  };
  const witnesses = [
    askKernel(watched.processes, note, signal),
    askClock(noteLong, signal),
    askDisk(watched.folder, noteLong, signal),
    askDatabase(watched.database, noteLong, signal),
  ];
  return {
    stalls,
    end: async () => {
      ending.abort();
      await Promise.all(witnesses);
    },
  };
}

/** Milliseconds of a time in which one of these processes, or everybody, was held up. */
export function stalledMs(
  stalls: readonly Stall[],
  { name, fromMs, toMs }: { readonly name: string | null; readonly fromMs: number; readonly toMs: number },
): number {
  const met = stalls
    .filter((stall) => stall.name === null || stall.name === name)
    .filter((stall) => stall.fromMs < toMs && stall.toMs > fromMs)
    .sort((one, other) => one.fromMs - other.fromMs);
  let sum = 0;
  let countedToMs = fromMs;
  for (const stall of met) {
    const end = Math.min(stall.toMs, toMs);
    sum += Math.max(0, end - Math.max(stall.fromMs, countedToMs));
    countedToMs = Math.max(countedToMs, end);
  }
  return sum;
}

type NoteLong = (fromMs: number, usualMs: number) => void;

/** False once it is over. */
const pause = (signal: AbortSignal): Promise<boolean> => sleep(everyMs, true, { signal }).catch(() => false);

async function askKernel(
  processes: () => readonly Watched[],
  note: (stall: Stall) => void,
  signal: AbortSignal,
): Promise<void> {
  const known = new Map<string, number>();
  while (await pause(signal)) {
    for (const { name, pid } of processes()) {
      const total = await waitedMsOf(pid);
      const waitedMs = total - (known.get(name) ?? 0);
      if (!(waitedMs > 0)) continue;
      known.set(name, total);
      const toMs = Date.now();
      note({ name, fromMs: toMs - waitedMs, toMs });
    }
  }
}

/** Since its start. Linux counts for each main thread how long it ran and how long it was kept from running, in nanoseconds. */
async function waitedMsOf(pid: number | undefined): Promise<number> {
  const counted = await readFile(`/proc/${pid}/schedstat`, 'utf8').catch(() => '');
  return Number(counted.split(' ')[1]) / 1e6;
}

async function askClock(noteLong: NoteLong, signal: AbortSignal): Promise<void> {
  for (let fromMs = Date.now(); await pause(signal); fromMs = Date.now()) noteLong(fromMs, everyMs);
}

async function askDisk(folder: string, noteLong: NoteLong, signal: AbortSignal): Promise<void> {
  await using file = await open(join(folder, 'witness'), 'w');
  const page = Buffer.alloc(4_096, 1);
  while (await pause(signal)) {
    const fromMs = Date.now();
    await file.write(page, 0, page.length, 0);
    await file.datasync();
    noteLong(fromMs, 0);
  }
}

/** A session that ends, since the database was crashed on purpose, is begun again and says nothing about the time between. */
async function askDatabase(login: pg.ClientConfig, noteLong: NoteLong, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    const client = new pg.Client(login);
    client.on('error', () => {});
    try {
      await client.connect();
      await client.query('create table if not exists chaos_witness (id int primary key, looks int not null)');
      await client.query('insert into chaos_witness values (1, 0) on conflict do nothing');
      while (await pause(signal)) {
        const fromMs = Date.now();
        await client.query('update chaos_witness set looks = looks + 1');
        noteLong(fromMs, 0);
      }
    } catch {
      await pause(signal);
    } finally {
      await client.end().catch(() => {});
    }
  }
}
