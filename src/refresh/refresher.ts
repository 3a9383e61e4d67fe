// The machine that keeps tokens fresh: claims what is due, refreshes it, takes over what dead processes left armed.
// It costs O(due): a sleeping grant is never looked at.
import { claimDueGrants, recoverArmedGrants } from '../credentials/grant-store.ts';
import type { Clock } from '../kernel/clock.ts';
import { errorFields, type Log } from '../kernel/log.ts';
import type { Doors } from '../storage/doors.ts';
import { beat, deleteSilent, markDrained } from './process-store.ts';
import { type Armed, attemptDeadlineSeconds, type RefreshResult } from './refresh-one.ts';

const tickMs = 1_000;
const beatMs = 3_000;
const recoverMs = 5_000;
/** An owner that has not beaten for this long counts as dead (with its deadline + 10 s passed). */
const deadAfterSeconds = 15;
/** Without a beat of our own for this long we start nothing: others may be about to take over. */
const fenceMs = 10_000;
const maxInFlight = 50;

export type Refresher = {
  readonly start: () => Promise<void>;
  /** Claims nothing more, waits for what was sent, and says goodbye. */
  readonly drain: () => Promise<void>;
  /** One round by hand: resolves when everything that was due has been tried. For tests and operators. */
  readonly runOnce: () => Promise<number>;
};

export function createRefresher(deps: {
  readonly doors: Doors;
  readonly clock: Clock;
  readonly log: Log;
  readonly processId: string;
  readonly build: string;
  readonly refreshOne: (armed: Armed) => Promise<RefreshResult>;
}): Refresher {
  const { doors, clock, log, processId, build } = deps;
  const inFlight = new Set<Promise<unknown>>();
  const timers: NodeJS.Timeout[] = [];
  let beatenAtMs = Number.NEGATIVE_INFINITY;
  let isDraining = false;
  let isTicking = false;

  async function pulse(): Promise<void> {
    const startedMs = clock.monotonicMs();
    await doors.asScheduler((tx) => beat(tx, { id: processId, build }));
    beatenAtMs = startedMs;
  }

  function launch(armed: Armed): void {
    const running = deps
      .refreshOne(armed)
      .catch((error: unknown) => log.error('a refresh ended unexpectedly', errorFields(error)))
      .finally(() => inFlight.delete(running));
    inFlight.add(running);
  }

  async function claim(): Promise<number> {
    const free = maxInFlight - inFlight.size;
    if (free <= 0 || isDraining || clock.monotonicMs() - beatenAtMs > fenceMs) return 0;
    const armedAtMs = clock.monotonicMs();
    const claimed = await doors.asScheduler((tx) =>
      claimDueGrants(tx, { processId, deadlineSeconds: attemptDeadlineSeconds, limit: free }),
    );
    for (const row of claimed) {
      launch({ tenant: row.tenantId, credentialId: row.credentialId, attemptId: row.attemptId, armedAtMs });
    }
    return claimed.length;
  }

  async function tick(): Promise<void> {
    if (isTicking) return;
    isTicking = true;
    try {
      // A full batch means that more is due: go on as slots become free.
      while ((await claim()) > 0 && inFlight.size > 0) await Promise.race(inFlight);
    } finally {
      isTicking = false;
    }
  }

  async function recover(): Promise<void> {
    const taken = await doors.asScheduler((tx) => recoverArmedGrants(tx, deadAfterSeconds));
    if (taken > 0) log.warn('took over refreshes of a dead process', { count: taken });
  }

  function every(ms: number, work: () => Promise<unknown>): void {
    const guarded = () =>
      void work().catch((error: unknown) => log.warn('background round failed', errorFields(error)));
    const timer = setInterval(guarded, ms);
    timer.unref();
    timers.push(timer);
  }

  return {
    async start() {
      await pulse();
      await doors.asScheduler(deleteSilent);
      every(beatMs, pulse);
      every(tickMs, tick);
      every(recoverMs, recover);
      await recover();
    },
    async drain() {
      isDraining = true;
      for (const timer of timers.splice(1)) clearInterval(timer);
      await Promise.allSettled(inFlight);
      for (const timer of timers.splice(0)) clearInterval(timer);
      await doors
        .asScheduler((tx) => markDrained(tx, processId))
        .catch((error: unknown) => log.warn('could not say goodbye', errorFields(error)));
    },
    async runOnce() {
      await pulse();
      let total = 0;
      for (let claimed = await claim(); claimed > 0; claimed = await claim()) {
        total += claimed;
        await Promise.allSettled(inFlight);
      }
      await Promise.allSettled(inFlight);
      return total;
    },
  };
}
