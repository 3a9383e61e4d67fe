// The machine that keeps tokens fresh: finds what is due, chooses fairly among it, arms and refreshes it, and takes over
// what dead processes left armed. It costs what is due: a sleeping grant is never looked at, and one whose provider is
// down or has said "not so fast" is not touched.
import { type DueGrant, firstLane } from '../credentials/claim-store.ts';
import { type Clock, type Every, systemEvery } from '../kernel/clock.ts';
import { errorFields, type Log } from '../kernel/log.ts';
import type { AnswerKeeper } from './answer-keeper.ts';
import { chooseFairly } from './choose-fairly.ts';
import type { Armed, GrantDesk } from './grant-desk.ts';
import type { Heartbeat } from './heartbeat.ts';
import type { ProviderAllowance } from './provider-allowance.ts';
import type { RefreshGate } from './refresh-gate.ts';
import type { RefreshMeter } from './refresh-meter.ts';
import type { RefreshOne } from './refresh-one.ts';
import type { RefreshTimings } from './refresh-timings.ts';

/** Of this process; each holds a socket and an answer. */
const maxInFlight = 160;
/** Looked at in one round. When all of it is due, one lane may hide the others: then the lanes are walked, too. */
const windowSize = 512;
const laneLimits = { lanes: 64, perLane: 8 } as const;
/** Slots are filled many at a time: a round costs the same for one grant as for forty. */
const fillAt = maxInFlight / 4;
/** What was found and not chosen is good for so long; arming looks again anyway. */
const foundForMs = 1_000;

export type Refresher = {
  readonly start: () => Promise<void>;
  /** Claims nothing more; what was sent goes on. */
  readonly rest: () => void;
  /** Rests, waits for what was sent, and says goodbye. */
  readonly drain: () => Promise<void>;
  /** Takes over, then rounds by hand until nothing is due; answers how many were tried. For tests and operators. */
  readonly runOnce: () => Promise<number>;
};

export type RefresherDeps = {
  readonly desk: GrantDesk;
  readonly allowance: ProviderAllowance;
  readonly keeper: Pick<AnswerKeeper, 'held' | 'replay' | 'hurry' | 'drain'>;
  readonly heartbeat: Heartbeat;
  readonly gate: Pick<RefreshGate, 'mayArm'>;
  readonly refreshOne: RefreshOne;
  readonly clock: Clock;
  readonly every?: Every;
  readonly log: Log;
  readonly timings: RefreshTimings;
  readonly meter: RefreshMeter;
};

export function createRefresher(deps: RefresherDeps): Refresher {
  const { log, heartbeat, timings, keeper, allowance } = deps;
  const rounds = new RefreshRounds(deps);
  const repeat = deps.every ?? systemEvery;
  const beating: (() => void)[] = [];
  const working: (() => void)[] = [];

  function every(stops: (() => void)[], ms: number, work: () => Promise<unknown>): void {
    const guarded = () =>
      void work().catch((error: unknown) => log.warn('background round failed', errorFields(error)));
    stops.push(repeat(ms, guarded));
  }

  async function replay(): Promise<void> {
    const count = await keeper.replay();
    if (count > 0) log.warn('kept answers that an earlier process could not commit', { count });
  }

  /** What lies in the journal must not be asked for again: it goes before anything is taken over. */
  async function recover(): Promise<void> {
    await replay();
    if (heartbeat.isWitness()) await rounds.recover();
  }

  return {
    async start() {
      await heartbeat.beat();
      await heartbeat.forgetSilent();
      every(beating, timings.beatMs, heartbeat.beat);
      await replay();
      every(working, timings.tickMs, () => rounds.claimDue());
      every(working, timings.tickMs, allowance.tell);
      every(working, timings.recoverMs, recover);
    },
    rest: () => rounds.rest(),
    async drain() {
      for (const stop of working.splice(0)) stop();
      keeper.hurry();
      await rounds.drain();
      await keeper.drain();
      for (const stop of beating.splice(0)) stop();
      await heartbeat.end().catch((error: unknown) => log.warn('could not say goodbye', errorFields(error)));
    },
    async runOnce() {
      await heartbeat.beat();
      await replay();
      await rounds.recover();
      return await rounds.claimAll();
    },
  };
}

