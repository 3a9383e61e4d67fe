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

/** Does `work` again and again until the answer is called. */
export type Every = (ms: number, work: () => void) => () => void;

export const systemEvery: Every = (ms, work) => {
  const timer = setInterval(work, ms);
  timer.unref();
  return () => clearInterval(timer);
};

/** Resolves after so many milliseconds. An argument like the clock, so that a simulation can let hours pass in a moment. */
export type Sleep = (ms: number) => Promise<void>;

export const systemSleep: Sleep = async (ms) => {
  await wait(ms);
};
