// One simulated process as the others see it: it can die, stand still and be cut off from the database. Code in it goes on only
// when a port answers, so holding back the answers is all it takes.
import type { Every, Sleep } from '../../src/kernel/clock.ts';
import { Fault } from '../../src/kernel/fault.ts';
import type { SimClock } from './sim-clock.ts';

/** What befell a process; the judge excuses with it. */
export type Mishap = {
  readonly kind: 'death' | 'pause' | 'cut' | 'trouble';
  readonly fromMs: number;
  toMs: number;
};

export type SimMachine = {
  readonly id: string;
  readonly mishaps: readonly Mishap[];
  readonly isAlive: () => boolean;
  readonly sleep: Sleep;
  readonly every: Every;
  /** Something elsewhere: `effect` happens half-way there, its answer arrives after the other half. */
  readonly call: <T>(ms: number, effect: () => T) => Promise<T>;
  /** The same at the database, which may be away on the way there, or on the way back. */
  readonly query: <T>(effect: () => T) => Promise<T>;
  readonly die: () => void;
  readonly pause: (ms: number) => void;
  readonly cutOff: (ms: number) => void;
  /** The database takes its heartbeats, but nothing that it wants to keep. */
  readonly trouble: (ms: number) => void;
  readonly canKeep: () => boolean;
  /** Hands something to the code in it, now or when it goes on. */
  readonly arrive: (work: () => void) => void;
};

export type SimNetwork = { readonly clock: SimClock; readonly random: () => number; isDatabaseAway: boolean };

const away = () => new Fault('unavailable', 'The database does not answer.');

export function createSimMachine(id: string, network: SimNetwork): SimMachine {
  const { clock, random } = network;
  const mishaps: Mishap[] = [];
  let isAlive = true;
  let pausedUntilMs = 0;
  let cutUntilMs = 0;
  let troubleUntilMs = 0;
  const canReach = () => !network.isDatabaseAway && clock.monotonicMs() >= cutUntilMs;

  function arrive(work: () => void): void {
    if (!isAlive) return;
    if (clock.monotonicMs() < pausedUntilMs) clock.at(pausedUntilMs, () => arrive(work));
    else work();
  }

  function call<T>(ms: number, effect: () => T): Promise<T> {
    return new Promise((resolve, reject) => {
      if (!isAlive) return;
      clock.at(clock.monotonicMs() + ms / 2, () => {
        let answer: () => void;
        try {
          const value = effect();
          answer = () => resolve(value);
        } catch (error) {
          answer = () => reject(error);
        }
        clock.at(clock.monotonicMs() + ms / 2, () => arrive(answer));
      });
    });
  }

  return {
    id,
    mishaps,
    isAlive: () => isAlive,
    arrive,
    call,
    query: async (effect) => {
      const value = await call(2 + 18 * random(), () => {
        if (!canReach()) throw away();
        return effect();
      });
      // Done, and nobody gets to hear of it.
      if (!canReach()) throw away();
      return value;
    },
    sleep: (ms) =>
      new Promise((resolve) => clock.at(clock.monotonicMs() + ms, () => arrive(() => resolve()))),
    every: (ms, work) => {
      let isStopped = false;
      const turn = () =>
        clock.at(clock.monotonicMs() + ms, () => {
          if (isStopped || !isAlive) return;
          arrive(work);
          turn();
        });
      turn();
      return () => {
        isStopped = true;
      };
    },
    die: () => {
      isAlive = false;
      mishaps.push({ kind: 'death', fromMs: clock.monotonicMs(), toMs: Number.POSITIVE_INFINITY });
    },
    pause: (ms) => {
      pausedUntilMs = clock.monotonicMs() + ms;
      mishaps.push({ kind: 'pause', fromMs: clock.monotonicMs(), toMs: pausedUntilMs });
    },
    trouble: (ms) => {
      troubleUntilMs = clock.monotonicMs() + ms;
      mishaps.push({ kind: 'trouble', fromMs: clock.monotonicMs(), toMs: troubleUntilMs });
    },
    canKeep: () => clock.monotonicMs() >= troubleUntilMs,
    cutOff: (ms) => {
      cutUntilMs = clock.monotonicMs() + ms;
      mishaps.push({ kind: 'cut', fromMs: clock.monotonicMs(), toMs: cutUntilMs });
    },
  };
}
