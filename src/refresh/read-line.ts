// Where reads of one tenant wait for each other, so that many go together in one statement. A statement starts after the
// last of its reads has arrived, so a read never sees what was true before it was asked for.
import type { CredentialId, TenantId } from '../kernel/ids.ts';
import { createGather } from './gather.ts';

/** Two keep two cores of the database busy; with more, statements get smaller and the whole slower. */
const limits = { underWay: 2, together: 64 } as const;

/** Those of the ids that exist, in any order; called with different ones. */
export type ReadTogether<T> = (tenant: TenantId, ids: readonly CredentialId[]) => Promise<readonly T[]>;

/** Null when the tenant has no such credential. When a statement fails, all of its reads fail with the same error. */
export function createReadLine<T extends { readonly id: CredentialId }>(
  readTogether: ReadTogether<T>,
): (tenant: TenantId, id: CredentialId) => Promise<T | null> {
  return createGather<TenantId, CredentialId, T | null>(async (tenant, ids) => {
    if (ids.length === 1) return [(await readTogether(tenant, ids))[0] ?? null];
    const found = await readTogether(tenant, [...new Set(ids)]);
    const byId = new Map(found.map((one) => [one.id, one]));
    return ids.map((id) => byId.get(id) ?? null);
  }, limits);
}
