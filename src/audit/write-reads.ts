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
  /** False when nothing at all was written for ten seconds although something should have been. */
  readonly isWriting: () => boolean;
};

type Left = { readonly batch: readonly Waiting[]; readonly cause: unknown };

/** So that a tenant whose rows are locked does not hold up all others. */
const atOnce = 4;
/** Longer than a lock that one tenant holds. */
const maxSilenceMs = 10_000;
/** Keeps an event at some 20 kB. */
const maxObjectsPerEvent = 500;

export function createReadWriter(options: {
  readonly doors: Doors;
  readonly log: Log;
  readonly clock: Pick<Clock, 'monotonicMs'>;
  readonly waiting: Pick<WaitingReads, 'takeAll' | 'putBack'>;
}): ReadWriter {
  const { doors, log, clock, waiting } = options;
  /** Since when a tenant's reads are not written, be it that they fail, hang or wait behind others. */
  const unwritten = new Map<TenantId, number>();
  let writtenAtMs = clock.monotonicMs();

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
    const taken = [...waiting.takeAll()];
    const startedMs = clock.monotonicMs();
    for (const [tenant] of taken) if (!unwritten.has(tenant)) unwritten.set(tenant, startedMs);
    const causes: unknown[] = [];
    const writeOn = async (): Promise<void> => {
      for (let next = taken.shift(); next !== undefined; next = taken.shift()) {
        const [tenant, batch] = next;
        const left = await write(tenant, batch);
        if (left === null) {
          unwritten.delete(tenant);
          writtenAtMs = clock.monotonicMs();
          continue;
        }
        for (const kept of left.batch) waiting.putBack(tenant, kept);
        causes.push(left.cause);
      }
    };
    await Promise.all(Array.from({ length: atOnce }, writeOn));
    if (causes.length > 0) throw causes[0];
  };

  return {
    writeAll,
    unwrittenMs: (tenant) => {
      const since = unwritten.size === 0 ? undefined : unwritten.get(tenant);
      return since === undefined ? 0 : clock.monotonicMs() - since;
    },
    isWriting: () => {
      const nowMs = clock.monotonicMs();
      const isOverdue = (sinceMs: number) => nowMs - sinceMs > maxSilenceMs;
      return !isOverdue(writtenAtMs) || ![...unwritten.values()].some(isOverdue);
    },
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
