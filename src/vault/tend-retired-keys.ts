// Finishes what rotations of tenant keys leave behind: values that were sealed late with an old key, and old keys that
// nothing needs any more. Run from time to time by the job queue; harmless when there is nothing to do.
import { systemActor } from '../audit/event.ts';
import type { Doors } from '../storage/doors.ts';
import type { Keyring } from './keyring.ts';
import { destroyUnusedKeys, resealTenant, type Sweep } from './rotate-tenant-key.ts';
import { tenantsWithRetiredKeys } from './tenant-key-store.ts';
import type { Vault } from './vault.ts';

export type Tended = Sweep & { readonly tenants: number; readonly destroyedKeys: number };

const tenantsPerBatch = 200;

export async function tendRetiredKeys(options: {
  readonly doors: Doors;
  readonly vault: Vault & { readonly keyring: Keyring };
  /** How long a key must have been retired before it may go. */
  readonly minAgeSeconds?: number;
}): Promise<Tended> {
  let done: Tended = { tenants: 0, resealed: 0, unreadable: 0, destroyedKeys: 0 };
  let after = '00000000-0000-0000-0000-000000000000';
  for (;;) {
    const batch = await options.doors.asScheduler((tx) => tenantsWithRetiredKeys(tx, after, tenantsPerBatch));
    for (const tenant of batch) {
      const sweep = await resealTenant({ ...options, tenant });
      const destroyed = await destroyUnusedKeys({ ...options, tenant, actor: systemActor });
      done = {
        tenants: done.tenants + 1,
        resealed: done.resealed + sweep.resealed,
        unreadable: done.unreadable + sweep.unreadable,
        destroyedKeys: done.destroyedKeys + destroyed.length,
      };
      after = tenant;
    }
    if (batch.length < tenantsPerBatch) return done;
  }
}
