// Reads of secrets by machines, recorded in batches: a token read must not cost a write. What one actor did to many
// objects within a batch becomes one event that names each of them with a count; an event for each would cost more than
// the reads themselves. A person's reveal is not recorded here but with `audit`, before the answer.
import type { Clock } from '../kernel/clock.ts';
import { Fault } from '../kernel/fault.ts';
import type { TenantId } from '../kernel/ids.ts';
import { errorFields, type Log } from '../kernel/log.ts';
import type { Doors } from '../storage/doors.ts';
import type { AuditEvent } from './event.ts';
import { createWaitingReads } from './waiting-reads.ts';
import { createReadWriter } from './write-reads.ts';

export type ReadAudit = {
  /** Throws `unavailable` when too many wait, or a tenant's cannot be written for too long: no access without its record. */
  readonly record: (tenant: TenantId, event: AuditEvent) => void;
  /** Writes what waits. Rejects when something could not be written; it then still waits. */
  readonly flush: () => Promise<void>;
  /** A last flush; nothing is flushed by itself afterwards. */
  readonly drain: () => Promise<void>;
  /** False when nothing at all was written for ten seconds although something should have been. */
  readonly isWriting: () => boolean;
};

const periodMs = 1000;
const maxWaiting = 100_000;
/** Outlasts a restart of the database and a change of its password. */
const maxUnwrittenMs = 60_000;

export function createReadAudit(options: {
  readonly doors: Doors;
  readonly log: Log;
  readonly clock: Pick<Clock, 'monotonicMs'>;
  readonly maxWaiting?: number;
}): ReadAudit {
  const { doors, log, clock } = options;
  const limit = options.maxWaiting ?? maxWaiting;
  const waiting = createWaitingReads();
  const writer = createReadWriter({ doors, log, clock, waiting });
  let timer: NodeJS.Timeout | null = null;
  let drained = false;
  let flushing: Promise<void> = Promise.resolve();

  const flush = (): Promise<void> => {
    // One after the other: a batch that failed is back in its place before the next try.
    const next = flushing.catch(() => {}).then(writer.writeAll);
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
      if (!waiting.isEmpty()) schedule();
    }, periodMs);
    timer.unref();
  };

  return {
    record: (tenant, event) => {
      if (waiting.isFull(limit) || writer.unwrittenMs(tenant) > maxUnwrittenMs) {
        throw new Fault('unavailable', 'Reads cannot be recorded at the moment.', { retryAfterSeconds: 2 });
      }
      waiting.add(tenant, event);
      schedule();
    },
    flush,
    drain: async () => {
      drained = true;
      if (timer !== null) clearTimeout(timer);
      timer = null;
      try {
        await flush();
      } catch (error) {
        log.error('audit of reads lost', { ...errorFields(error), events: waiting.size() });
        throw error;
      }
    },
    isWriting: writer.isWriting,
  };
}
