// Roles of an organization's own: written as one list, effective everywhere, and never more than their writer holds.
import { sql } from 'kysely';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type JsonApiHouse, openJsonApiHouse } from '../../../../testing/jsonapi-house.ts';
import type { TestTenant } from '../../../../testing/test-house.ts';
import { outcomeOf } from '../../../../testing/two-tenants.ts';
import { systemClock } from '../../../kernel/clock.ts';
import { silentLog } from '../../../kernel/log.ts';
import { can } from '../../../tenancy/actor.ts';
import { createApiToken } from '../../../tenancy/api-token.ts';
import { createAuthority } from '../../../tenancy/authority.ts';
import { removeMembership } from '../../../tenancy/principal.ts';
import { listRoles, replaceRoles } from '../../../tenancy/role.ts';
import { wantedRoles } from './role-body.ts';

let house: JsonApiHouse;
let other: TestTenant;
let otherToken: string;
beforeAll(async () => {
  house = await openJsonApiHouse();
  other = await house.rooms.addTenant('Other');
  otherToken = await house.tokenOf(other.owner);
});
afterAll(async () => house.close());

const path = () => `/tenants/${house.rooms.organization.id}/roles`;
const reader = {
  role: 'reader',
  scope: 'contracts',
  permissions: ['workspaces.auth_secret.get'],
  i18n: { en: 'Reader', 'en-GB': 'Reader too' },
};
const operator = {
  role: 'operator',
  scope: 'workspaces',
  permissions: [
    'workspaces.auth_secret.get',
    'workspaces.auth_secret.get_credentials',
    'workspaces.auth_secret.refresh',
    'global.auth_clients.get',
    'workspaces.credential.edit',
    'workspaces.flow.toggleStatus',
  ],
  i18n: { en: 'Operator' },
};

type Sent = { readonly role: string };
const replace = (roles: readonly unknown[], token?: string) =>
  house.ask(
    'PATCH',
    path(),
    { data: { type: 'tenant-policy', attributes: { roles } } },
    token === undefined ? {} : { token },
  );
const rolesIn = async (at: string, token?: string): Promise<Record<string, unknown>[]> =>
  (await house.ask('GET', at, undefined, token === undefined ? {} : { token })).body.data.attributes.roles;
const ownOf = async (at: string, token?: string) =>
  (await rolesIn(at, token)).filter(
    (role) => !/owner|admin|member|customer_|integrator|guest/.test(String(role.role)),
  );

/** How many transactions wait for another one. */
const waitingCount = () =>
  house.rooms.doors.withTenant(house.rooms.tenant, async (tx) => {
    const found = await sql<{ n: number }>`select count(*) as n from pg_locks where not granted`.execute(tx);
    return Number(found.rows[0]?.n);
  });

async function limitedToken(scopes: readonly string[]): Promise<string> {
  const { doors, tenant, owner } = house.rooms;
  const { principalId } = owner;
  return await doors.withTenant(
    tenant,
    async (tx) => (await createApiToken({ tx, actor: null, principalId, name: 'few', scopes })).token,
  );
}

test('the permissions are listed as the vendor lists them', async () => {
  const { status, body } = await house.ask('GET', '/permissions');
  expect(status).toBe(200);
  expect(body).toEqual({
    data: {
      id: null,
      type: 'permissions',
      attributes: {
        permissions: [
          'global.auth_clients.get',
          'global.auth_clients.create',
          'global.auth_clients.edit',
          'global.auth_clients.delete',
          'workspaces.auth_secret.get',
          'workspaces.auth_secret.get_credentials',
          'workspaces.auth_secret.create',
          'workspaces.auth_secret.edit',
          'workspaces.auth_secret.delete',
          'workspaces.auth_secret.refresh',
        ],
      },
    },
    meta: {},
  });
});

