// The secrets of a workspace, as they are stored. Nothing is refreshed for a list.
import { listCredentials } from '../../../credentials/credential.ts';
import type { AuthClientId, CredentialId, PrincipalId } from '../../../kernel/ids.ts';
import { maxPageSize, type PageRequest } from '../../../kernel/page.ts';
import type { Reading } from '../../../refresh/reading.ts';
import type { Actor } from '../../../tenancy/actor.ts';
import type { PageQuery } from '../query.ts';
import type { Rooms } from '../rooms.ts';
import type { Workspace } from '../workspaces/workspace.ts';

export type ListedReadings = { readonly readings: readonly Reading[]; readonly totalCount: number };

/** All of them unless a page is asked for: clients of this dialect make a single call. */
export async function listReadings(
  house: Pick<Rooms, 'doors' | 'reader'>,
  of: {
    readonly actor: Actor;
    readonly workspace: Workspace;
    readonly createdBy: PrincipalId | null;
    readonly authClientId: AuthClientId | null;
    readonly page: PageQuery | null;
  },
): Promise<ListedReadings> {
  const { actor, workspace, createdBy, authClientId, page } = of;
  const filter = { actor, unitId: workspace.id, createdBy, authClientId };
  const found = await house.doors.withTenant(actor.tenant, async (tx) => {
    const ids: CredentialId[] = [];
    let request: PageRequest = page?.request ?? { offset: 0, limit: maxPageSize };
    for (;;) {
      const part = await listCredentials({ tx, ...filter, page: request });
      ids.push(...part.items.map((item) => item.id));
      const isComplete = part.items.length === 0 || request.offset + request.limit >= part.totalCount;
      if (page !== null || isComplete) return { ids, totalCount: part.totalCount };
      request = { offset: request.offset + request.limit, limit: maxPageSize };
    }
  });
  const readings: Reading[] = [];
  for (const id of found.ids) {
    // One that is deleted meanwhile is left out.
    const reading = await house.reader.find({ tenant: actor.tenant, credentialId: id });
    if (reading !== null) readings.push(reading);
  }
  return { readings, totalCount: found.totalCount };
}
