// When a grant was last used, to some minutes, written in batches and apart from the grant: a read must not cost a write.
import type { CredentialId, TenantId } from '../kernel/ids.ts';
import { errorFields, type Log } from '../kernel/log.ts';
import type { Doors } from '../storage/doors.ts';
import { noteUses } from './reading-store.ts';

const flushEveryMs = 5_000;
/** A credential is noted once in this time, however often it is read: writing each second would cost as much as reading. */
const noteAgainAfterMs = 600_000;
/** Some 10 MB. */
const maxRemembered = 100_000;
/** Short transactions, between which readers get their turn. */
const maxNotedAtOnce = 500;

export type UseNotes = {
  readonly note: (tenant: TenantId, credentialId: CredentialId) => void;
  readonly start: () => void;
  /** Writes what waits and stops. */
  readonly drain: () => Promise<void>;
};

export function createUseNotes(deps: { readonly doors: Doors; readonly log: Log }): UseNotes {
  const waiting = new Map<TenantId, CredentialId[]>();
  const noted = new Set<CredentialId>();
  const timers: NodeJS.Timeout[] = [];
  let flushing: Promise<void> = Promise.resolve();

  async function writeAll(): Promise<void> {
    const taken = [...waiting];
    waiting.clear();
    for (const [tenant, ids] of taken) {
      for (let at = 0; at < ids.length; at += maxNotedAtOnce) {
        // A lost note of use costs nothing but a little accuracy: it is not retried.
        await deps.doors
          .withTenant(tenant, (tx) => noteUses(tx, ids.slice(at, at + maxNotedAtOnce)))
          .catch((error: unknown) => deps.log.warn('uses not noted', errorFields(error)));
      }
    }
  }
  const flush = (): Promise<void> => {
    flushing = flushing.then(writeAll);
    return flushing;
  };

  return {
    note(tenant, credentialId) {
      if (noted.has(credentialId)) return;
      if (noted.size >= maxRemembered) noted.clear();
      noted.add(credentialId);
      const ids = waiting.get(tenant);
      if (ids === undefined) waiting.set(tenant, [credentialId]);
      else ids.push(credentialId);
    },
    start() {
      timers.push(
        setInterval(() => void flush(), flushEveryMs),
        setInterval(() => noted.clear(), noteAgainAfterMs),
      );
      for (const timer of timers) timer.unref();
    },
    async drain() {
      for (const timer of timers) clearInterval(timer);
      await flush();
    },
  };
}
