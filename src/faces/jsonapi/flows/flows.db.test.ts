// Flows that run elsewhere: who sees, writes, starts and uses them, and that whoever may not learns nothing.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { flowBody, type JsonApiHouse, openJsonApiHouse } from '../../../../testing/jsonapi-house.ts';
import { deleteUnit } from '../../../tenancy/unit.ts';

let house: JsonApiHouse;
let workspace: string;
let secretId: string;
let flowId: string;
/** Of the customer: sees, manages, belongs to it without seeing secrets (two); of a workspace beneath; of another organization. */
const tokens = { user: '', admin: '', member: '', clients: '', neighbour: '', stranger: '' };
beforeAll(async () => {
  house = await openJsonApiHouse();
  const { rooms } = house;
  workspace = rooms.customer.id;
  secretId = (await house.makeSecret(await house.makeClient())).id;
  const contract = await house.ask('POST', '/workspaces', {
    data: {
      type: 'workspace',
      attributes: { name: 'Beneath' },
      relationships: { contract: { data: { id: workspace, type: 'contract' } } },
    },
  });
  const beneath = contract.body.data.id;
  tokens.user = await house.tokenOf(await rooms.addActor(rooms, rooms.customer.id, 'customer_user'));
  tokens.admin = await house.tokenOf(await rooms.addActor(rooms, rooms.customer.id, 'customer_admin'));
  tokens.member = await house.tokenOf(await rooms.addActor(rooms, rooms.customer.id, 'member'));
  tokens.clients = await house.tokenOf(await rooms.addActor(rooms, rooms.customer.id, 'owner'));
  const roles = [{ role: 'beneath', scope: 'workspaces', permissions: ['workspaces.flow.edit'] }];
  await house.ask('PATCH', `/tenants/${rooms.organization.id}/roles`, {
    data: { type: 'tenant-policy', attributes: { roles } },
  });
  tokens.neighbour = await house.tokenOf(await rooms.addActor(rooms, beneath, 'beneath'));
  tokens.stranger = await house.tokenOf((await rooms.addTenant('Elsewhere')).owner);
  const body = flowBody(workspace, { secret_id: secretId, credentials_id: null });
  flowId = (await house.ask('POST', '/flows', body)).body.data.id;
});
afterAll(async () => house.close());

const patch = { data: { type: 'flow', attributes: { name: 'Renamed' } } };
const calls = () =>
  [
    ['GET', `/flows?workspace_id=${workspace}`, undefined, { user: 200, admin: 200 }],
    ['GET', `/flows/${flowId}`, undefined, { user: 200, admin: 200 }],
    ['GET', `/v1/tasks/${flowId}/steps/step_1`, undefined, { user: 200, admin: 200 }],
    ['POST', '/flows', flowBody(workspace), { user: 403, admin: 201 }],
    ['PATCH', `/flows/${flowId}`, patch, { user: 403, admin: 200 }],
    ['POST', `/flows/${flowId}/start`, undefined, { user: 403, admin: 202 }],
    ['POST', `/sailor-support/hooks/task/${flowId}/startup/data`, { a: 1 }, { user: 403, admin: 201 }],
    ['GET', `/sailor-support/hooks/task/${flowId}/startup/data`, undefined, { user: 403, admin: 200 }],
    ['DELETE', `/sailor-support/hooks/task/${flowId}/startup/data`, undefined, { user: 403, admin: 204 }],
    ['POST', `/flows/${flowId}/stop`, undefined, { user: 403, admin: 202 }],
  ] as const;

test('who sees the workspace’s secrets sees its flows, who manages writes, who runs starts; all others find nothing', async () => {
  for (const [method, path, body, expected] of calls()) {
    const wanted = { ...expected, member: 404, clients: 404, neighbour: 404, stranger: 404 };
    for (const [who, status] of Object.entries(wanted)) {
      const answer = await house.ask(method, path, body, { token: tokens[who as keyof typeof tokens] });
      expect([who, method, path, answer.status, answer.text.includes(secretId) && status >= 400]).toEqual([
        who,
        method,
        path,
        status,
        false,
      ]);
    }
  }
});

test('a secret that a started flow uses stays; once the flow is stopped it may go, and the flow cannot start', async () => {
  const made = await house.ask('POST', `/workspaces/${workspace}/secrets`, {
    data: {
      type: 'auth-secret',
      attributes: { name: 'None', type: 'noauth', credentials: {} },
      relationships: {},
    },
  });
  const { id } = made.body.data;
  const flow = (await house.ask('POST', '/flows', flowBody(workspace, { secret_id: id }))).body.data;
  const secret = `/workspaces/${workspace}/secrets/${id}`;
  for (let times = 0; times < 2; times += 1) {
    const started = await house.ask('POST', `/flows/${flow.id}/start`);
    expect(started.body.data.attributes).toMatchObject({ status: 'active', current_status: 'active' });
    const refused = await house.ask('DELETE', secret);
    expect(refused.status).toBe(409);
    expect(refused.body.errors[0]).toMatchObject({
      code: 'in_use',
      detail: expect.stringContaining(flow.id),
    });
  }
  expect((await house.ask('POST', `/flows/${flow.id}/stop`)).body.data.attributes.status).toBe('inactive');
  expect((await house.ask('DELETE', secret)).status).toBe(204);
  const refused = await house.ask('POST', `/flows/${flow.id}/start`);
  expect([refused.status, refused.body.errors[0].code]).toEqual([409, 'conflict']);
  expect((await house.ask('DELETE', `/flows/${flow.id}`)).status).toBe(204);
});

