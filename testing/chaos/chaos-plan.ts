// What a chaos run does: its size, its seed, and times so short that a take-over fits into seconds. The relations between the
// times are those of production: settle after the deadline, fence before death, death before take-over.
import { productionTimings, type RefreshTimings } from '../../src/refresh/refresh-timings.ts';

export type ChaosPlan = {
  readonly seed: number;
  readonly kills: number;
  readonly processes: number;
  /** At each of the three kinds of provider. */
  readonly grantsEach: number;
  readonly readersEach: number;
  readonly lifeSeconds: number;
  readonly say: (line: string) => void;
};

export const defaultPlan: Omit<ChaosPlan, 'seed' | 'say'> = {
  kills: 20,
  processes: 3,
  grantsEach: 20,
  readersEach: 3,
  lifeSeconds: 10,
};

export const chaosTimings: RefreshTimings = {
  ...productionTimings,
  sendDeadlineMs: 2_000,
  startSlackMs: 1_000,
  minSendMs: 50,
  settleMs: 1_000,
  beatMs: 300,
  fenceMs: 2_500,
  deadAfterMs: 4_000,
  ownAfterMs: 20_000,
  tickMs: 100,
  recoverMs: 250,
  takeOverSpreadMs: 200,
  readerWaitMs: 3_000,
  retryStepsMs: [300, 600, 1_000],
  suspectMs: { least: 300, most: 600 },
  clientProbeMs: 1_000,
  troubleMs: 500,
  commitStepsMs: [50, 100, 200, 400, 800, 1_500, 1_500, 1_500, 1_500, 1_500],
};

/** From arming until another process may send again. */
export const takeOverMs = Math.max(
  chaosTimings.sendDeadlineMs + chaosTimings.startSlackMs + chaosTimings.settleMs,
  chaosTimings.deadAfterMs,
);

/** The same numbers for the same seed (mulberry32). */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
