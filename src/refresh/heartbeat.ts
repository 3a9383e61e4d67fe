// The sign of life of this process. Others take over its armed attempts only when it is gone; so a process that could not
// give it starts nothing new.
import type { Clock } from '../kernel/clock.ts';
import type { Doors } from '../storage/doors.ts';
import { beat, deleteSilent, markDrained } from './process-store.ts';
import { productionTimings, type RefreshTimings } from './refresh-timings.ts';

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
  readonly timings?: Pick<RefreshTimings, 'fenceMs'>;
}): Heartbeat {
  const { doors, clock, processId: id, build, timings = productionTimings } = deps;
  let beatenAtMs = Number.NEGATIVE_INFINITY;
  return {
    async beat() {
      const startedMs = clock.monotonicMs();
      await doors.asScheduler((tx) => beat(tx, { id, build }));
      beatenAtMs = startedMs;
    },
    isSeen: () => clock.monotonicMs() - beatenAtMs <= timings.fenceMs,
    forgetSilent: () => doors.asScheduler(deleteSilent),
    end: () => doors.asScheduler((tx) => markDrained(tx, id)),
  };
}
