// The machine that keeps tokens fresh: claims what is due, refreshes it, takes over what dead processes left armed.
// It costs O(due): a sleeping grant is never looked at.
import { claimDueGrants, recoverArmedGrants } from '../credentials/grant-store.ts';
import type { Clock } from '../kernel/clock.ts';
import { errorFields, type Log } from '../kernel/log.ts';
import type { Doors } from '../storage/doors.ts';
import type { Heartbeat } from './heartbeat.ts';
import type { RefreshGate } from './refresh-gate.ts';
import { type RefreshMeter, silentRefreshMeter } from './refresh-meter.ts';
import type { Armed, RefreshResult } from './refresh-one.ts';
import { attemptDeadlineSeconds, productionTimings, type RefreshTimings } from './refresh-timings.ts';

const maxInFlight = 50;

export type Refresher = {
  readonly start: () => Promise<void>;
  /** Claims nothing more, waits for what was sent, and says goodbye. */
  readonly drain: () => Promise<void>;
  /** Takes over, then rounds by hand until nothing is due; answers how many were tried. For tests and operators. */
  readonly runOnce: () => Promise<number>;
};

export type RefresherDeps = {
  readonly doors: Doors;
  readonly clock: Clock;
  readonly log: Log;
  readonly processId: string;
  readonly heartbeat: Heartbeat;
  readonly gate: Pick<RefreshGate, 'mayArm'>;
  readonly refreshOne: (armed: Armed) => Promise<RefreshResult>;
  readonly timings?: RefreshTimings;
  readonly meter?: RefreshMeter;
};

export function createRefresher(given: RefresherDeps): Refresher {
  const deps = { timings: productionTimings, meter: silentRefreshMeter, ...given };
  const { log, heartbeat, timings } = deps;
  const desk = new RefreshDesk(deps);
  const beating: NodeJS.Timeout[] = [];
  const working: NodeJS.Timeout[] = [];

  function every(timers: NodeJS.Timeout[], ms: number, work: () => Promise<unknown>): void {
    const guarded = () =>
      void work().catch((error: unknown) => log.warn('background round failed', errorFields(error)));
    const timer = setInterval(guarded, ms);
    timer.unref();
    timers.push(timer);
  }

  return {
    async start() {
      await heartbeat.beat();
      await heartbeat.forgetSilent();
      every(beating, timings.beatMs, heartbeat.beat);
      every(working, timings.tickMs, () => desk.claimDue());
      every(working, timings.recoverMs, async () => {
        if (heartbeat.isWitness()) await desk.recover();
      });
    },
    async drain() {
      for (const timer of working.splice(0)) clearInterval(timer);
      await desk.drain();
      for (const timer of beating.splice(0)) clearInterval(timer);
      await heartbeat.end().catch((error: unknown) => log.warn('could not say goodbye', errorFields(error)));
    },
    async runOnce() {
      await heartbeat.beat();
      await desk.recover();
      return await desk.claimAll();
    },
  };
}

/** What is under way in this process, and the rounds that add to it. */
class RefreshDesk {
  readonly #deps: Required<RefresherDeps>;
  readonly #inFlight = new Set<Promise<unknown>>();
  #isDraining = false;
  #round: Promise<number> | null = null;

  constructor(deps: Required<RefresherDeps>) {
    this.#deps = deps;
  }

  /** Resolves when nothing more is due, or no slot is free for it. Calls during a round join it. */
  async claimDue(): Promise<number> {
    this.#round ??= this.#claimRounds().finally(() => {
      this.#round = null;
    });
    return await this.#round;
  }

  /** Resolves when nothing is due any more and all of it has been tried. */
  async claimAll(): Promise<number> {
    const total = await this.claimDue();
    await Promise.allSettled(this.#inFlight);
    return total;
  }

  async #claimRounds(): Promise<number> {
    let total = 0;
    for (let claimed = await this.#claim(); claimed > 0; claimed = await this.#claim()) {
      total += claimed;
      // A slow provider must not hold back the others: go on as soon as one slot is free.
      if (this.#inFlight.size >= maxInFlight) await Promise.race(this.#inFlight);
    }
    return total;
  }

  async #claim(): Promise<number> {
    const { doors, clock, gate, processId, timings } = this.#deps;
    const limit = maxInFlight - this.#inFlight.size;
    if (limit <= 0 || this.#isDraining || !gate.mayArm()) return 0;
    const armedAtMs = clock.monotonicMs();
    const claimed = await doors.asScheduler((tx) =>
      claimDueGrants(tx, { processId, deadlineSeconds: attemptDeadlineSeconds(timings), limit }),
    );
    for (const { tenantId, credentialId, attemptId } of claimed) {
      this.#launch({ tenant: tenantId, credentialId, attemptId, armedAtMs });
    }
    return claimed.length;
  }

  #launch(armed: Armed): void {
    const { refreshOne, log } = this.#deps;
    const running = refreshOne(armed)
      .catch((error: unknown) => log.error('a refresh ended unexpectedly', errorFields(error)))
      .finally(() => this.#inFlight.delete(running));
    this.#inFlight.add(running);
  }

  async recover(): Promise<void> {
    const { doors, log, processId, timings } = this.#deps;
    const by = {
      processId,
      settleSeconds: timings.settleMs / 1000,
      heartbeatSeconds: timings.deadAfterMs / 1000,
      ownAfterSeconds: timings.ownAfterMs / 1000,
      spreadSeconds: timings.takeOverSpreadMs / 1000,
    };
    const taken = await doors.asScheduler((tx) => recoverArmedGrants(tx, by));
    if (taken === 0) return;
    this.#deps.meter.tookOver(taken);
    log.warn('took over refreshes that nobody works on', { count: taken });
  }

  async drain(): Promise<void> {
    this.#isDraining = true;
    await Promise.allSettled(this.#inFlight);
  }
}
