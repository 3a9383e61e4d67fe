// The OAuth clients that a new secret of a workspace can be made with: its own, those of the units above it and the
// platform's; of one component, when the page was opened for one.
import { type AuthClient, listAuthClients } from '../../credentials/auth-client.ts';
import { maxPageSize } from '../../kernel/page.ts';
import type { Tx } from '../../storage/doors.ts';
import type { Actor } from '../../tenancy/actor.ts';
import type { Workspace } from '../jsonapi/workspaces/workspace.ts';

export async function offeredClients(
  tx: Tx,
  of: { readonly actor: Actor; readonly workspace: Workspace; readonly component: string | null },
): Promise<readonly AuthClient[]> {
  const offered: AuthClient[] = [];
  for (let offset = 0; ; offset += maxPageSize) {
    const part = await listAuthClients({
      tx,
      actor: of.actor,
      unitIds: of.workspace.path,
      includePlatform: true,
      componentRef: of.component,
      page: { offset, limit: maxPageSize },
    });
    offered.push(...part.items.filter(({ registration }) => registration !== null));
    if (part.items.length === 0 || offset + maxPageSize >= part.totalCount) return offered;
  }
}
