// Where reads of one tenant wait for each other. While a few of its statements are under way, further reads gather and
// go together in the next one: the more there is to do, the less each read costs. A statement starts after the last of
// its reads has arrived, so a read never sees what was true before it was asked for.
import type { CredentialId, TenantId } from '../kernel/ids.ts';

/** Two keep two cores of the database busy; with more, statements get smaller and the whole slower. */
const maxUnderWay = 2;
/** Bounds what one failed statement can take along, and how long the first of a batch waits for the last. */
const maxTogether = 64;

/** Those of the ids that exist; called with different ones. */
export type ReadTogether<T> = (
  tenant: TenantId,
  ids: readonly CredentialId[],
) => Promise<ReadonlyMap<string, T>>;

type Waiting<T> = {
  readonly id: CredentialId;
  readonly resolve: (found: T | null) => void;
  readonly reject: (error: unknown) => void;
};

type Line<T> = { underWay: number; readonly waiting: Waiting<T>[] };

/** Null when the tenant has no such credential. When a statement fails, all of its reads fail with the same error. */
export function createReadLine<T>(
  readTogether: ReadTogether<T>,
): (tenant: TenantId, id: CredentialId) => Promise<T | null> {
  const lines = new Map<TenantId, Line<T>>();

  async function serve(tenant: TenantId, line: Line<T>): Promise<void> {
    line.underWay += 1;
    while (line.waiting.length > 0) {
      const batch = line.waiting.splice(0, maxTogether);
      try {
        const found = await readTogether(tenant, [...new Set(batch.map(({ id }) => id))]);
        for (const { id, resolve } of batch) resolve(found.get(id) ?? null);
      } catch (error) {
        for (const { reject } of batch) reject(error);
      }
    }
    line.underWay -= 1;
    if (line.underWay === 0) lines.delete(tenant);
  }

  return (tenant, id) =>
    new Promise((resolve, reject) => {
      const line = lines.get(tenant) ?? { underWay: 0, waiting: [] };
      lines.set(tenant, line);
      line.waiting.push({ id, resolve, reject });
      if (line.underWay < maxUnderWay) void serve(tenant, line);
    });
}
