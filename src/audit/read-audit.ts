// Reads of secrets by machines, recorded in batches: a token read must not cost a write. Equal reads within a batch
// become one event with a count. A person's reveal is not recorded here but with `audit`, before the answer.
import { Fault, isFault } from '../kernel/fault.ts';
import type { TenantId } from '../kernel/ids.ts';
import { errorFields, type Log } from '../kernel/log.ts';
import type { Doors } from '../storage/doors.ts';
import { type AuditEvent, auditAll } from './event.ts';

export type ReadAudit = {
  /** Throws `unavailable` when the batches cannot be written and too many wait: no access without its record. */
  readonly record: (tenant: TenantId, event: AuditEvent) => void;
  /** Writes what waits. Rejects when something could not be written; it then still waits. */
  readonly flush: () => Promise<void>;
  /** A last flush; nothing is flushed by itself afterwards. */
  readonly drain: () => Promise<void>;
};

type Waiting = { readonly event: AuditEvent; count: number };

const periodMs = 1000;
const maxWaiting = 100_000;

export function createReadAudit(options: {
  readonly doors: Doors;
  readonly log: Log;
  readonly maxWaiting?: number;
}): ReadAudit {
  const { doors, log } = options;
  const limit = options.maxWaiting ?? maxWaiting;
  const waiting = createWaitingRoom();
  let timer: NodeJS.Timeout | null = null;
  let drained = false;
  let flushing: Promise<void> = Promise.resolve();

  const writeAll = async (): Promise<void> => {
    const failures: unknown[] = [];
    for (const [tenant, batch] of waiting.takeAll()) {
      try {
        await doors.withTenant(tenant, (tx) => auditAll(tx, batch.map(counted)));
      } catch (error) {
        if (isFault(error, 'unavailable')) {
          for (const { event, count } of batch) waiting.add(tenant, event, count);
          failures.push(error);
        } else {
          // A batch that can never be written must not hold up all later ones.
          log.error('audit of reads lost', { ...errorFields(error), tenant, events: batch.length });
        }
      }
    }
    if (failures.length > 0) throw failures[0];
  };
  const flush = (): Promise<void> => {
    // One after the other: a batch that failed is back in its place before the next try.
    const next = flushing.catch(() => {}).then(writeAll);
    flushing = next;
    return next;
  };
  const schedule = (): void => {
    if (timer !== null || drained) return;
    timer = setTimeout(async () => {
      try {
        await flush();
      } catch (error) {
        log.warn('audit of reads waits', errorFields(error));
      }
      timer = null;
      if (waiting.size() > 0) schedule();
    }, periodMs);
    timer.unref();
  };

  return {
    record: (tenant, event) => {
      if (waiting.size() >= limit) {
        throw new Fault('unavailable', 'Reads cannot be recorded at the moment.', { retryAfterSeconds: 2 });
      }
      waiting.add(tenant, event, 1);
      schedule();
    },
    flush,
    drain: async () => {
      drained = true;
      if (timer !== null) clearTimeout(timer);
      timer = null;
      await flush();
    },
  };
}

/** What is not written yet, by tenant; equal events are one with a count. */
function createWaitingRoom() {
  const batches = new Map<TenantId, Map<string, Waiting>>();
  let size = 0;
  return {
    size: () => size,
    add: (tenant: TenantId, event: AuditEvent, count: number): void => {
      const batch = batches.get(tenant) ?? new Map<string, Waiting>();
      batches.set(tenant, batch);
      const key = JSON.stringify(event);
      const known = batch.get(key);
      if (known === undefined) {
        batch.set(key, { event, count });
        size += 1;
      } else {
        known.count += count;
      }
    },
    takeAll: (): readonly (readonly [TenantId, readonly Waiting[]])[] => {
      const taken = [...batches].map(([tenant, batch]) => [tenant, [...batch.values()]] as const);
      batches.clear();
      size = 0;
      return taken;
    },
  };
}

function counted({ event, count }: Waiting): AuditEvent {
  return count === 1 ? event : { ...event, detail: { ...event.detail, count } };
}
