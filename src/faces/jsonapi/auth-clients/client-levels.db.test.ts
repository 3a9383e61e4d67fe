// Auth clients at the two ends: the platform's, which everybody sees and no tenant touches, and a contract's, which go with it.
import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  clientBody,
  type JsonApiHouse,
  openJsonApiHouse,
  secretBody,
} from '../../../../testing/jsonapi-house.ts';
import { createAuthClient } from '../../../credentials/auth-client.ts';
import { deleteUnitWithCredentials } from '../../../credentials/delete-unit.ts';
import { type PrincipalId, platformTenantId, platformUnitId } from '../../../kernel/ids.ts';
import type { Actor } from '../../../tenancy/actor.ts';
import { permissions } from '../../../tenancy/permission.ts';
import { createCustomer, createWorkspace } from '../../../tenancy/unit.ts';

let house: JsonApiHouse;
beforeAll(async () => {
  house = await openJsonApiHouse();
});
afterAll(async () => house.close());

/** Somebody who works for the platform itself. */
function operator(): Actor {
  const unitId = platformUnitId;
  const membership = { unitId, unitKind: 'platform', roleKey: 'operator' } as const;
  return {
    tenant: platformTenantId,
    principalId: null as unknown as PrincipalId,
    kind: 'operator',
    name: 'operator',
    email: null,
    unitId,
    unitKind: 'platform',
    memberships: [{ ...membership, permissions: new Set(permissions) }],
    personId: null,
    apiTokenId: null,
    sessionId: null,
  };
}

test('a global client of the platform is seen by every tenant, without its credentials, and changed by none', async () => {
  const { rooms } = house;
  const actor = operator();
  const { id } = await rooms.doors.withTenant(platformTenantId, async (tx) => {
    await rooms.vault.createTenantKey(tx, platformTenantId);
    const client = {
      unitId: actor.unitId,
      name: 'Of the platform',
      type: 'api_key',
      identity: null,
      secret: null,
      values: { value: 'canary-of-the-platform' },
    };
    return await createAuthClient({ tx, vault: rooms.vault, actor, client });
  });
  const other = await rooms.addTenant('Other');
  for (const token of [house.ownerToken, await house.tokenOf(other.owner)]) {
    for (const path of ['/auth-clients', `/auth-clients/${id}`]) {
      const seen = await house.ask('GET', path, undefined, { token });
      expect(seen.status, path).toBe(200);
      const client = [seen.body.data].flat().find((item: { id: string }) => item.id === id);
      expect(client, path).toMatchObject({ attributes: { name: 'Of the platform' } });
      expect(client.attributes, path).not.toHaveProperty('credentials');
      expect(client.relationships, path).toEqual({ components: { data: [] } });
    }
    const change = { data: { type: 'auth-client', attributes: { name: 'mine' } } };
    expect((await house.ask('PATCH', `/auth-clients/${id}`, change, { token })).status).toBe(403);
    expect((await house.ask('DELETE', `/auth-clients/${id}`, undefined, { token })).status).toBe(403);
  }
});

test('a client made without a level ends at its organization', async () => {
  const other = await house.rooms.addTenant('Neighbour');
  const token = await house.tokenOf(other.owner);
  const made = await house.ask('POST', '/auth-clients', clientBody(house.emulator));
  expect(made.body.data.relationships.tenant.data.id).toBe(house.rooms.organization.id);
  const { id } = made.body.data;
  expect((await house.ask('GET', `/auth-clients/${id}`, undefined, { token })).status).toBe(404);
  const listed = await house.ask('GET', '/auth-clients', undefined, { token });
  expect(listed.body.data.map((client: { id: string }) => client.id)).not.toContain(id);
});

test('a contract that goes takes its clients and secrets with it, and nothing of the tenant', async () => {
  const { doors, tenant, owner, vault } = house.rooms;
  const { contract, workspace } = await doors.withTenant(tenant, async (tx) => {
    const customer = await createCustomer({ tx, actor: owner, name: 'Leaving' });
    const beneath = await createWorkspace({ tx, actor: owner, customerId: customer.id, name: 'Beneath' });
    return { contract: customer.id, workspace: beneath.id };
  });
  const ofTenant = await house.makeClient();
  const ofContract = await house.makeClient(
    { client_id: 'leaving' },
    { contract: { data: { id: contract, type: 'contract' } } },
  );
  const ofWorkspace = await house.makeClient(
    {},
    { workspace: { data: { id: workspace, type: 'workspace' } } },
  );
  const gone = [`/auth-clients/${ofContract}`, `/auth-clients/${ofWorkspace}`, `/contracts/${contract}`];
  const secretIds: string[] = [];
  for (const clientId of [ofTenant, ofContract, ofWorkspace]) {
    const all = `/workspaces/${workspace}/secrets`;
    const tokens = { access_token: 'a', refresh_token: 'r', expires_in: 3600 };
    const made = await house.ask('POST', all, secretBody(clientId, tokens));
    expect(made.status, made.text).toBe(201);
    secretIds.push(made.body.data.id);
    gone.push(`${all}/${made.body.data.id}`);
  }
  await doors.withTenant(tenant, (tx) =>
    deleteUnitWithCredentials({ tx, vault, actor: owner, id: contract }),
  );
  await house.rooms.authority.probe();
  for (const path of gone) expect([path, (await house.ask('GET', path)).status]).toEqual([path, 404]);
  expect((await house.ask('GET', `/auth-clients/${ofTenant}`)).status).toBe(200);
  const left = await doors.withTenant(tenant, async (tx) => [
    await tx.selectFrom('auth_client').select('id').where('id', 'in', [ofContract, ofWorkspace]).execute(),
    await tx
      .selectFrom('auth_client_secret')
      .select('id')
      .where('auth_client_id', 'in', [ofContract, ofWorkspace])
      .execute(),
    await tx.selectFrom('credential').select('id').where('id', 'in', secretIds).execute(),
  ]);
  expect(left).toEqual([[], [], []]);
});
