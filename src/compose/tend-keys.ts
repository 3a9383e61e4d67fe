// The hourly care of keys.
import type { Closers } from '../kernel/closers.ts';
import { errorFields, type Log } from '../kernel/log.ts';
import type { Doors } from '../storage/doors.ts';
import type { Keyring } from '../vault/keyring.ts';
import { tendRetiredKeys } from '../vault/tend-retired-keys.ts';
import type { Vault } from '../vault/vault.ts';

/** Finishes hourly what key rotations leave behind. */
export function tendKeys(ground: {
  readonly doors: Doors;
  readonly vault: Vault & { readonly keyring: Keyring };
  readonly log: Log;
  readonly closers: Closers;
}): void {
  const { doors, vault, log, closers } = ground;
  const tend = () =>
    void tendRetiredKeys({ doors, vault }).catch((error: unknown) =>
      log.warn('tending keys failed', errorFields(error)),
    );
  const timer = setInterval(tend, 3_600_000);
  timer.unref();
  closers.add('key tending', () => clearInterval(timer));
}

/** What `why` tells goes back ninety days; a slice each minute keeps up with a million grants. */
function forgetOldDays({ doors, log, closers }: Ground): void {
  const forget = () =>
    void doors
      .asScheduler((tx) => deleteOldGrantDays(tx, { keptDays: 90, limit: 5_000 }))
      .catch((error: unknown) => log.warn('old days were not forgotten', errorFields(error)));
  const timer = setInterval(forget, 60_000);
  timer.unref();
  closers.add('days of grants', () => clearInterval(timer));
}

type Furnished = House & AccountHouse & WhyRooms;
