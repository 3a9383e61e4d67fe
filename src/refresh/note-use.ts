// When a grant was last used, written in batches and apart from the grant: a read must not cost a write.
import type { CredentialId, TenantId } from '../kernel/ids.ts';
import { errorFields, type Log } from '../kernel/log.ts';
import type { Doors } from '../storage/doors.ts';
import { noteUses } from './reading-store.ts';

const periodMs = 5_000;

export type UseNotes = {
  readonly note: (tenant: TenantId, credentialId: CredentialId) => void;
  readonly start: () => void;
  /** Writes what waits and stops. */
  readonly drain: () => Promise<void>;
};

export function createUseNotes(deps: { readonly doors: Doors; readonly log: Log }): UseNotes {
  const used = new Map<TenantId, Set<CredentialId>>();
  let timer: NodeJS.Timeout | null = null;

  async function flush(): Promise<void> {
    for (const [tenant, ids] of [...used]) {
      used.delete(tenant);
      // A lost note of use costs nothing but a little accuracy: it is not retried.
      await deps.doors
        .withTenant(tenant, (tx) => noteUses(tx, [...ids]))
        .catch((error: unknown) => deps.log.warn('uses not noted', errorFields(error)));
    }
  }

  return {
    note(tenant, credentialId) {
      const ids = used.get(tenant);
      if (ids === undefined) used.set(tenant, new Set([credentialId]));
      else ids.add(credentialId);
    },
    start() {
      timer = setInterval(() => void flush(), periodMs);
      timer.unref();
    },
    async drain() {
      if (timer !== null) clearInterval(timer);
      await flush();
    },
  };
}
