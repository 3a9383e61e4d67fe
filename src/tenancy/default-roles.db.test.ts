// Organizations that were made before there were built-in roles of customers and workspaces get them by a migration.
import { readFile } from 'node:fs/promises';
import { sql } from 'kysely';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openTestHouse, type TestHouse } from '../../testing/test-house.ts';
import { newId } from '../kernel/ids.ts';
import { builtinRoles } from './permission.ts';
import { listRoles } from './role.ts';
import { insertRole, type RoleId } from './role-store.ts';

let house: TestHouse;
beforeAll(async () => {
  house = await openTestHouse();
});
afterAll(() => house.close());

const migration = new URL('../storage/migrations/0013-default-roles.sql', import.meta.url);
const shape = (role: (typeof builtinRoles)[number]) =>
  [role.unitKind, role.key, role.name, role.description, ...role.permissions.toSorted()].join(' | ');
const found = async () => {
  const roles = await house.doors.withTenant(house.tenant, (tx) => listRoles(tx, null));
  return roles.filter(({ builtin }) => builtin).map((role) => shape(role as never));
};

test('a new organization has them, and an older one is brought to the same, but for a key that it uses itself', async () => {
  const wanted = builtinRoles.map(shape).toSorted();
  expect((await found()).toSorted()).toEqual(wanted);

  const own = { unitKind: 'workspace', key: 'guest', name: 'Ours', description: '', builtin: false } as const;
  await house.doors.withTenant(house.tenant, async (tx) => {
    await sql`delete from role where tenant_id = latchkey_tenant() and builtin
      and (unit_kind = 'workspace' or key in ('owner', 'admin', 'member') and unit_kind = 'customer')`.execute(
      tx,
    );
    const id = newId<RoleId>();
    await insertRole(tx, { ...own, id, tenantId: house.tenant, names: {}, spelled: [] });
  });
  expect(await found()).toHaveLength(5);
  const text = await readFile(migration, 'utf8');
  await house.database.database.ownerSession(async (client) => {
    await client.query('begin');
    await client.query(text);
    await client.query('commit');
  });
  expect((await found()).toSorted()).toEqual(wanted.filter((role) => !role.startsWith('workspace | guest')));
  const roles = await house.doors.withTenant(house.tenant, (tx) => listRoles(tx, null));
  expect(roles.find(({ key }) => key === 'guest')).toMatchObject({ name: 'Ours', permissions: [] });
});
