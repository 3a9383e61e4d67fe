// Writes what waits, tenant by tenant. What can never be written is logged and given up; everything else waits on, whatever
// keeps it from being written.
import type { Clock } from '../kernel/clock.ts';
import { Fault } from '../kernel/fault.ts';
import type { TenantId } from '../kernel/ids.ts';
import { errorFields, type Log } from '../kernel/log.ts';
import { isDataRefused } from '../storage/database.ts';
import type { Doors } from '../storage/doors.ts';
import { type AuditEvent, auditAll } from './event.ts';
import type { Waiting, WaitingReads } from './waiting-reads.ts';

export type ReadWriter = {
  /** Rejects with the first cause when something could not be written; it then waits again. */
  readonly writeAll: () => Promise<void>;
  /** For how long this tenant's reads could not be written, in milliseconds; 0 when they can. */
  readonly unwrittenMs: (tenant: TenantId) => number;
  readonly isWriting: () => boolean;
};

type Left = { readonly batch: readonly Waiting[]; readonly cause: unknown };

/** Keeps an event at some 20 kB. */
const maxObjectsPerEvent = 500;

export function createReadWriter(options: {
  readonly doors: Doors;
  readonly log: Log;
  readonly clock: Pick<Clock, 'monotonicMs'>;
  readonly waiting: Pick<WaitingReads, 'takeAll' | 'putBack'>;
}): ReadWriter {
  const { doors, log, clock, waiting } = options;
  /** Since when a tenant's reads could not be written. */
  const unwritten = new Map<TenantId, number>();

  /** Null = nothing is left. */
  const write = async (tenant: TenantId, batch: readonly Waiting[]): Promise<Left | null> => {
    try {
      await doors.withTenant(tenant, (tx) => auditAll(tx, batch.flatMap(toEvents)));
      return null;
    } catch (error) {
      if (!isHopeless(error)) return { batch, cause: error };
      if (batch.length === 1) {
        log.error('audit of reads lost', { ...errorFields(error), tenant, events: batch.length });
        return null;
      }
    }
    // What can never be written must hold up nothing else.
    for (const [at, one] of batch.entries()) {
      const left = await write(tenant, [one]);
      if (left !== null) return { ...left, batch: batch.slice(at) };
    }
    return null;
  };
  const writeAll = async (): Promise<void> => {
    const causes: unknown[] = [];
    for (const [tenant, batch] of waiting.takeAll()) {
      const left = await write(tenant, batch);
      if (left === null) {
        unwritten.delete(tenant);
        continue;
      }
      for (const kept of left.batch) waiting.putBack(tenant, kept);
      if (!unwritten.has(tenant)) unwritten.set(tenant, clock.monotonicMs());
      causes.push(left.cause);
    }
    if (causes.length > 0) throw causes[0];
  };

  return {
    writeAll,
    unwrittenMs: (tenant) => {
      const since = unwritten.size === 0 ? undefined : unwritten.get(tenant);
      return since === undefined ? 0 : clock.monotonicMs() - since;
    },
    isWriting: () => unwritten.size === 0,
  };
}

/** About the events themselves: they are refused again whenever they are tried. Everything else may pass. */
function isHopeless(error: unknown): boolean {
  if (error instanceof Fault) return error.code !== 'unavailable';
  return error instanceof TypeError || error instanceof RangeError || isDataRefused(error);
}

function toEvents({ event, counts }: Waiting): readonly AuditEvent[] {
  const all = [...counts];
  const events: AuditEvent[] = [];
  for (let at = 0; at < all.length; at += maxObjectsPerEvent) {
    events.push(toEvent(event, all.slice(at, at + maxObjectsPerEvent)));
  }
  return events;
}

function toEvent(event: AuditEvent, counts: readonly (readonly [id: string, count: number])[]): AuditEvent {
  const { object } = event;
  const [only] = counts;
  if (object !== null && counts.length > 1) {
    return { ...event, object: { ...object, id: null }, objects: Object.fromEntries(counts) };
  }
  if (only === undefined) return event;
  const [id, count] = only;
  return {
    ...event,
    object: object === null ? null : { ...object, id },
    ...(count === 1 ? {} : { detail: { ...event.detail, count } }),
  };
}