/** What is under way in this process, and the rounds that add to it. */
class RefreshRounds {
  readonly #deps: RefresherDeps;
  readonly #inFlight = new Set<Promise<unknown>>();
  #lane = firstLane;
  #found: { readonly due: readonly DueGrant[]; readonly atMs: number } = { due: [], atMs: 0 };
  #isDraining = false;
  #onFree: () => void = () => {};
  #round: Promise<number> | null = null;

  constructor(deps: RefresherDeps) {
    this.#deps = deps;
  }

  /** Resolves when nothing more may be sent now. Calls during a round join it. */
  async claimDue(): Promise<number> {
    this.#round ??= this.#claimRounds().finally(() => {
      this.#round = null;
    });
    return await this.#round;
  }

  /** Resolves when nothing that is due may be sent any more and all of it has been tried. */
  async claimAll(): Promise<number> {
    let total = 0;
    for (let claimed = await this.claimDue(); claimed > 0; claimed = await this.claimDue()) {
      total += claimed;
      await Promise.allSettled(this.#inFlight);
    }
    return total;
  }

  async #claimRounds(): Promise<number> {
    let total = 0;
    for (let claimed = await this.#claim(); claimed > 0; claimed = await this.#claim()) {
      total += claimed;
      // A slow provider must not hold back the others: go on as soon as some slots are free.
      await this.#untilFree(fillAt);
    }
    return total;
  }

  async #untilFree(slots: number): Promise<void> {
    while (maxInFlight - this.#inFlight.size < slots) {
      await new Promise<void>((resolve) => {
        this.#onFree = resolve;
      });
    }
  }

  async #claim(): Promise<number> {
    const { desk, gate, allowance } = this.#deps;
    const limit = maxInFlight - this.#inFlight.size;
    if (limit <= 0 || this.#isDraining || !gate.mayArm()) return 0;
    const due = await this.#due(limit);
    if (due.length === 0) return 0;
    await allowance.fetch(countByProvider(due));
    const chosen = chooseFairly(due, { limit, allowed: allowance.available });
    const taken = new Set(chosen);
    this.#found = { ...this.#found, due: due.filter((one) => !taken.has(one)) };
    if (chosen.length === 0 || this.#isDraining || !gate.mayArm()) return 0;
    const armed = await desk.armDue(chosen);
    for (const one of armed) {
      allowance.spend(one.providerKey);
      this.#launch(one);
    }
    return armed.length;
  }

  /** What is left of the last look while it is enough, else a new one. */
  async #due(limit: number): Promise<readonly DueGrant[]> {
    const { clock } = this.#deps;
    const { due, atMs } = this.#found;
    if (due.length >= limit && clock.monotonicMs() - atMs < foundForMs) return due;
    const found = { atMs: clock.monotonicMs(), due: await this.#look() };
    this.#found = found;
    return found.due;
  }

  async #look(): Promise<readonly DueGrant[]> {
    const { desk } = this.#deps;
    const urgent = await desk.dueGrants(windowSize);
    if (urgent.length < windowSize) return urgent;
    const { due, last } = await desk.dueByLane(this.#lane, laneLimits);
    this.#lane = last ?? firstLane;
    const known = new Set(due.map(({ credentialId }) => credentialId));
    return [...due, ...urgent.filter(({ credentialId }) => !known.has(credentialId))];
  }

  #launch(armed: Armed): void {
    const { refreshOne, log } = this.#deps;
    const running = refreshOne(armed)
      .catch((error: unknown) => log.error('a refresh ended unexpectedly', errorFields(error)))
      .finally(() => {
        this.#inFlight.delete(running);
        this.#onFree();
      });
    this.#inFlight.add(running);
  }

  async recover(): Promise<void> {
    const { desk, keeper, log, meter } = this.#deps;
    const taken = await desk.recover(keeper.held());
    if (taken === 0) return;
    meter.tookOver(taken);
    log.warn('took over refreshes that nobody works on', { count: taken });
  }

  rest(): void {
    this.#isDraining = true;
  }

  async drain(): Promise<void> {
    this.rest();
    // A claim that is on its way to the database arms grants.
    await this.#round?.catch(() => {});
    await Promise.allSettled(this.#inFlight);
  }
}

function countByProvider(due: readonly DueGrant[]): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const { providerKey } of due) counts.set(providerKey, (counts.get(providerKey) ?? 0) + 1);
  return counts;
}
