import { afterAll, beforeAll, expect, test } from 'vitest';
import { openTwoTenants, outcomeOf, type TwoTenants } from '../../testing/two-tenants.ts';
import { newId, type PrincipalId, type UnitId } from '../kernel/ids.ts';
import { firstPage } from '../kernel/page.ts';
import type { Tx } from '../storage/doors.ts';
import { type Actor, can } from './actor.ts';
import { createApiToken, revokeApiToken } from './api-token.ts';
import { builtinRoles, permissions } from './permission.ts';
import { addMembership, createPrincipal, disablePrincipal, removeMembership } from './principal.ts';
import { createCustomer, createWorkspace, deleteUnit, getUnit, listUnits, updateUnit } from './unit.ts';

let two: TwoTenants;
beforeAll(async () => {
  two = await openTwoTenants();
});
afterAll(async () => {
  await two.house.close();
});

const attempt = (actor: Actor, work: (tx: Tx) => Promise<unknown>) =>
  outcomeOf(() => two.house.doors.withTenant(actor.tenant, work));

test('a permission reaches the unit where it is held and what is beneath, nothing beside or above', async () => {
  const { a } = two;
  const organization = [a.organization.id];
  const units: Record<string, readonly UnitId[]> = {
    organization,
    own: [a.customer.id, ...organization],
    other: [a.other.id, ...organization],
    workspace: [newId<UnitId>(), a.customer.id, ...organization],
  };
  const actors: Record<string, readonly [Actor, string]> = {
    owner: [a.owner, 'organization'],
    admin: [a.admin, 'organization'],
    member: [a.member, 'organization'],
    customer_admin: [a.customerAdmin, 'customer'],
    customer_user: [a.customerUser, 'customer'],
  };
  const differences: string[] = [];
  for (const [key, [actor, unitKind]] of Object.entries(actors)) {
    const role = builtinRoles.find((candidate) => candidate.key === key);
    for (const permission of permissions) {
      const holds = role?.permissions.includes(permission) ?? false;
      for (const [name, path] of Object.entries(units)) {
        const reaches = unitKind === 'organization' || name === 'own' || name === 'workspace';
        if (can(actor, permission, path) !== (holds && reaches))
          differences.push(`${key} ${permission} ${name}`);
      }
    }
  }
  expect(differences).toEqual([]);
});

test('the roles are a ladder: nobody lower holds what somebody higher lacks', () => {
  const of = (key: string) => new Set(builtinRoles.find((role) => role.key === key)?.permissions);
  const [owner, admin, member, customerAdmin, customerUser] = [
    of('owner'),
    of('admin'),
    of('member'),
    of('customer_admin'),
    of('customer_user'),
  ];
  expect(owner.size).toBe(permissions.length);
  expect([...admin].filter((permission) => !owner.has(permission))).toEqual([]);
  expect([...member].filter((permission) => !admin.has(permission))).toEqual([]);
  expect([...customerAdmin].filter((permission) => !admin.has(permission))).toEqual([]);
  expect([...customerUser].filter((permission) => !customerAdmin.has(permission))).toEqual([]);
  // What reaches beyond the own customer, or shows a secret, is no customer's.
  for (const permission of [
    'credential.reveal',
    'audit.view',
    'signing_key.manage',
    'unit.manage',
  ] as const) {
    expect([permission, customerAdmin.has(permission)]).toEqual([permission, false]);
  }
});

test('what each role may do with units', async () => {
  const { a } = two;
  const table: Record<string, Record<string, string>> = {};
  const cast = {
    owner: a.owner,
    admin: a.admin,
    member: a.member,
    customerAdmin: a.customerAdmin,
    customerUser: a.customerUser,
  };
  for (const [name, actor] of Object.entries(cast)) {
    const change = { description: `by ${name}` };
    table[name] = {
      'create customer': await attempt(actor, (tx) => createCustomer({ tx, actor, name: `made by ${name}` })),
      'see organization': await attempt(actor, (tx) => getUnit({ tx, actor, id: a.organization.id })),
      'see own': await attempt(actor, (tx) => getUnit({ tx, actor, id: a.customer.id })),
      'see other': await attempt(actor, (tx) => getUnit({ tx, actor, id: a.other.id })),
      'change own': await attempt(actor, (tx) => updateUnit({ tx, actor, id: a.customer.id, change })),
      'change other': await attempt(actor, (tx) => updateUnit({ tx, actor, id: a.other.id, change })),
      'delete organization': await attempt(actor, (tx) => deleteUnit({ tx, actor, id: a.organization.id })),
    };
  }
  const organizationWide = {
    'create customer': 'done',
    'see organization': 'done',
    'see own': 'done',
    'see other': 'done',
    'change own': 'done',
    'change other': 'done',
    'delete organization': 'invalid_field',
  };
  const ofCustomer = {
    'create customer': 'forbidden',
    'see organization': 'not_found',
    'see own': 'done',
    'see other': 'not_found',
    'change own': 'forbidden',
    'change other': 'not_found',
    'delete organization': 'not_found',
  };
  expect(table).toEqual({
    owner: organizationWide,
    admin: organizationWide,
    member: organizationWide,
    customerAdmin: ofCustomer,
    customerUser: ofCustomer,
  });
});

