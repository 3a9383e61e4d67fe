// Two organizations on one database, furnished alike down to equal names and external ids, with an actor for every
// built-in role; and the question of all cross-tenant tests: does anything of the other one show or change?
import { isFault } from '../src/kernel/fault.ts';
import type { UnitId } from '../src/kernel/ids.ts';
import type { Actor } from '../src/tenancy/actor.ts';
import { createCustomer, type Unit } from '../src/tenancy/unit.ts';
import { openTestHouse, type TestHouse, type TestTenant } from './test-house.ts';

export type Cast = TestTenant & {
  readonly other: Unit;
  readonly admin: Actor;
  readonly member: Actor;
  readonly customerAdmin: Actor;
  readonly customerUser: Actor;
};

export type TwoTenants = {
  readonly house: TestHouse;
  readonly a: Cast;
  readonly b: Cast;
};

export async function openTwoTenants(): Promise<TwoTenants> {
  const house = await openTestHouse();
  return { house, a: await cast(house, house), b: await cast(house, await house.addTenant('Acme')) };
}

async function cast(house: TestHouse, at: TestTenant): Promise<Cast> {
  const other = await house.doors.withTenant(at.tenant, (tx) =>
    createCustomer({ tx, actor: at.owner, name: 'Pied Piper', externalId: 'pied-piper' }),
  );
  const actor = (unitId: UnitId, role: string) => house.addActor(at, unitId, role);
  return {
    tenant: at.tenant,
    organization: at.organization,
    customer: at.customer,
    owner: at.owner,
    other,
    admin: await actor(at.organization.id, 'admin'),
    member: await actor(at.organization.id, 'member'),
    customerAdmin: await actor(at.customer.id, 'customer_admin'),
    customerUser: await actor(at.customer.id, 'customer_user'),
  };
}

/** The code with which something fails, or 'done'. Anything but a Fault is thrown on: it would be a 5xx. */
export async function outcomeOf(work: () => Promise<unknown>): Promise<string> {
  try {
    await work();
    return 'done';
  } catch (error) {
    if (isFault(error)) return error.code;
    throw error;
  }
}
