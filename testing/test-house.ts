// A furnished house for tests of the upper rooms: a fresh database, the vault, an organization with an owner who acts,
// and a customer. Real rooms throughout; two of these are two tenants when they share a database.
import { systemClock } from '../src/kernel/clock.ts';
import { newId, type TenantId, type UnitId } from '../src/kernel/ids.ts';
import { silentLog } from '../src/kernel/log.ts';
import type { Doors } from '../src/storage/doors.ts';
import type { Actor } from '../src/tenancy/actor.ts';
import { type Authority, createAuthority } from '../src/tenancy/authority.ts';
import { createOrganization } from '../src/tenancy/organization.ts';
import { addMembership, createPrincipal } from '../src/tenancy/principal.ts';
import { createCustomer, type Unit } from '../src/tenancy/unit.ts';
import type { Vault } from '../src/vault/vault.ts';
import type { FreshDatabase } from './copied-database.ts';
import { openTestVault, type TestVault } from './test-vault.ts';

export type TestTenant = {
  readonly tenant: TenantId;
  readonly organization: Unit;
  readonly customer: Unit;
  /** Owner of the organization. */
  readonly owner: Actor;
};

export type TestHouse = TestTenant & {
  readonly database: FreshDatabase;
  readonly doors: Doors;
  readonly vault: Vault;
  readonly testVault: TestVault;
  readonly authority: Authority;
  /** Another organization in the same database, for tests of what must not cross. */
  readonly addTenant: (name: string) => Promise<TestTenant>;
  /** A service principal with one role at a unit of the tenant. */
  readonly addActor: (at: TestTenant, unitId: UnitId, roleKey: string, name?: string) => Promise<Actor>;
  readonly close: () => Promise<void>;
};

/** On a database of the run unless one is given; closing it removes the database. */
export async function openTestHouse(given?: FreshDatabase): Promise<TestHouse> {
  // Only then: outside of a test run there is nobody whom it could ask.
  const database = given ?? (await (await import('./fresh-database.ts')).freshDatabase());
  const { doors } = database;
  const testVault = await openTestVault(doors);
  const { vault } = testVault;
  const authority = createAuthority({ doors, clock: systemClock, log: silentLog });
  await authority.start();
  const addTenant = (name: string) => furnishTenant(doors, vault, authority, name);
  const first = await addTenant('Acme');
  return {
    ...first,
    database,
    doors,
    vault,
    testVault,
    authority,
    addTenant,
    addActor: (at, unitId, roleKey, name = roleKey) =>
      addActor(doors, authority, at.tenant, unitId, roleKey, name),
    close: async () => {
      authority.stop();
      await testVault.remove();
      await database.drop();
    },
  };
}

/** An organization with an owner and a customer, through the real rooms. */
export async function furnishTenant(
  doors: Doors,
  vault: Vault,
  authority: Authority,
  name: string,
): Promise<TestTenant> {
  const tenant = newId<TenantId>();
  const organization = await doors.withTenant(tenant, (tx) =>
    createOrganization({ tx, vault, tenant, name }),
  );
  const owner = await addActor(doors, authority, tenant, organization.id, 'owner', `${name} owner`);
  const customer = await doors.withTenant(tenant, (tx) =>
    createCustomer({ tx, actor: owner, name: 'Hooli', externalId: 'hooli' }),
  );
  return { tenant, organization, customer, owner };
}

async function addActor(
  doors: Doors,
  authority: Authority,
  tenant: TenantId,
  unitId: UnitId,
  roleKey: string,
  name: string,
): Promise<Actor> {
  const principal = await doors.withTenant(tenant, async (tx) => {
    const made = await createPrincipal({ tx, actor: null, tenant, kind: 'service', unitId, name });
    await addMembership({ tx, actor: null, principalId: made.id, unitId, roleKey });
    return made;
  });
  return await authority.actorByPrincipal(tenant, principal.id);
}
