// The schedule of blows, drawn from the seed: which, at whom, for how long. What is drawn does not depend on what happens, so
// the same seed gives the same schedule; the machine decides what each blow hits, and a blow at a paused process is left out.
import { setTimeout as sleep } from 'node:timers/promises';
import type { Emulator } from '../../providers/emulator.ts';
import type { FreshDatabase } from '../copied-database.ts';
import type { Crew } from './chaos-crew.ts';
import { crashDatabase } from './chaos-database.ts';
import { type ChaosPlan, takeOverMs } from './chaos-plan.ts';

export type Storm = {
  readonly counts: Readonly<Record<string, number>>;
  readonly crashesMs: readonly number[];
};

/** Fit between a heart's beat and its fence, and well beyond a take-over. */
const shortPauseMs = [100, 700] as const;
const longPauseMs = [takeOverMs + 300, takeOverMs + 1_500] as const;
const outageMs = [400, 1_500] as const;
const gapMs = [500, 1_800] as const;
const killShare = 0.5;
const kinds = [
  'kill',
  'shortPause',
  'longPause',
  'databaseCrash',
  'outage',
  'resets',
  'lostAnswers',
  'throttle',
] as const;

export async function rage(options: {
  readonly plan: ChaosPlan;
  readonly crew: Crew;
  readonly emulators: readonly Emulator[];
  readonly database: FreshDatabase;
  readonly random: () => number;
}): Promise<Storm> {
  const { plan, crew, emulators, database, random } = options;
  const counts: Record<string, number> = {};
  const crashesMs: number[] = [];
  const pending = new Set<Promise<void>>();
  const later = (work: Promise<void>): void => {
    pending.add(work);
    void work.finally(() => pending.delete(work));
  };

  async function pauseFor(slot: number, ms: number): Promise<void> {
    crew.pause(slot);
    await sleep(ms);
    crew.resume(slot);
  }
  async function outageFor(emulator: Emulator, kind: 'unavailable' | 'reset', ms: number): Promise<void> {
    emulator.adjust({ outage: kind });
    await sleep(ms);
    emulator.adjust({ outage: 'none' });
  }
  const strike: Record<(typeof kinds)[number], (drawn: Drawn) => void | Promise<void>> = {
    kill: ({ slot }) => crew.kill(slot),
    shortPause: ({ slot, share }) => later(pauseFor(slot, between(shortPauseMs, share))),
    longPause: ({ slot, share }) => later(pauseFor(slot, between(longPauseMs, share))),
    databaseCrash: async () => {
      crashesMs.push(Date.now());
      await crashDatabase(database);
    },
    outage: ({ provider, share }) => later(outageFor(provider, 'unavailable', between(outageMs, share))),
    resets: ({ provider, share }) => later(outageFor(provider, 'reset', between(outageMs, share))),
    lostAnswers: ({ provider }) =>
      provider.schedule([{ fault: 'reset', when: 'after', on: 'refresh', times: 2 }]),
    throttle: ({ provider }) =>
      provider.schedule([{ fault: 'rate_limited', retryAfter: 1, on: 'refresh', times: 2 }]),
  };

  for (let kills = 0; kills < plan.kills; ) {
    const kind = random() < killShare ? 'kill' : oneOf(kinds, random());
    const slot = Math.floor(random() * plan.processes);
    const drawn = { slot, provider: oneOf(emulators, random()), share: random() };
    const wait = between(gapMs, random());
    // A paused process is left alone until it goes on: one blow at a time for each.
    if (!crew.isPaused(slot)) {
      await strike[kind](drawn);
      counts[kind] = (counts[kind] ?? 0) + 1;
      if (kind === 'kill') kills += 1;
    }
    await sleep(wait);
  }
  await Promise.all(pending);
  return { counts, crashesMs };
}

/** What was drawn for one blow; `share` in [0, 1) is how long it lasts, within its bounds. */
type Drawn = { readonly slot: number; readonly provider: Emulator; readonly share: number };

const between = ([from, to]: readonly [number, number], share: number) => from + (to - from) * share;

function oneOf<T>(list: readonly T[], share: number): T {
  const found = list[Math.floor(share * list.length)];
  if (found === undefined) throw new Error('there is nothing to choose from');
  return found;
}
