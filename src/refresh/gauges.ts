// How refreshing stands in the whole installation, at the moment somebody asks. No tenant and no app is named: providers
// are told apart by the key of their catalogue entry, everything else is "other".
import type { Clock } from '../kernel/clock.ts';
import { findProviderEntry } from '../oauth/catalogue/catalogue.ts';
import type { Doors } from '../storage/doors.ts';
import { attemptDeadlineSeconds, productionTimings } from './refresh-timings.ts';
import {
  type RefreshCounts,
  selectPausedProviders,
  selectRefreshCounts,
  selectSoonestExpiries,
} from './scrape-store.ts';

export type Gauges = Omit<RefreshCounts, 'databaseMs'> & {
  /** Of this process's clock against the database's, without the way of the question. */
  readonly clockSkewSeconds: number;
  readonly minSecondsToExpiry: ReadonlyMap<string, number>;
  readonly pausedProviders: ReadonlyMap<string, number>;
};

/** Longer than any attempt takes that somebody works on. */
const armedLongSeconds = 60;

export async function readGauges({
  doors,
  clock,
}: {
  readonly doors: Doors;
  readonly clock: Clock;
}): Promise<Gauges> {
  return await doors.asScheduler(async (tx) => {
    // The first statement pays for the connection; the second one measures.
    const paused = await selectPausedProviders(tx);
    const before = clock.now().getTime();
    const { databaseMs, ...counts } = await selectRefreshCounts(tx, {
      armedSeconds: armedLongSeconds,
      slackSeconds: attemptDeadlineSeconds(productionTimings),
      deadAfterSeconds: productionTimings.deadAfterMs / 1000,
    });
    const after = clock.now().getTime();
    const soonest = new Map<string, number>();
    for (const { providerKey, minSecondsToExpiry } of await selectSoonestExpiries(tx)) {
      const label = providerLabel(providerKey);
      soonest.set(label, Math.min(soonest.get(label) ?? Number.POSITIVE_INFINITY, minSecondsToExpiry));
    }
    const pausedProviders = new Map<string, number>();
    for (const key of paused) {
      const label = providerLabel(key);
      pausedProviders.set(label, (pausedProviders.get(label) ?? 0) + 1);
    }
    return {
      ...counts,
      clockSkewSeconds: skewSeconds(databaseMs, before, after),
      minSecondsToExpiry: soonest,
      pausedProviders,
    };
  });
}

/** What lies between the two looks at our clock is no skew: it may have been the way there or the way back. */
function skewSeconds(databaseMs: number, before: number, after: number): number {
  if (databaseMs < before) return (before - databaseMs) / 1000;
  return databaseMs > after ? (after - databaseMs) / 1000 : 0;
}

/** Bounded by the catalogue: a host that a tenant has typed must not become a label. */
function providerLabel(providerKey: string): string {
  const host = providerKey.split(' ')[0] ?? '';
  return findProviderEntry(`https://${host}/`)?.key ?? 'other';
}