test('the vendor’s default roles are there, with its names of what they may do', async () => {
  const clients = ['get', 'create', 'edit', 'delete'].map((verb) => `global.auth_clients.${verb}`);
  const secrets = ['get', 'get_credentials', 'create', 'edit', 'delete', 'refresh'].map(
    (verb) => `workspaces.auth_secret.${verb}`,
  );
  const contract = await rolesIn(`/contracts/${house.rooms.customer.id}/roles`);
  const shown = contract.map(({ role, scope, permissions }) => [`${scope} ${role}`, permissions]);
  expect(Object.fromEntries(shown.filter(([name]) => !String(name).includes('customer_')))).toEqual({
    'contracts owner': clients,
    'contracts admin': clients,
    'contracts member': [],
    'workspaces owner': [...clients, ...secrets],
    'workspaces admin': [...clients, ...secrets],
    'workspaces integrator': [...clients, ...secrets],
    'workspaces guest': ['global.auth_clients.get', 'workspaces.auth_secret.get'],
  });
});

test('a list replaces the own roles, is answered as it was written, and shows in the contracts', async () => {
  const replaced = await replace([reader, operator]);
  expect(replaced.status, replaced.text).toBe(200);
  expect(replaced.body.data).toMatchObject({ id: house.rooms.organization.id, type: 'tenant-policy' });
  expect(await ownOf(path())).toEqual([reader, operator]);
  const contract = await house.ask('GET', `/contracts/${house.rooms.customer.id}/roles`);
  expect(contract.body.data.type).toBe('contract-policy');
  const names = contract.body.data.attributes.roles.map((role: Sent) => role.role);
  expect(names.toSorted()).toEqual([
    ...['admin', 'admin', 'customer_admin', 'customer_user', 'guest', 'integrator', 'member'],
    ...['operator', 'owner', 'owner', 'reader'],
  ]);
  // The whole list, built-in roles among it, may come back as it was read.
  expect((await replace(await rolesIn(path()))).status).toBe(200);
  expect(await ownOf(path())).toEqual([reader, operator]);
  expect((await replace([reader])).status).toBe(200);
  expect(await ownOf(path())).toEqual([reader]);
});

test('all names of the dialect are accepted and kept, in both scopes', async () => {
  const verbs = ['get', 'create', 'edit', 'delete'];
  const permissions = [
    ...['global', 'tenants', 'contracts', 'workspaces'].flatMap((level) =>
      verbs.map((verb) => `${level}.auth_clients.${verb}`),
    ),
    ...[...verbs, 'get_credentials', 'refresh'].map((verb) => `workspaces.auth_secret.${verb}`),
    ...verbs.map((verb) => `tenants.oauth_clients.${verb}`),
    'workspaces.credential.edit',
    'workspaces.flow.edit',
  ];
  const all = ['contracts', 'workspaces'].map((scope) => ({ role: 'all', scope, permissions, i18n: {} }));
  expect((await replace([reader, ...all])).status).toBe(200);
  expect(await ownOf(path())).toEqual([reader, ...all]);
  expect((await replace([reader])).status).toBe(200);
});

test('mistakes are named where they stand, and change nothing', async () => {
  const pointers: Record<string, readonly unknown[]> = {
    '/data/attributes/roles/1/permissions/0': [reader, { ...operator, permissions: ['workspaces.nothing'] }],
    '/data/attributes/roles/0/permissions/0': [{ ...operator, permissions: ['__proto__'] }],
    '/data/attributes/roles/0/scope': [{ ...operator, scope: 'platform' }],
    '/data/attributes/roles/1': [reader, reader],
    '/data/attributes/roles/0/role': [{ ...operator, role: ' ' }],
    '/data/attributes/roles/0/i18n/en': [{ ...operator, i18n: { en: '\u0000' } }],
    '/data/attributes/roles': Array(101).fill(reader),
  };
  for (const [pointer, roles] of Object.entries(pointers)) {
    const refused = await replace(roles);
    expect([pointer, refused.status]).toEqual([pointer, 400]);
    expect(refused.body.errors[0].source).toEqual({ pointer });
  }
  expect(await ownOf(path())).toEqual([reader]);
});

