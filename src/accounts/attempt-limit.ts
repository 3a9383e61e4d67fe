// How often something may be tried: a sliding window per key, kept in this process. N processes allow N times as much,
// which is still far too little for guessing passwords.
import type { Clock } from '../kernel/clock.ts';
import { Fault } from '../kernel/fault.ts';
import { createRecentlyUsed } from '../kernel/recently-used.ts';

export type AttemptLimit = {
  /** Counts an attempt. Null when it may go on, otherwise the seconds to wait. */
  readonly take: (key: string) => number | null;
  readonly forget: (key: string) => void;
};

// A flood of new keys pushes old ones out; each entry is a handful of numbers.
const maxKeys = 50_000;

export function createAttemptLimit(options: {
  readonly clock: Clock;
  readonly max: number;
  readonly windowMs: number;
}): AttemptLimit {
  const { clock, max, windowMs } = options;
  const attempts = createRecentlyUsed<string, readonly number[]>(maxKeys);
  return {
    take: (key) => {
      const nowMs = clock.monotonicMs();
      const recent = (attempts.get(key) ?? []).filter((atMs) => atMs > nowMs - windowMs);
      const [oldest] = recent;
      // What is refused is not counted: whoever waits as long as told gets through.
      const isAllowed = recent.length < max || oldest === undefined;
      attempts.set(key, isAllowed ? [...recent, nowMs] : recent);
      return isAllowed ? null : Math.max(1, Math.ceil((oldest + windowMs - nowMs) / 1000));
    },
    forget: (key) => {
      attempts.delete(key);
    },
  };
}

/** For what `take` answered. */
export function refuseWhenLimited(waitSeconds: number | null): void {
  if (waitSeconds === null) return;
  throw new Fault('rate_limited', 'Too many attempts.', {
    cure: `Try again in ${waitSeconds} seconds.`,
    retryAfterSeconds: waitSeconds,
  });
}