test('members are managed by who may, roles are given only by who holds them', async () => {
  const { a } = two;
  const make = (actor: Actor, unitId: UnitId) =>
    attempt(actor, (tx) =>
      createPrincipal({ tx, actor, tenant: actor.tenant, kind: 'service', unitId, name: 'New' }),
    );
  expect(await make(a.admin, a.organization.id)).toBe('done');
  expect(await make(a.member, a.customer.id)).toBe('forbidden');
  expect(await make(a.customerAdmin, a.customer.id)).toBe('done');
  expect(await make(a.customerAdmin, a.other.id)).toBe('not_found');
  expect(await make(a.customerUser, a.customer.id)).toBe('forbidden');
  const give = (actor: Actor, principalId: PrincipalId, unitId: UnitId, roleKey: string) =>
    attempt(actor, (tx) => addMembership({ tx, actor, principalId, unitId, roleKey }));
  const { principalId } = a.customerUser;
  expect(await give(a.admin, principalId, a.organization.id, 'owner')).toBe('forbidden');
  expect(await give(a.customerAdmin, principalId, a.organization.id, 'member')).toBe('not_found');
  expect(await give(a.customerAdmin, principalId, a.other.id, 'customer_user')).toBe('not_found');
  expect(await give(a.customerAdmin, a.customerAdmin.principalId, a.customer.id, 'customer_admin')).toBe(
    'done',
  );
  expect(await give(a.admin, principalId, a.customer.id, 'integrator')).toBe('invalid_field');
  const workspace = await two.house.doors.withTenant(a.tenant, (tx) =>
    createWorkspace({ tx, actor: a.owner, customerId: a.customer.id, name: 'Of its own' }),
  );
  // It would read every token there, which the giver may not.
  expect(await give(a.customerAdmin, principalId, workspace.id, 'integrator')).toBe('forbidden');
  expect(await give(a.customerAdmin, principalId, workspace.id, 'guest')).toBe('done');
});

test('nothing of another tenant shows or changes through any function of this room', async () => {
  const { a, b } = two;
  const before = await snapshotOf(b.owner);
  const token = await two.house.doors.withTenant(b.tenant, (tx) =>
    createApiToken({ tx, actor: b.owner, principalId: b.owner.principalId, name: 'theirs' }),
  );
  const role = { principalId: a.member.principalId, unitId: b.customer.id, roleKey: 'customer_user' };
  const theirs = { principalId: b.member.principalId, unitId: a.customer.id, roleKey: 'customer_user' };
  const actor = a.owner;
  const outcomes = {
    getUnit: await attempt(actor, (tx) => getUnit({ tx, actor, id: b.customer.id })),
    updateUnit: await attempt(actor, (tx) =>
      updateUnit({ tx, actor, id: b.customer.id, change: { name: 'X' } }),
    ),
    deleteUnit: await attempt(actor, (tx) => deleteUnit({ tx, actor, id: b.customer.id })),
    createWorkspace: await attempt(actor, (tx) =>
      createWorkspace({ tx, actor, customerId: b.customer.id, name: 'W' }),
    ),
    createPrincipal: await attempt(actor, (tx) =>
      createPrincipal({ tx, actor, tenant: a.tenant, kind: 'service', unitId: b.customer.id, name: 'P' }),
    ),
    addMembership: await attempt(actor, (tx) => addMembership({ tx, actor, ...role })),
    addTheirs: await attempt(actor, (tx) => addMembership({ tx, actor, ...theirs })),
    removeMembership: await attempt(actor, (tx) => removeMembership({ tx, actor, ...role })),
    disablePrincipal: await attempt(actor, (tx) => disablePrincipal({ tx, actor, id: b.member.principalId })),
    createApiToken: await attempt(actor, (tx) =>
      createApiToken({ tx, actor, principalId: b.owner.principalId, name: 'T' }),
    ),
    revokeApiToken: await attempt(actor, (tx) => revokeApiToken({ tx, actor, id: token.id })),
  };
  expect(new Set(Object.values(outcomes))).toEqual(new Set(['not_found']));
  expect(await snapshotOf(b.owner)).toEqual(before);
  const listed = await two.house.doors.withTenant(a.tenant, (tx) =>
    listUnits({ tx, actor, kind: 'customer', page: firstPage }),
  );
  expect(listed.items.some((unit) => unit.tenantId !== a.tenant)).toBe(false);
  expect(await two.house.authority.actorByApiToken(token.token)).toMatchObject({ tenant: b.tenant });
});

