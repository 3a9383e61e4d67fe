// Where reads of one tenant wait for each other, so that many go together in one statement. A statement starts after the
// last of its reads has arrived, so a read never sees what was true before it was asked for.
import type { CredentialId, TenantId } from '../kernel/ids.ts';
import { createGather } from './gather.ts';

/** Two keep two cores of the database busy; with more, statements get smaller and the whole slower. */
const limits = { underWay: 2, together: 64 } as const;

/** Those of the ids that exist; called with different ones. */
export type ReadTogether<T> = (
  tenant: TenantId,
  ids: readonly CredentialId[],
) => Promise<ReadonlyMap<string, T>>;

/** Null when the tenant has no such credential. When a statement fails, all of its reads fail with the same error. */
export function createReadLine<T>(
  readTogether: ReadTogether<T>,
): (tenant: TenantId, id: CredentialId) => Promise<T | null> {
  return createGather<TenantId, CredentialId, T | null>(async (tenant, ids) => {
    const found = await readTogether(tenant, ids.length === 1 ? ids : [...new Set(ids)]);
    return ids.map((id) => found.get(id) ?? null);
  }, limits);
}
