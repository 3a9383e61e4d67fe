// The sign of life of this process. Others take over its armed attempts only when it is gone; so a process that could not
// give it starts nothing new.
import type { Clock } from '../kernel/clock.ts';
import type { Doors } from '../storage/doors.ts';
import { beat, deleteSilent, markDrained } from './process-store.ts';

export const beatMs = 3_000;
/** An owner that has not beaten for this long counts as dead (and its deadline + 10 s must have passed). */
export const deadAfterSeconds = 15;
/** Without a beat of our own for this long we start nothing: others may be about to take over. */
const fenceMs = 10_000;

export type Heartbeat = {
  readonly beat: () => Promise<void>;
  /** True while others can see that we live. */
  readonly isSeen: () => boolean;
  readonly forgetSilent: () => Promise<void>;
  /** Says goodbye: what we hold armed may be taken over at once. */
  readonly end: () => Promise<void>;
};

export function createHeartbeat(deps: {
  readonly doors: Doors;
  readonly clock: Clock;
  readonly processId: string;
  readonly build: string;
}): Heartbeat {
  const { doors, clock, processId: id, build } = deps;
  let beatenAtMs = Number.NEGATIVE_INFINITY;
  return {
    async beat() {
      const startedMs = clock.monotonicMs();
      await doors.asScheduler((tx) => beat(tx, { id, build }));
      beatenAtMs = startedMs;
    },
    isSeen: () => clock.monotonicMs() - beatenAtMs <= fenceMs,
    forgetSilent: () => doors.asScheduler(deleteSilent),
    end: () => doors.asScheduler((tx) => markDrained(tx, id)),
  };
}
