// Reads that are recorded and not written yet, in the form in which they will be: events that differ in nothing but their
// object are one, with a count for each object.
import type { TenantId } from '../kernel/ids.ts';
import type { AuditEvent } from './event.ts';

/** Events that differ in nothing but their object, with a count for each. */
export type Waiting = { readonly event: AuditEvent; readonly counts: ReadonlyMap<string, number> };

type Sorted = { readonly event: AuditEvent; readonly counts: Map<string, number> };

/** A tenth of a millisecond. */
const sortAtOnce = 256;

export type WaitingReads = ReturnType<typeof createWaitingReads>;

/**
 * What comes is kept as it is, and is sorted many at a time: by tenant, then by all that makes one event. A
 * read does not wait for that.
 */
export function createWaitingReads() {
  const batches = new Map<TenantId, Map<string, Sorted>>();
  const unsorted: (readonly [TenantId, AuditEvent])[] = [];
  /** What must be remembered: the objects. */
  let size = 0;

  const add = (tenant: TenantId, event: AuditEvent, objectId: string, count: number): void => {
    const batch = batches.get(tenant) ?? new Map<string, Sorted>();
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
    size: () => size + unsorted.length,
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
