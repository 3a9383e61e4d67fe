// One refresh per grant and process at a time, however many readers want it; across processes the database lets only one
// arm it, and the others look again until the token has moved.
import type { Clock, Sleep } from '../kernel/clock.ts';
import { errorFields, type Log } from '../kernel/log.ts';
import type { GrantDesk, Target } from './grant-desk.ts';
import type { ProviderAllowance } from './provider-allowance.ts';
import type { GrantReading, Reading } from './reading.ts';
import type { RefreshGate } from './refresh-gate.ts';
import type { RefreshMeter } from './refresh-meter.ts';
import type { RefreshOne } from './refresh-one.ts';
import type { RefreshTimings } from './refresh-timings.ts';

/** A look costs one short statement for all readers of a process; after a second nobody notices a tenth more. */
const quickPollMs = 25;
const slowPollMs = 100;

export type RefreshFlight = {
  /** Answers the credential as it stands after the refresh, ours or another's, or when the reader has waited long enough. */
  readonly fly: (target: Target, before: GrantReading, load: () => Promise<Reading>) => Promise<Reading>;
  /** Begins nothing more and waits for the answers that are under way: they exist nowhere else. */
  readonly drain: () => Promise<void>;
};

export function createRefreshFlight(deps: {
  readonly desk: Pick<GrantDesk, 'providerKeyOf' | 'armOne'>;
  readonly allowance: Pick<ProviderAllowance, 'takeForReader'>;
  readonly clock: Clock;
  readonly sleep: Sleep;
  readonly log: Log;
  readonly gate: Pick<RefreshGate, 'mayArm'>;
  readonly refreshOne: RefreshOne;
  /** Tells those who keep answers that the process ends. */
  readonly hurry: () => void;
  readonly timings: RefreshTimings;
  readonly meter: RefreshMeter;
}): RefreshFlight {
  const { desk, clock, log, gate, timings, sleep } = deps;
  const flights = new Map<string, Promise<void>>();
  let isDraining = false;

  async function refresh(target: Target, before: GrantReading): Promise<void> {
    // Armed by somebody else: there is nothing to do but to wait for him.
    if (isDraining || before.isArmed || !gate.mayArm()) return;
    const providerKey = await desk.providerKeyOf(target);
    // While a provider is down or wants us slower, its grants are not touched: not even armed and given back.
    if (providerKey === null || !(await deps.allowance.takeForReader(providerKey)) || isDraining) return;
    const armed = await desk.armOne(target, before);
    if (armed !== null) await deps.refreshOne(armed);
  }

  /** One of a process looks for all of its readers until the grant has moved, or nobody works on it. */
  async function watch(before: GrantReading, load: () => Promise<Reading>): Promise<void> {
    const sinceMs = clock.monotonicMs();
    for (;;) {
      const { grant } = await load();
      const waitedMs = clock.monotonicMs() - sinceMs;
      if (grant === null || hasMoved(grant, before) || !grant.isArmed || waitedMs >= timings.readerWaitMs)
        return;
      await sleep(waitedMs < 1_000 ? quickPollMs : slowPollMs);
    }
  }

  async function join(target: Target, before: GrantReading, load: () => Promise<Reading>): Promise<void> {
    const key = `${target.tenant}:${target.credentialId}`;
    const known = flights.get(key);
    if (known !== undefined) return await patiently(known);
    const flight = refresh(target, before)
      .then(() => watch(before, load))
      .finally(() => flights.delete(key));
    flights.set(key, flight);
    await patiently(flight);
  }

  // The request goes on when its reader gives up: its answer must be kept.
  async function patiently(flight: Promise<void>): Promise<void> {
    const quiet = flight.catch((error: unknown) => log.warn('a reader’s refresh failed', errorFields(error)));
    await Promise.race([quiet, sleep(timings.readerWaitMs)]);
  }

  return {
    async fly(target, before, load) {
      const sinceMs = clock.monotonicMs();
      for (;;) {
        await join(target, before, load);
        const reading = await load();
        const { grant } = reading;
        const waitedMs = clock.monotonicMs() - sinceMs;
        const isOver = grant === null || hasMoved(grant, before) || !grant.isArmed;
        if (isOver || waitedMs >= timings.readerWaitMs) {
          deps.meter.waited(waitedMs);
          return reading;
        }
      }
    },
    async drain() {
      isDraining = true;
      deps.hurry();
      await Promise.allSettled(flights.values());
    },
  };
}

function hasMoved(grant: GrantReading, before: GrantReading): boolean {
  return grant.tokenNo !== before.tokenNo || grant.consentNo !== before.consentNo;
}
