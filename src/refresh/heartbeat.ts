// The sign of life of this process. Others take over its armed attempts only when it is gone; so a process that could not
// give it starts nothing new.
import type { Clock } from '../kernel/clock.ts';
import type { Doors, Tx } from '../storage/doors.ts';
import { beat, deleteSilent, markDrained } from './process-store.ts';
import { productionTimings, type RefreshTimings } from './refresh-timings.ts';

/** Looks at the database in the transaction of a beat, before it; `settle` is called once the beat is committed. */
export type BeatWatch = (
  tx: Tx,
  processId: string,
) => Promise<{
  /** The take-over number under which this process calls the database confirmed. */
  readonly vouchesFor: number | null;
  /** With the heartbeat's time, by the database's clock. */
  readonly settle: (beatMs: number) => void;
}>;

const watchNothing: BeatWatch = async () => ({ vouchesFor: null, settle: () => {} });

export type Heartbeat = {
  readonly beat: () => Promise<void>;
  /** True while others can see that we live. */
  readonly isSeen: () => boolean;
  /**
   * True when this process has beaten without a gap for as long as others take to count as dead. Only then does their silence
   * mean something: after an outage of the database everybody has been silent, and whoever holds an answer lives.
   */
  readonly isWitness: () => boolean;
  readonly forgetSilent: () => Promise<void>;
  /** Says goodbye, after the beats that are under way; there are none afterwards. What we hold armed may be taken over at once. */
  readonly end: () => Promise<void>;
};

export type Pulse = Pick<Heartbeat, 'isSeen' | 'isWitness'> & {
  /** A beat that was begun then has reached the database. */
  readonly beaten: (startedMs: number) => void;
};

export function createPulse(
  clock: Pick<Clock, 'monotonicMs'>,
  timings: Pick<RefreshTimings, 'fenceMs' | 'deadAfterMs'>,
): Pulse {
  let beatenAtMs = Number.NEGATIVE_INFINITY;
  let steadySinceMs = Number.POSITIVE_INFINITY;
  const isSeen = () => clock.monotonicMs() - beatenAtMs <= timings.fenceMs;
  return {
    beaten: (startedMs) => {
      if (startedMs - beatenAtMs > timings.fenceMs) steadySinceMs = startedMs;
      beatenAtMs = startedMs;
    },
    isSeen,
    isWitness: () => isSeen() && clock.monotonicMs() - steadySinceMs >= timings.deadAfterMs,
  };
}

export function createHeartbeat(deps: {
  readonly doors: Doors;
  readonly clock: Clock;
  readonly processId: string;
  readonly build: string;
  readonly watch?: BeatWatch;
  readonly timings?: Pick<RefreshTimings, 'fenceMs' | 'deadAfterMs'>;
}): Heartbeat {
  const { doors, clock, processId: id, build, watch = watchNothing, timings = productionTimings } = deps;
  const pulse = createPulse(clock, timings);
  const running = new Set<Promise<void>>();
  let hasEnded = false;

  async function beatOnce(): Promise<void> {
    const startedMs = clock.monotonicMs();
    const { beatMs, settle } = await doors.asScheduler(async (tx) => {
      const { vouchesFor, settle } = await watch(tx, id);
      return { beatMs: await beat(tx, { id, build, vouchesFor }), settle };
    });
    if (beatMs === null) return;
    settle(beatMs);
    pulse.beaten(startedMs);
  }

  return {
    async beat() {
      if (hasEnded) return;
      const work = beatOnce().finally(() => running.delete(work));
      running.add(work);
      await work;
    },
    isSeen: pulse.isSeen,
    isWitness: pulse.isWitness,
    forgetSilent: () => doors.asScheduler(deleteSilent),
    async end() {
      hasEnded = true;
      // One that came after the goodbye would find its own row gone back, and take this database for a copy.
      await Promise.allSettled(running);
      await doors.asScheduler((tx) => markDrained(tx, id));
    },
  };
}
