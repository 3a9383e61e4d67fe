// What is tended by the clock: keys that rotations leave behind, and days of grants that nobody asks about any more.
import { deleteOldGrantDays } from '../credentials/grant-day-store.ts';
import type { Closers } from '../kernel/closers.ts';
import { errorFields, type Log } from '../kernel/log.ts';
import type { Doors } from '../storage/doors.ts';
import { tendRetiredKeys } from '../vault/tend-retired-keys.ts';
import type { createVault } from '../vault/vault.ts';

type Vault = ReturnType<typeof createVault>;

type Tended = { readonly doors: Doors; readonly log: Log; readonly closers: Closers };

/** Finishes hourly what key rotations leave behind. */
export function tendKeys({ doors, vault, log, closers }: Tended & { readonly vault: Vault }): void {
  const tend = () =>
    void tendRetiredKeys({ doors, vault }).catch((error: unknown) =>
      log.warn('tending keys failed', errorFields(error)),
    );
  const timer = setInterval(tend, 3_600_000);
  timer.unref();
  closers.add('key tending', () => clearInterval(timer));
}

/** What `why` tells goes back ninety days; a slice each minute keeps up with a million grants. */
export function forgetOldDays({ doors, log, closers }: Tended): void {
  const forget = () =>
    void doors
      .asScheduler((tx) => deleteOldGrantDays(tx, { keptDays: 90, limit: 5_000 }))
      .catch((error: unknown) => log.warn('old days were not forgotten', errorFields(error)));
  const timer = setInterval(forget, 60_000);
  timer.unref();
  closers.add('days of grants', () => clearInterval(timer));
}
