// One refresh per grant and process at a time, however many readers want it; across processes the database lets only one
// arm it, and the others look again until the token has moved.
import { setTimeout as sleep } from 'node:timers/promises';
import { armGrant } from '../credentials/grant-store.ts';
import type { Clock } from '../kernel/clock.ts';
import { type CredentialId, newId, type TenantId } from '../kernel/ids.ts';
import { errorFields, type Log } from '../kernel/log.ts';
import type { Doors } from '../storage/doors.ts';
import type { GrantReading, Reading } from './reading.ts';
import type { RefreshGate } from './refresh-gate.ts';
import type { RefreshMeter } from './refresh-meter.ts';
import type { Armed, RefreshResult } from './refresh-one.ts';
import { attemptDeadlineSeconds, productionTimings, type RefreshTimings } from './refresh-timings.ts';

const pollMs = [50, 100, 200, 400] as const;

type Target = { readonly tenant: TenantId; readonly credentialId: CredentialId };

export type RefreshFlight = {
  /** Answers the credential as it stands after the refresh, ours or another's, or when the reader has waited long enough. */
  readonly fly: (target: Target, before: GrantReading, load: () => Promise<Reading>) => Promise<Reading>;
  /** Begins nothing more and waits for the answers that are under way: they exist nowhere else. */
  readonly drain: () => Promise<void>;
};

export function createRefreshFlight(deps: {
  readonly doors: Doors;
  readonly clock: Clock;
  readonly log: Log;
  readonly processId: string;
  readonly gate: Pick<RefreshGate, 'mayArm'>;
  readonly refreshOne: (armed: Armed) => Promise<RefreshResult>;
  readonly timings?: RefreshTimings;
  readonly meter?: RefreshMeter;
}): RefreshFlight {
  const { doors, clock, log, processId, gate, timings = productionTimings } = deps;
  const flights = new Map<string, Promise<void>>();
  let isDraining = false;

  async function refresh({ tenant, credentialId }: Target, before: GrantReading): Promise<void> {
    if (isDraining || !gate.mayArm()) return;
    const attemptId = newId<never>() as string;
    const armedAtMs = clock.monotonicMs();
    const attempt = { attemptId, processId, deadlineSeconds: attemptDeadlineSeconds(timings) };
    const armed = await doors.withTenant(tenant, (tx) => armGrant(tx, credentialId, attempt, before));
    if (armed !== null) await deps.refreshOne({ tenant, credentialId, attemptId, armedAtMs });
  }

  async function join(target: Target, before: GrantReading): Promise<void> {
    const key = `${target.tenant}:${target.credentialId}`;
    const known = flights.get(key);
    if (known !== undefined) return await patiently(known, timings.readerWaitMs, log);
    const flight = refresh(target, before).finally(() => flights.delete(key));
    flights.set(key, flight);
    await patiently(flight, timings.readerWaitMs, log);
  }

  return {
    async fly(target, before, load) {
      const sinceMs = clock.monotonicMs();
      const untilMs = sinceMs + timings.readerWaitMs;
      await join(target, before);
      for (let turn = 0; ; turn += 1) {
        const reading = await load();
        const { grant } = reading;
        const hasMoved =
          grant === null || grant.tokenNo !== before.tokenNo || grant.consentNo !== before.consentNo;
        if (hasMoved || !grant.isArmed || clock.monotonicMs() >= untilMs) {
          deps.meter?.waited(clock.monotonicMs() - sinceMs);
          return reading;
        }
        await sleep(pollMs[Math.min(turn, pollMs.length - 1)] ?? 400);
      }
    },
    async drain() {
      isDraining = true;
      await Promise.allSettled(flights.values());
    },
  };
}

// The request goes on when its reader gives up: its answer must be kept.
async function patiently(flight: Promise<void>, waitMs: number, log: Log): Promise<void> {
  const timeout = new AbortController();
  const quiet = flight.catch((error: unknown) => log.warn('a reader’s refresh failed', errorFields(error)));
  const patience = sleep(waitMs, undefined, { signal: timeout.signal }).catch(() => undefined);
  await Promise.race([quiet, patience]);
  timeout.abort();
}