test('odd texts are refused clearly, also to somebody who may write', async () => {
  const texts = ['nul \u0000 byte', 'line\nbreak', 'half \ud800 character', 'x'.repeat(300), ''];
  const roles = [
    ...texts.map((role) => ({ ...operator, role })),
    ...texts.map((en) => ({ ...operator, i18n: { en } })),
    ...texts.map((name) => ({ ...operator, permissions: [name] })),
    ...[...texts, 'no language'].map((code) => ({ ...operator, i18n: { [code]: 'x' } })),
  ];
  for (const role of roles) {
    const refused = await replace([reader, role]);
    expect(refused.status, refused.text).toBe(400);
    expect(refused.body.errors[0].source.pointer).toMatch(/^\/data\/attributes\/roles\/1\//);
  }
  expect(await ownOf(path())).toEqual([reader]);
});

test('a new role may not look like a built-in one', async () => {
  for (const role of ['Owner', 'own\u200ber', '\u043ewner', 'ADMIN', 'g\u00faest']) {
    const refused = await replace([reader, { ...operator, role }]);
    expect(refused.status, role).toBe(400);
    expect(refused.body.errors[0].source.pointer).toBe('/data/attributes/roles/1');
    expect(refused.body.errors[0].detail).toContain('Choose another name');
  }
  expect(await ownOf(path())).toEqual([reader]);
});

test('built-in roles cannot be changed, nor new ones be made for the tenant as a whole', async () => {
  for (const [role, scope] of [
    ['owner', 'tenants'],
    ['customer_admin', 'contracts'],
    ['owner', 'contracts'],
    ['guest', 'workspaces'],
    ['integrator', 'workspaces'],
  ] as const) {
    const refused = await replace([reader, { role, scope, permissions: [], i18n: {} }]);
    expect(refused.status, role).toBe(409);
    expect(refused.body.errors[0].detail).toContain('built in');
  }
  const refused = await replace([reader, { ...operator, scope: 'tenants' }]);
  expect(refused.status).toBe(400);
  expect(refused.body.errors[0].source).toEqual({ pointer: '/data/attributes/roles/1/scope' });
  const owner = (await rolesIn(path())).find((role) => role.role === 'owner');
  expect(owner?.permissions).toHaveLength(10);
});

test('a role that members hold does not vanish', async () => {
  const { rooms } = house;
  const actor = await rooms.addActor(rooms, rooms.customer.id, 'reader');
  const refused = await replace([]);
  expect(refused.status).toBe(409);
  expect(refused.body.errors[0]).toMatchObject({
    code: 'in_use',
    source: { pointer: '/data/attributes/roles' },
  });
  expect(refused.body.errors[0].detail).toContain('held by 1 member.');
  await rooms.doors.withTenant(rooms.tenant, (tx) =>
    removeMembership({
      tx,
      actor: rooms.owner,
      principalId: actor.principalId,
      unitId: rooms.customer.id,
      roleKey: 'reader',
    }),
  );
  expect((await replace([])).status).toBe(200);
  expect(await ownOf(path())).toEqual([]);
});

test('nobody writes, widens, narrows or removes a role that holds more than he has', async () => {
  const wide = { ...operator, scope: 'contracts' };
  const few = await limitedToken(['unit.view', 'member.manage', 'credential.view']);
  for (const permissions of [wide.permissions, ['global.auth_clients.delete']]) {
    const refused = await replace([{ ...wide, permissions }], few);
    expect(refused.status, permissions.join()).toBe(403);
    expect(refused.body.errors[0].source).toEqual({ pointer: '/data/attributes/roles/0' });
  }
  expect((await replace([reader], few)).status).toBe(200);
  expect((await replace([reader, wide])).status).toBe(200);
  expect((await replace([{ ...reader, permissions: wide.permissions }, wide], few)).status).toBe(403);
  expect((await replace([reader, { ...wide, permissions: [] }], few)).status).toBe(403);
  expect((await replace([reader], few)).status).toBe(403);
  expect(await ownOf(path())).toEqual([reader, wide]);
  // What stays as it is needs no rank.
  expect((await replace([{ ...reader, permissions: [] }, wide], few)).status).toBe(200);
  const without = await limitedToken(['unit.view', 'credential.view']);
  expect((await replace([wide], without)).status).toBe(403);
  expect((await replace([])).status).toBe(200);
});

test('a changed role is in force in every process at its next probe', async () => {
  const { rooms } = house;
  const wide = { ...operator, scope: 'contracts' };
  await replace([wide]);
  const elsewhere = createAuthority({
    doors: rooms.database.again().doors,
    clock: systemClock,
    log: silentLog,
  });
  await elsewhere.probe();
  const { principalId } = await rooms.addActor(rooms, rooms.customer.id, 'operator');
  const reveals = async () => {
    const actor = await elsewhere.actorByPrincipal(rooms.tenant, principalId);
    return can(actor, 'credential.reveal', [rooms.customer.id]);
  };
  await elsewhere.probe();
  expect(await reveals()).toBe(true);
  const permissions = ['workspaces.auth_secret.get'];
  expect((await replace([{ ...wide, permissions }])).status).toBe(200);
  await elsewhere.probe();
  expect(await reveals()).toBe(false);
  expect((await replace([wide])).status).toBe(200);
  await elsewhere.probe();
  expect(await reveals()).toBe(true);
});

test('lists that are written at once come one after the other', async () => {
  const { doors, tenant, owner } = house.rooms;
  const kept = await ownOf(path());
  const made = { ...reader, role: 'at once' };
  const second = await doors.withTenant(tenant, async (tx) => {
    const present = await listRoles(tx, null);
    const wanted = wantedRoles([...kept, made] as never, present);
    await replaceRoles({ tx, actor: owner, wanted, field: 'roles' });
    const asked = replace([...kept, made]);
    await expect.poll(waitingCount).toBeGreaterThan(0);
    return { asked };
  });
  expect((await second.asked).status).toBe(200);
  expect(await ownOf(path())).toEqual([...kept, made]);
  expect((await replace(kept)).status).toBe(200);
});

test('a role that goes while it is given is given to nobody', async () => {
  const { rooms } = house;
  const { doors, tenant, owner } = rooms;
  const kept = await ownOf(path());
  await replace([...kept, { ...reader, role: 'going' }]);
  const given = await doors.withTenant(tenant, async (tx) => {
    const wanted = wantedRoles(kept as never, await listRoles(tx, null));
    await replaceRoles({ tx, actor: owner, wanted, field: 'roles' });
    const asked = outcomeOf(() => rooms.addActor(rooms, rooms.customer.id, 'going'));
    await expect.poll(waitingCount).toBeGreaterThan(0);
    return { asked };
  });
  expect(await given.asked).toBe('conflict');
  expect(await ownOf(path())).toEqual(kept);
});

test('another tenant neither sees the roles nor changes them, and may use the same names', async () => {
  expect((await house.ask('GET', path(), undefined, { token: otherToken })).status).toBe(404);
  expect((await replace([], otherToken)).status).toBe(404);
  const theirs = `/tenants/${other.organization.id}/roles`;
  expect(await ownOf(theirs, otherToken)).toEqual([]);
  const mine = await ownOf(path());
  const roles = [{ ...reader, role: 'operator' }];
  const body = { data: { type: 'tenant-policy', attributes: { roles } } };
  expect((await house.ask('PATCH', theirs, body, { token: otherToken })).status).toBe(200);
  expect((await house.ask('PATCH', theirs, body)).status).toBe(404);
  expect(await ownOf(path())).toEqual(mine);
  const contract = `/contracts/${house.rooms.customer.id}/roles`;
  expect((await house.ask('GET', contract, undefined, { token: otherToken })).status).toBe(404);
});

test('each change is on record, with the permissions', async () => {
  const { doors, tenant } = house.rooms;
  const made = { ...reader, role: 'recorded' };
  const kept = await ownOf(path());
  await replace([...kept, made]);
  await replace([...kept, { ...made, permissions: ['global.auth_clients.get'] }]);
  await replace(kept);
  // Nothing changes, so nothing is recorded.
  await replace(kept);
  const events = await doors.withTenant(tenant, (tx) =>
    tx
      .selectFrom('audit_event')
      .select(['action', 'fields'])
      .where('object_kind', '=', 'role')
      .orderBy('seq', 'desc')
      .limit(3)
      .execute(),
  );
  expect(events.toReversed()).toEqual([
    { action: 'role.created', fields: ['unit.view', 'credential.view'] },
    { action: 'role.updated', fields: ['unit.view', 'auth_client.view'] },
    { action: 'role.deleted', fields: ['recorded'] },
  ]);
});
