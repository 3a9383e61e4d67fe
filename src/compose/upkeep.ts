// What is tended by the clock: keys that rotations leave behind, days of grants that nobody asks about any more, and resets
// of passwords whose audit events were cut off.
import { recordPasswordResets } from '../accounts/reset-password.ts';
import { deleteOldGrantDays } from '../credentials/grant-day-store.ts';
import type { Closers } from '../kernel/closers.ts';
import { errorFields, type Log } from '../kernel/log.ts';
import type { Doors } from '../storage/doors.ts';
import { tendRetiredKeys } from '../vault/tend-retired-keys.ts';
import type { createVault } from '../vault/vault.ts';

type Vault = ReturnType<typeof createVault>;

type Tended = { readonly doors: Doors; readonly log: Log; readonly closers: Closers };

export function startUpkeep(ground: Tended & { readonly vault: Vault }): void {
  tendKeys(ground);
  forgetOldDays(ground);
  recordMissedResets(ground);
}

/** Finishes hourly what key rotations leave behind. */
function tendKeys({ doors, vault, log, closers }: Tended & { readonly vault: Vault }): void {
  const tend = () =>
    void tendRetiredKeys({ doors, vault }).catch((error: unknown) =>
      log.warn('tending keys failed', errorFields(error)),
    );
  const timer = setInterval(tend, 3_600_000);
  timer.unref();
  closers.add('key tending', () => clearInterval(timer));
}

/** What `why` tells goes back ninety days; a slice each minute keeps up with a million grants. */
function forgetOldDays({ doors, log, closers }: Tended): void {
  const forget = () =>
    void doors
      .asScheduler((tx) => deleteOldGrantDays(tx, { keptDays: 90, limit: 5_000 }))
      .catch((error: unknown) => log.warn('old days were not forgotten', errorFields(error)));
  const timer = setInterval(forget, 60_000);
  timer.unref();
  closers.add('days of grants', () => clearInterval(timer));
}

/** Those of a process that died between a reset and its events. */
function recordMissedResets({ doors, log, closers }: Tended): void {
  const record = () =>
    void recordPasswordResets(doors).catch((error: unknown) =>
      log.warn('resets of passwords were not recorded yet', errorFields(error)),
    );
  const timer = setInterval(record, 60_000);
  timer.unref();
  closers.add('records of password resets', () => clearInterval(timer));
}
