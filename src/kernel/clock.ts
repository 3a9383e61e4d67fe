// Time comes in as an argument; this is the only file that reads the machine's clock.

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
