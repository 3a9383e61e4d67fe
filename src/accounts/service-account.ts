// Service accounts: principals for machines, so that an API token does not end with the person who made it.
import type { UnitId } from '../kernel/ids.ts';
import { maxPageSize } from '../kernel/page.ts';
import type { Tx } from '../storage/doors.ts';
import { type Actor, unitsWith } from '../tenancy/actor.ts';
import { addMembership, createPrincipal, type Principal } from '../tenancy/principal.ts';
import { type ServiceAccount, selectServiceAccounts } from './service-account-store.ts';

/** `unitId` null = the organization. Nobody can give a role that holds more than his own. */
export async function createServiceAccount(options: {
  readonly tx: Tx;
  readonly actor: Actor;
  readonly name: string;
  readonly unitId: UnitId | null;
  readonly roleKey: string;
}): Promise<Principal> {
  const { tx, actor, name, roleKey } = options;
  const unitId = options.unitId ?? (actor.tenant as string as UnitId);
  const principal = await createPrincipal({ tx, actor, tenant: actor.tenant, kind: 'service', unitId, name });
  await addMembership({ tx, actor, principalId: principal.id, unitId, roleKey });
  return principal;
}

/** Those that the actor may make tokens for; at most one page. */
export async function listServiceAccounts(options: {
  readonly tx: Tx;
  readonly actor: Actor;
}): Promise<readonly ServiceAccount[]> {
  const { tx, actor } = options;
  return await selectServiceAccounts(tx, { within: unitsWith(actor, 'token.manage'), limit: maxPageSize });
}
