// What is tended by the clock: keys that rotations leave behind, days of grants that nobody asks about any more, and resets
// of passwords whose audit events were cut off.
import { recordPasswordResets } from '../accounts/reset-password.ts';
import { deleteOldGrantDays } from '../credentials/grant-day-store.ts';
import type { Closers } from '../kernel/closers.ts';
import { errorFields, type Log } from '../kernel/log.ts';
import type { Doors } from '../storage/doors.ts';
import { tendRetiredKeys } from '../vault/tend-retired-keys.ts';
import type { createVault } from '../vault/vault.ts';

type Ground = {
  readonly doors: Doors;
  readonly vault: ReturnType<typeof createVault>;
  readonly log: Log;
  readonly closers: Closers;
};

export function startUpkeep({ doors, vault, log, closers }: Ground): void {
  const regularly = (name: string, everyMs: number, work: () => Promise<unknown>): void => {
    const attempt = () =>
      void work().catch((error: unknown) =>
        log.warn(`${name}: failed, and is tried again`, errorFields(error)),
      );
    const timer = setInterval(attempt, everyMs);
    timer.unref();
    closers.add(name, () => clearInterval(timer));
  };
  regularly('tending retired keys', 3_600_000, () => tendRetiredKeys({ doors, vault }));
  // What `why` tells goes back ninety days; a slice each minute keeps up with a million grants.
  regularly('forgetting old days of grants', 60_000, () =>
    doors.asScheduler((tx) => deleteOldGrantDays(tx, { keptDays: 90, limit: 5_000 })),
  );
  // Those of a process that died between a reset and its events.
  regularly('recording resets of passwords', 60_000, () => recordPasswordResets(doors));
}