test('equal external ids and names live side by side in two tenants, and clash within one', async () => {
  const { a } = two;
  expect(
    await attempt(a.owner, (tx) => createCustomer({ tx, actor: a.owner, name: 'H', externalId: 'hooli' })),
  ).toBe('conflict');
  expect(two.b.customer.externalId).toBe(a.customer.externalId);
});

async function snapshotOf(actor: Actor): Promise<unknown> {
  return await two.house.doors.withTenant(actor.tenant, async (tx) => ({
    units: await tx.selectFrom('unit').selectAll().orderBy('id').execute(),
    principals: await tx.selectFrom('principal').selectAll().orderBy('id').execute(),
    memberships: await tx
      .selectFrom('membership')
      .selectAll()
      .orderBy('principal_id')
      .orderBy('role_id')
      .execute(),
  }));
}

test('faults name the field and the cure, and nothing is half-written', async () => {
  const { owner, customer, organization } = two.a;
  const cases: [Parameters<typeof updateUnit>[0]['change'], string][] = [
    [{ name: '  ' }, 'name'],
    [{ name: 'x'.repeat(201) }, 'name'],
    [{ name: 'a\0b' }, 'name'],
    [{ externalId: 'a\nb' }, 'externalId'],
    [{ description: 'a\0b' }, 'description'],
    [{ description: 'x'.repeat(5001) }, 'description'],
    [{ labels: ['fine', ''] }, 'labels'],
    [{ concurrentExecutionLimit: 0 }, 'concurrentExecutionLimit'],
    [{ concurrentExecutionLimit: 1.5 }, 'concurrentExecutionLimit'],
    [{ redirectOrigins: ['https://ok.example/path'] }, 'redirectOrigins'],
    [{ redirectOrigins: ['https://ok.example@evil.example'] }, 'redirectOrigins'],
    [{ redirectOrigins: ['http://evil.example'] }, 'redirectOrigins'],
    [{ redirectOrigins: ['javascript:alert(1)'] }, 'redirectOrigins'],
    [{ redirectOrigins: ['//evil.example'] }, 'redirectOrigins'],
  ];
  for (const [change, field] of cases) {
    const work = two.house.doors.withTenant(owner.tenant, (tx) =>
      updateUnit({ tx, actor: owner, id: customer.id, change: { ...change } }),
    );
    await expect(work, JSON.stringify(change)).rejects.toMatchObject({
      code: 'invalid_field',
      field,
      cure: expect.any(String),
    });
  }
  const change = { redirectOrigins: ['https://app.example.com', 'http://127.0.0.1:3000'], labels: [' eu '] };
  const updated = await two.house.doors.withTenant(owner.tenant, (tx) =>
    updateUnit({ tx, actor: owner, id: organization.id, change }),
  );
  expect(updated).toMatchObject({ redirectOrigins: change.redirectOrigins, labels: ['eu'] });
});

test('lists find by search text literally: % and _ mean themselves', async () => {
  const { owner } = two.a;
  const names = ['50% off', '500 off', 'a_b', 'axb', 'back\\slash'];
  const found = await two.house.doors.withTenant(owner.tenant, async (tx) => {
    for (const name of names) await createCustomer({ tx, actor: owner, name });
    const search = async (text: string) =>
      (await listUnits({ tx, actor: owner, kind: 'customer', search: text, page: firstPage })).items.map(
        (unit) => unit.name,
      );
    return { percent: await search('0%'), underscore: await search('a_b'), slash: await search('k\\s') };
  });
  expect(found).toEqual({ percent: ['50% off'], underscore: ['a_b'], slash: ['back\\slash'] });
  const nul = two.house.doors.withTenant(owner.tenant, (tx) =>
    listUnits({ tx, actor: owner, kind: 'customer', search: 'a\0', page: firstPage }),
  );
  await expect(nul).rejects.toMatchObject({ code: 'invalid_field', field: 'search' });
});
