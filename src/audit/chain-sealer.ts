// Gives waiting audit events their links, each second, for all tenants. Any number of processes may run it: a tenant's
// chain is held by one of them at a time.

import type { TenantId } from '../kernel/ids.ts';
import { errorFields, type Log } from '../kernel/log.ts';
import type { Doors } from '../storage/doors.ts';
import { chainWaiting } from './chain.ts';
import { tenantsWithUnchained } from './event-store.ts';

export type ChainSealer = {
  readonly start: () => void;
  /** Chains what is there now; the number of events chained. */
  readonly sealWaiting: () => Promise<number>;
  /** Stops the loop after a last round. */
  readonly drain: () => Promise<void>;
};

const periodMs = 1000;
const tenantsPerRound = 500;

export function createChainSealer(options: { readonly doors: Doors; readonly log: Log }): ChainSealer {
  const { doors, log } = options;
  let timer: NodeJS.Timeout | null = null;
  let running: Promise<unknown> = Promise.resolve();
  let stopped = false;

  const sealWaiting = async (): Promise<number> => {
    const tenants = await doors.asScheduler((tx) => tenantsWithUnchained(tx, tenantsPerRound));
    let chained = 0;
    for (const tenant of tenants as readonly TenantId[]) {
      // Until nothing is left or another process holds the chain.
      for (let count = 1; count > 0; chained += count) {
        count = await doors.withTenant(tenant, (tx) => chainWaiting(tx, tenant));
      }
    }
    return chained;
  };
  const round = async (): Promise<void> => {
    try {
      await sealWaiting();
    } catch (error) {
      log.warn('audit events wait for their chain', errorFields(error));
    }
  };
  const schedule = (): void => {
    timer = setTimeout(() => {
      running = round().finally(() => {
        if (!stopped) schedule();
      });
    }, periodMs);
    timer.unref();
  };
  return {
    start: schedule,
    sealWaiting,
    drain: async () => {
      stopped = true;
      if (timer !== null) clearTimeout(timer);
      await running;
      await round();
    },
  };
}
