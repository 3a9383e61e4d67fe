// An auth client as this dialect shows it.
import { audit } from '../../../audit/event.ts';
import { type AuthClient, openClientValues } from '../../../credentials/auth-client.ts';
import type { UnitId } from '../../../kernel/ids.ts';
import type { Tx } from '../../../storage/doors.ts';
import { type Actor, can } from '../../../tenancy/actor.ts';
import type { SeenClient } from '../client-visibility.ts';
import { neverShown } from '../kinds/secret-kind.ts';
import { lookAt, looksAsMachine } from '../look.ts';
import type { Rooms } from '../rooms.ts';
import { clientKindOf } from './client-kind.ts';

type Asked = {
  readonly tx: Tx;
  readonly actor: Actor;
  readonly house: Pick<Rooms, 'vault' | 'readAudit'>;
};

export async function authClientAnswer(
  seen: SeenClient,
  by: Asked,
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

/** Names for everybody who sees the credentials; values for those who may see secrets, on record like a secret's. */
async function valuesFor(
  { client, path }: SeenClient,
  { tx, actor, house }: Asked,
): Promise<Readonly<Record<string, unknown>> | null> {
  const values = client.hasValues ? await openClientValues(tx, house.vault, client) : null;
  if (values === null) return null;
  if (!can(actor, 'credential.reveal', path)) {
    return Object.fromEntries(Object.keys(values).map((name) => [name, neverShown]));
  }
  const look = lookAt({ kind: 'auth_client', id: client.id }, actor);
  if (looksAsMachine(actor)) house.readAudit.record(actor.tenant, look);
  else await audit(tx, look);
  return values;
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