test('a workspace goes with its started flows and their secrets', async () => {
  const relationships = { contract: { data: { id: workspace, type: 'contract' } } };
  const unit = await house.ask('POST', '/workspaces', {
    data: { type: 'workspace', attributes: { name: 'Going' }, relationships },
  });
  const { id } = unit.body.data;
  const secret = await house.ask('POST', `/workspaces/${id}/secrets`, {
    data: {
      type: 'auth-secret',
      attributes: { name: 'None', type: 'noauth', credentials: {} },
      relationships: {},
    },
  });
  const flow = await house.ask('POST', '/flows', flowBody(id, { secret_id: secret.body.data.id }));
  expect((await house.ask('POST', `/flows/${flow.body.data.id}/start`)).status).toBe(202);
  const { doors, tenant, owner } = house.rooms;
  await doors.withTenant(tenant, (tx) => deleteUnit({ tx, actor: owner, id }));
  expect((await house.ask('GET', `/flows/${flow.body.data.id}`)).status).toBe(404);
});

test('a step uses secrets of its own workspace only', async () => {
  const relationships = { contract: { data: { id: workspace, type: 'contract' } } };
  const unit = await house.ask('POST', '/workspaces', {
    data: { type: 'workspace', attributes: { name: 'Other' }, relationships },
  });
  for (const key of ['secret_id', 'credentials_id']) {
    const refused = await house.ask('POST', '/flows', flowBody(unit.body.data.id, { [key]: secretId }));
    expect([refused.status, refused.body.errors[0].source]).toEqual([
      409,
      { pointer: '/data/attributes/graph' },
    ]);
  }
});

test('keys of an older credential are in the step only for those who may see them, and each look is on record', async () => {
  const made = await house.ask('POST', '/flows', flowBody(workspace, { credentials_id: secretId }));
  const step = `/v1/tasks/${made.body.data.id}/steps/step_1`;
  for (const token of [tokens.user, tokens.admin]) {
    const refused = await house.ask('GET', step, undefined, { token });
    expect([refused.status, refused.text.includes('access_token')]).toEqual([403, false]);
  }
  const shown = await house.ask('GET', step);
  expect(shown.body.config).toMatchObject({
    _account: secretId,
    oauth: { access_token: expect.any(String) },
  });
  expect(shown.body.config.oauth).not.toHaveProperty('refresh_token');
  await house.face.readAudit.drain();
  const { doors, tenant } = house.rooms;
  const events = await doors.withTenant(tenant, (tx) =>
    tx.selectFrom('audit_event').where('action', '=', 'credential.read').selectAll().execute(),
  );
  expect(JSON.stringify(events)).toContain(secretId);
});

test('an error of startup data has the member that the runtime makes its own error of', async () => {
  const answer = await house.ask('GET', `/sailor-support/hooks/task/${flowId}/startup/data`);
  expect([answer.status, answer.body.error]).toEqual([404, answer.body.errors[0].detail]);
});

test('what stands in a flow is sealed', async () => {
  const node = { fields: { password: 'canary-78' } };
  const made = await house.ask('POST', '/flows', flowBody(workspace, node));
  expect(made.status, made.text).toBe(201);
  const path = `/flows/${made.body.data.id}`;
  const graph = flowBody(workspace, { fields: { password: 'canary-79' } }).data.attributes.graph;
  const changed = await house.ask('PATCH', path, { data: { type: 'flow', attributes: { graph } } });
  expect(changed.status, changed.text).toBe(200);
  const { doors, tenant } = house.rooms;
  const rows = await doors.withTenant(tenant, (tx) => tx.selectFrom('outside_flow').selectAll().execute());
  const texts = rows.map((row) => JSON.stringify(row) + row.document_sealed.toString('latin1'));
  expect(texts.length).toBeGreaterThan(0);
  expect(texts.join()).not.toMatch(/canary-7[89]|password/);
  expect((await house.ask('GET', path)).text).toContain('canary-79');
});

test('startup data are sealed', async () => {
  const path = `/sailor-support/hooks/task/${flowId}/startup/data`;
  await house.ask('POST', path, { secret: 'canary-77' });
  const { doors, tenant } = house.rooms;
  const rows = await doors.withTenant(tenant, (tx) =>
    tx.selectFrom('outside_flow').select('startup_sealed').execute(),
  );
  const texts = rows.map((row) => row.startup_sealed?.toString('latin1') ?? '');
  expect(texts.some((text) => text.length > 0)).toBe(true);
  expect(texts.join()).not.toContain('canary-77');
  expect((await house.ask('GET', path)).body).toEqual({ secret: 'canary-77' });
});

test('a page, an order and a search of flows', async () => {
  const unit = await house.ask('POST', '/workspaces', {
    data: {
      type: 'workspace',
      attributes: { name: 'Listing' },
      relationships: { contract: { data: { id: workspace, type: 'contract' } } },
    },
  });
  const { id } = unit.body.data;
  for (const name of ['b', 'a', 'c']) await house.ask('POST', '/flows', flowBody(id, {}, { name }));
  const names = async (query: string) => {
    const { body } = await house.ask('GET', `/flows?workspace_id=${id}${query}`);
    return [
      body.data.map((flow: { attributes: { name: string } }) => flow.attributes.name).join(''),
      body.meta.total,
    ];
  };
  expect(await names('')).toEqual(['bac', 3]);
  expect(await names('&sort=name')).toEqual(['abc', 3]);
  expect(await names('&sort=-name&page[size]=2')).toEqual(['cb', 3]);
  expect(await names('&search=A')).toEqual(['a', 1]);
  expect(await names('&filter[status]=active')).toEqual(['', 0]);
  expect(await names('&page[size]=1&page[number]=2')).toEqual(['a', 3]);
});
