// At which level an auth client stands and who sees it. Everybody sees the clients of the units above his own, for that
// is what they are there for; their credentials only where he holds the permission at their own level.
import { type AuthClient, getAuthClient } from '../../credentials/auth-client.ts';
import { invalidField, isFault, notFound } from '../../kernel/fault.ts';
import { type AuthClientId, platformTenantId, type UnitId } from '../../kernel/ids.ts';
import type { Tx } from '../../storage/doors.ts';
import { type Actor, can } from '../../tenancy/actor.ts';
import { idIn } from './read-input.ts';
import type { Rooms } from './rooms.ts';

/** The organization's own unit; of an operator, the platform's. */
export function rootOf(actor: Actor): UnitId {
  return actor.tenant as string as UnitId;
}

export type Level = 'workspace' | 'contract' | 'tenant';

/** The path of the unit that a level's id names, or a Fault naming `field`. */
export async function levelPath(
  house: Pick<Rooms, 'authority'>,
  actor: Actor,
  level: Level,
  given: { readonly id: string; readonly field: string },
): Promise<readonly UnitId[]> {
  const id = idIn<UnitId>(given.id, given.field);
  const path = await house.authority.unitPath(actor.tenant, id);
  const depths = { workspace: [2, 3], contract: [2], tenant: [1] } as const;
  const isOfLevel = path !== null && (depths[level] as readonly number[]).includes(path.length);
  if (!isOfLevel || !(await isWithinReach(house, actor, path))) {
    throw notFound(`${level.charAt(0).toUpperCase()}${level.slice(1)}`, given.field);
  }
  return path;
}

export type SeenClient = {
  readonly client: AuthClient;
  /** Of the client's unit; empty for the platform's clients. */
  readonly path: readonly UnitId[];
};

/** The one in the path, so that what is missing is no member of the body. */
export async function seeClient(
  house: Pick<Rooms, 'authority'>,
  of: { readonly tx: Tx; readonly actor: Actor; readonly id: AuthClientId },
): Promise<SeenClient> {
  const client = await getAuthClient(of.tx, of.id).catch((error: unknown) => {
    throw isFault(error, 'not_found') ? notFound('Auth client') : error;
  });
  const path = await pathOf(house, of.actor, client);
  const isVisible = path.length === 0 || (await isWithinReach(house, of.actor, path));
  if (client.ownerCredentialId !== null || !isVisible) throw notFound('Auth client');
  return { client, path };
}

export async function pathOf(
  house: Pick<Rooms, 'authority'>,
  actor: Actor,
  client: AuthClient,
): Promise<readonly UnitId[]> {
  if (client.tenantId === platformTenantId && actor.tenant !== platformTenantId) return [];
  return (await house.authority.unitPath(actor.tenant, client.unitId)) ?? [client.unitId];
}

/** Through a membership at the unit, above it, or beneath it. */
async function isWithinReach(
  house: Pick<Rooms, 'authority'>,
  actor: Actor,
  path: readonly UnitId[],
): Promise<boolean> {
  if (can(actor, 'auth_client.view', path) || can(actor, 'credential.view', path)) return true;
  const [unitId] = path;
  for (const { unitId: at, permissions } of actor.memberships) {
    if (!permissions.has('auth_client.view') && !permissions.has('credential.view')) continue;
    const above = await house.authority.unitPath(actor.tenant, at);
    if (unitId !== undefined && above?.includes(unitId)) return true;
  }
  return false;
}

const levelParameters = { workspace_id: 'workspace', contract_id: 'contract', tenant_id: 'tenant' } as const;

/** The one scope parameter of a query as level and path, or null. */
export async function scopeIn(
  house: Pick<Rooms, 'authority'>,
  actor: Actor,
  given: Readonly<Record<keyof typeof levelParameters, string | null>>,
): Promise<readonly UnitId[] | null> {
  const names = Object.keys(levelParameters) as (keyof typeof levelParameters)[];
  const [name, another] = names.filter((candidate) => given[candidate] !== null);
  if (name === undefined) return null;
  if (another !== undefined) {
    throw invalidField(another, `cannot be combined with ${name}.`, 'Give one of them.');
  }
  return await levelPath(house, actor, levelParameters[name], { id: given[name] ?? '', field: name });
}
