// Reads of secrets by machines, recorded in batches: a token read must not cost a write. What one actor did to many
// objects within a batch becomes one event that names each of them with a count; an event for each would cost more than
// the reads themselves. A person's reveal is not recorded here but with `audit`, before the answer.
import type { Clock } from '../kernel/clock.ts';
import { Fault } from '../kernel/fault.ts';
import type { TenantId } from '../kernel/ids.ts';
import { errorFields, type Log } from '../kernel/log.ts';
import { isDataRefused } from '../storage/database.ts';
import type { Doors } from '../storage/doors.ts';
import { type AuditEvent, auditAll } from './event.ts';

export type ReadAudit = {
  /** Throws `unavailable` when too many wait, or a tenant's cannot be written for too long: no access without its record. */
  readonly record: (tenant: TenantId, event: AuditEvent) => void;
  /** Writes what waits. Rejects when something could not be written; it then still waits. */
  readonly flush: () => Promise<void>;
  /** A last flush; nothing is flushed by itself afterwards. */
  readonly drain: () => Promise<void>;
  /** False while what waits cannot be written. */
  readonly isWriting: () => boolean;
};

/** Events that differ in nothing but their object, with a count for each. */
type Waiting = { readonly event: AuditEvent; readonly counts: Map<string, number> };

type Left = { readonly batch: readonly Waiting[]; readonly cause: unknown };

const periodMs = 1000;
const maxWaiting = 100_000;
/** Outlasts a restart of the database and a change of its password. */
const maxUnwrittenMs = 60_000;
/** A tenth of a millisecond. */
const sortAtOnce = 256;
/** Keeps an event at some 20 kB. */
const maxObjectsPerEvent = 500;

export function createReadAudit(options: {
  readonly doors: Doors;
  readonly log: Log;
  readonly clock: Pick<Clock, 'monotonicMs'>;
  readonly maxWaiting?: number;
}): ReadAudit {
  const { doors, log, clock } = options;
  const limit = options.maxWaiting ?? maxWaiting;
  const waiting = createWaitingRoom();
  let timer: NodeJS.Timeout | null = null;
  let drained = false;
  let flushing: Promise<void> = Promise.resolve();

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
      if (!waiting.isEmpty()) schedule();
    }, periodMs);
    timer.unref();
  };

  return {
    record: (tenant, event) => {
      const since = unwritten.size === 0 ? undefined : unwritten.get(tenant);
      if (waiting.isFull(limit) || (since !== undefined && clock.monotonicMs() - since > maxUnwrittenMs)) {
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
      await flush();
    },
    isWriting: () => unwritten.size === 0,
  };
}

/** About the events themselves: they are refused again whenever they are tried. Everything else may pass. */
function isHopeless(error: unknown): boolean {
  if (error instanceof Fault) return error.code !== 'unavailable';
  return error instanceof TypeError || error instanceof RangeError || isDataRefused(error);
}

/**
 * What is not written yet. It comes as it is, and is sorted many at a time: by tenant, then by all that makes one event. A
 * read does not wait for that.
 */
function createWaitingRoom() {
  const batches = new Map<TenantId, Map<string, Waiting>>();
  const unsorted: (readonly [TenantId, AuditEvent])[] = [];
  /** What must be remembered: the objects. */
  let size = 0;

  const add = (tenant: TenantId, event: AuditEvent, objectId: string, count: number): void => {
    const batch = batches.get(tenant) ?? new Map<string, Waiting>();
    batches.set(tenant, batch);
    const key = keyOf(event);
    const known = batch.get(key) ?? { event, counts: new Map<string, number>() };
    batch.set(key, known);
    const before = known.counts.get(objectId);
    if (before === undefined) size += 1;
    known.counts.set(objectId, (before ?? 0) + count);
  };
  const sort = (): void => {
    for (const [tenant, event] of unsorted) add(tenant, event, event.object?.id ?? '', 1);
    unsorted.length = 0;
  };
  return {
    isEmpty: () => size + unsorted.length === 0,
    isFull: (limit: number): boolean => {
      if (size + unsorted.length < limit) return false;
      sort();
      return size >= limit;
    },
    add: (tenant: TenantId, event: AuditEvent): void => {
      unsorted.push([tenant, event]);
      if (unsorted.length >= sortAtOnce) sort();
    },
    putBack: (tenant: TenantId, { event, counts }: Waiting): void => {
      for (const [objectId, count] of counts) add(tenant, event, objectId, count);
    },
    takeAll: (): readonly (readonly [TenantId, readonly Waiting[]])[] => {
      sort();
      const taken = [...batches].map(([tenant, batch]) => [tenant, [...batch.values()]] as const);
      batches.clear();
      size = 0;
      return taken;
    },
  };
}

/** Everything but the object's id. Of a read, nothing but the first five is given. */
function keyOf({ actor, action, object, result, fields, requestId, detail }: AuditEvent): string {
  const { kind, principalId, name } = actor;
  // The name is text of somebody's choice and stands last, so that it cannot pass for anything else.
  if (result === undefined && fields === undefined && requestId === undefined && detail === undefined) {
    return `${kind} ${principalId} ${action} ${object?.kind} ${name}`;
  }
  return JSON.stringify([kind, principalId, name, action, object?.kind, result, fields, requestId, detail]);
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
