// Which component a secret belongs to: in the older model each credential is of one component, and clients read it unasked.
import { type AuthClient, getAuthClient, listAuthClients } from '../../../credentials/auth-client.ts';
import { Fault, notFound } from '../../../kernel/fault.ts';
import type { AuthClientId } from '../../../kernel/ids.ts';
import { maxPageSize } from '../../../kernel/page.ts';
import type { Reading } from '../../../refresh/reading.ts';
import type { Tx } from '../../../storage/doors.ts';
import type { Actor } from '../../../tenancy/actor.ts';
import { typeOfReading } from '../kinds/secret-kinds.ts';
import type { Workspace } from '../workspaces/workspace.ts';

export const componentField = 'data.relationships.component';

/** The first component of the auth client; where there is none, the type stands in its place. */
export async function componentsOf(
  tx: Tx,
  readings: readonly Reading[],
): Promise<ReadonlyMap<Reading, string>> {
  const known = new Map<AuthClientId, string | undefined>();
  const components = new Map<Reading, string>();
  for (const reading of readings) {
    const id = reading.authClient?.id ?? null;
    if (id !== null && !known.has(id)) known.set(id, (await getAuthClient(tx, id)).componentRefs[0]);
    components.set(reading, (id === null ? undefined : known.get(id)) ?? typeOfReading(reading));
  }
  return components;
}

/** The auth client that serves the component in the workspace: the nearest, if it is the only one so near. */
export async function clientOfComponent(
  tx: Tx,
  by: { readonly actor: Actor; readonly workspace: Workspace; readonly componentRef: string },
): Promise<AuthClient> {
  const { actor, workspace, componentRef } = by;
  const { items } = await listAuthClients({
    tx,
    actor,
    unitIds: workspace.path,
    includePlatform: true,
    componentRef,
    page: { offset: 0, limit: maxPageSize },
  });
  for (const unitId of [...workspace.path, null]) {
    const near = items.filter(
      (client) => client.unitId === unitId || (unitId === null && !workspace.path.includes(client.unitId)),
    );
    const [client, another] = near;
    if (client === undefined) continue;
    if (another === undefined) return client;
    throw new Fault('conflict', 'Several auth clients serve this component here.', {
      field: componentField,
      cure: 'Make a secret with the one that is meant.',
    });
  }
  throw notFound('Auth client of this component', componentField);
}
