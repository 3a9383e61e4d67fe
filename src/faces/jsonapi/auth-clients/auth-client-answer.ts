// An auth client as this dialect shows it.
import { type AuthClient, openClientValues } from '../../../credentials/auth-client.ts';
import type { UnitId } from '../../../kernel/ids.ts';
import type { Tx } from '../../../storage/doors.ts';
import { type Actor, can } from '../../../tenancy/actor.ts';
import type { Vault } from '../../../vault/vault.ts';
import type { SeenClient } from '../client-visibility.ts';
import { neverShown } from '../kinds/secret-kind.ts';
import { clientKindOf } from './client-kind.ts';

export async function authClientAnswer(
  seen: SeenClient,
  by: { readonly tx: Tx; readonly vault: Vault; readonly actor: Actor },
): Promise<Readonly<Record<string, unknown>>> {
  const { client, path } = seen;
  const showsCredentials = can(by.actor, 'auth_client.view', path);
  return {
    id: client.id,
    type: 'auth-client',
    links: { self: `/v2/auth-clients/${client.id}` },
    attributes: {
      type: client.type,
      name: client.name,
      ...(showsCredentials
        ? { credentials: clientKindOf(client.type).show(client, await valuesFor(seen, by)) }
        : {}),
    },
    relationships: {
      components: { data: client.componentRefs.map((id) => ({ id, type: 'component' })) },
      ...levelOf(client, path),
    },
  };
}

/** Names for everybody who sees the credentials, values only for those who may see secrets. */
async function valuesFor(
  { client, path }: SeenClient,
  by: { readonly tx: Tx; readonly vault: Vault; readonly actor: Actor },
): Promise<Readonly<Record<string, unknown>> | null> {
  const values = client.hasValues ? await openClientValues(by.tx, by.vault, client) : null;
  if (values === null || can(by.actor, 'credential.reveal', path)) return values;
  return Object.fromEntries(Object.keys(values).map((name) => [name, neverShown]));
}

const levels = ['tenant', 'contract', 'workspace'] as const;

/** None for the platform's: they are visible to all. */
function levelOf(client: AuthClient, path: readonly UnitId[]): Readonly<Record<string, unknown>> {
  const level = levels[path.length - 1];
  if (level === undefined) return {};
  return {
    [level]: {
      data: { id: client.unitId, type: level },
      links: { self: `/v2/${level}s/${client.unitId}` },
    },
  };
}
