// Time comes in as an argument; this is the only file that reads the machine's clock.
import { setTimeout as wait } from 'node:timers/promises';

export type Clock = {
  /** Wall time. */
  readonly now: () => Date;
  /** Milliseconds that never go back; for durations and deadlines. */
  readonly monotonicMs: () => number;
};

export const systemClock: Clock = {
  now: () => new Date(),
  monotonicMs: () => performance.now(),
};

/** Resolves after so many milliseconds. An argument like the clock, so that a simulation can let hours pass in a moment. */
export type Sleep = (ms: number) => Promise<void>;

export const systemSleep: Sleep = async (ms) => {
  await wait(ms);
};
