// Who sees what: two tenants, every built-in role, and secrets that must not come out anywhere.
import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  clientBody,
  type JsonApiHouse,
  openJsonApiHouse,
  secretBody,
} from '../../../testing/jsonapi-house.ts';
import type { TestTenant } from '../../../testing/test-house.ts';
import type { CredentialId } from '../../kernel/ids.ts';
import { createCustomer } from '../../tenancy/unit.ts';
import { answerSecrets } from './secrets/read-secret.ts';

const canary = {
  access: 'canary-access-token',
  refresh: 'canary-refresh-token',
  clientSecret: 'canary-client-secret',
  password: 'canary-password',
  template: 'canary-template-value',
};

let house: JsonApiHouse;
let other: TestTenant;
let workspace: string;
let clientId: string;
let freeClientId: string;
let secretPath: string;
const tokens: Record<string, string> = {};

beforeAll(async () => {
  house = await openJsonApiHouse();
  const { rooms } = house;
  other = await rooms.addTenant('Other');
  workspace = rooms.customer.id;
  clientId = await house.makeClient({ client_secret: canary.clientSecret });
  const free = await house.ask('POST', '/auth-clients', {
    data: {
      type: 'auth-client',
      attributes: { type: 'api_key', name: 'Keys', credentials: { name: 'X-Key', value: canary.template } },
    },
  });
  freeClientId = free.body.data.id;
  const secrets = `/workspaces/${workspace}/secrets`;
  const made = await house.ask(
    'POST',
    secrets,
    secretBody(clientId, { access_token: canary.access, refresh_token: canary.refresh, expires_in: 3600 }),
  );
  secretPath = `${secrets}/${made.body.data.id}`;
  await house.ask('POST', secrets, {
    data: {
      type: 'auth-secret',
      attributes: { name: 'b', type: 'basic', credentials: { username: 'u', password: canary.password } },
    },
  });
  const organization = rooms.organization.id;
  for (const role of ['admin', 'member'] as const) {
    tokens[role] = await house.tokenOf(await rooms.addActor(rooms, organization, role));
  }
  for (const role of ['customer_admin', 'customer_user'] as const) {
    tokens[role] = await house.tokenOf(await rooms.addActor(rooms, rooms.customer.id, role));
  }
  tokens.owner = house.ownerToken;
  tokens.stranger = await house.tokenOf(other.owner);
});
afterAll(async () => house.close());

const idOf = (path: string) => path.split('/').at(-1) ?? '';

const reads = () => [
  `/workspaces/${workspace}`,
  `/workspaces/${workspace}/secrets`,
  secretPath,
  '/auth-clients',
  `/auth-clients?workspace_id=${workspace}`,
  `/auth-clients/${clientId}`,
  `/auth-clients/${freeClientId}`,
  '/contracts',
  `/contracts/${workspace}`,
  '/users/me',
];

test('credentials are shown to whoever holds the right to reveal, and to nobody else', async () => {
  for (const [role, shows] of [
    ['owner', true],
    ['admin', true],
    ['member', false],
    ['customer_admin', false],
    ['customer_user', false],
  ] as const) {
    const token = tokens[role] ?? '';
    const one = await house.ask('GET', secretPath, undefined, { token });
    expect(one.status, role).toBe(200);
    expect(Object.hasOwn(one.body.data.attributes, 'credentials'), role).toBe(shows);
    expect(one.body.data.attributes).toMatchObject({ state: 'ready', type: 'oauth2' });
    const listed = await house.ask('GET', `/workspaces/${workspace}/secrets`, undefined, { token });
    for (const item of listed.body.data) {
      expect(Object.hasOwn(item.attributes, 'credentials'), role).toBe(shows);
    }
  }
});

test('no answer to anybody holds a refresh token or client secret, and none without the right any secret', async () => {
  for (const [role, token] of Object.entries(tokens)) {
    const mayReveal = role === 'owner' || role === 'admin';
    for (const path of reads()) {
      const { text } = await house.ask('GET', path, undefined, { token });
      expect(text, `${role} ${path}`).not.toContain(canary.refresh);
      expect(text, `${role} ${path}`).not.toContain(canary.clientSecret);
      if (mayReveal) continue;
      for (const secret of Object.values(canary)) expect(text, `${role} ${path}`).not.toContain(secret);
    }
  }
});

test('changes echo no secret to those who may make them but not read them', async () => {
  const token = tokens.customer_admin ?? '';
  const data = { type: 'auth-secret', attributes: { credentials: { refresh_token: 'canary-2' } } };
  const changed = await house.ask('PATCH', secretPath, { data }, { token });
  expect(changed.status, changed.text).toBe(200);
  expect(changed.text).not.toContain('canary');
  const restored = { data: { ...data, attributes: { credentials: { refresh_token: canary.refresh } } } };
  await house.ask('PATCH', secretPath, restored, { token });
});

test('another tenant finds nothing of it, by any address and in any relationship', async () => {
  const token = tokens.stranger ?? '';
  const data = { type: 'auth-secret', attributes: { name: 'x' } };
  for (const path of [
    secretPath,
    `/auth-clients/${clientId}`,
    `/workspaces/${workspace}`,
    `/contracts/${workspace}`,
  ]) {
    expect((await house.ask('GET', path, undefined, { token })).status, path).toBe(404);
  }
  expect((await house.ask('PATCH', secretPath, { data }, { token })).status).toBe(404);
  expect((await house.ask('DELETE', secretPath, undefined, { token })).status).toBe(404);
  expect((await house.ask('POST', `${secretPath}/refresh`, undefined, { token })).status).toBe(404);
  expect((await house.ask('DELETE', `/auth-clients/${clientId}`, undefined, { token })).status).toBe(404);
  const own = `/workspaces/${other.customer.id}/secrets`;
  const stolen = await house.ask('POST', own, secretBody(clientId, { access_token: 't' }), { token });
  expect(stolen.status).toBe(404);
  expect(stolen.body.errors[0].source).toEqual({ pointer: '/data/relationships/auth_client' });
  const crossed = `${own}/${secretPath.split('/').at(-1)}`;
  expect((await house.ask('GET', crossed, undefined, { token })).status).toBe(404);
  const foreignLevel = clientBody(
    house.emulator,
    {},
    { contract: { data: { id: workspace, type: 'contract' } } },
  );
  expect((await house.ask('POST', '/auth-clients', foreignLevel, { token })).status).toBe(404);
});

test('another customer of the same organization finds nothing of it either', async () => {
  const { rooms } = house;
  const sibling = await rooms.doors.withTenant(rooms.tenant, (tx) =>
    createCustomer({ tx, actor: rooms.owner, name: 'Pied Piper' }),
  );
  const token = await house.tokenOf(await rooms.addActor(rooms, sibling.id, 'customer_admin'));
  const level = { contract: { data: { id: workspace, type: 'contract' } } };
  const ofCustomer = await house.makeClient({}, level);
  for (const path of [
    `/workspaces/${workspace}`,
    `/workspaces/${workspace}/secrets`,
    secretPath,
    `/contracts/${workspace}`,
    `/auth-clients/${ofCustomer}`,
    `/auth-clients?contract_id=${workspace}`,
    `/workspaces?contract_id=${workspace}`,
  ]) {
    expect((await house.ask('GET', path, undefined, { token })).status, path).toBe(404);
  }
  const listed = await house.ask('GET', '/workspaces', undefined, { token });
  expect(listed.body.data.map((unit: { id: string }) => unit.id)).toEqual([sibling.id]);
  const secrets = `/workspaces/${workspace}/secrets`;
  const body = secretBody(clientId, { access_token: 't' });
  expect((await house.ask('POST', secrets, body, { token })).status).toBe(404);
  const own = `/workspaces/${sibling.id}/secrets`;
  const stolen = secretBody(ofCustomer, { access_token: 't' });
  expect((await house.ask('POST', own, stolen, { token })).status).toBe(404);
});

test('a secret is found only in its own workspace', async () => {
  const made = await house.ask('POST', '/workspaces', {
    data: {
      type: 'workspace',
      attributes: { name: 'Beneath' },
      relationships: { contract: { data: { id: workspace, type: 'contract' } } },
    },
  });
  const crossed = `/workspaces/${made.body.data.id}/secrets/${secretPath.split('/').at(-1)}`;
  for (const [method, path] of [
    ['GET', crossed],
    ['DELETE', crossed],
    ['POST', `${crossed}/refresh`],
  ] as const) {
    expect((await house.ask(method, path)).status).toBe(404);
  }
  const organization = await house.ask('GET', `/workspaces/${house.rooms.organization.id}/secrets`);
  expect(organization.status).toBe(404);
  expect(organization.body.errors[0].detail).toContain('tenant');
});

test('writes need their own right', async () => {
  const token = tokens.customer_user ?? '';
  const data = { type: 'auth-secret', attributes: { name: 'x' } };
  const secrets = `/workspaces/${workspace}/secrets`;
  for (const [method, path, body] of [
    ['POST', secrets, secretBody(clientId, { access_token: 't' })],
    ['PATCH', secretPath, { data }],
    ['DELETE', secretPath, undefined],
    ['POST', `${secretPath}/refresh`, undefined],
    ['POST', '/auth-clients', clientBody(house.emulator)],
    ['DELETE', `/auth-clients/${clientId}`, undefined],
  ] as const) {
    const refused = await house.ask(method, path, body, { token });
    expect(refused.status, `${method} ${path}`).toBe(403);
    expect(refused.body.errors[0].code).toBe('forbidden');
  }
});

test('reads of a machine are on record within the second, with their number', async () => {
  await house.face.readAudit.flush();
  for (let count = 0; count < 3; count += 1) await house.ask('GET', secretPath);
  await house.face.readAudit.flush();
  const { doors, tenant } = house.rooms;
  const events = await doors.withTenant(tenant, (tx) =>
    tx
      .selectFrom('audit_event')
      .select(['detail', 'object_id'])
      .where('action', '=', 'credential.read')
      .orderBy('seq', 'desc')
      .limit(1)
      .execute(),
  );
  expect(events).toEqual([{ detail: { count: 3 }, object_id: secretPath.split('/').at(-1) }]);
});

test.each([
  {
    what: 'in a list of secrets',
    path: () => `/workspaces/${workspace}/secrets`,
    id: () => idOf(secretPath),
  },
  {
    what: 'as an older credential',
    path: () => `/credentials/${idOf(secretPath)}`,
    id: () => idOf(secretPath),
  },
  { what: 'of an auth client', path: () => `/auth-clients/${freeClientId}`, id: () => freeClientId },
  {
    what: 'in a list of auth clients',
    path: () => `/auth-clients?workspace_id=${workspace}`,
    id: () => freeClientId,
  },
])(
  'stored values that are shown $what are on record, and those that are not shown are not',
  async ({ path, id }) => {
    const { doors, tenant } = house.rooms;
    const recorded = async () => {
      await house.face.readAudit.flush();
      const events = await doors.withTenant(tenant, (tx) =>
        tx
          .selectFrom('audit_event')
          .select(['object_id', 'detail'])
          .where('action', '=', 'credential.read')
          .execute(),
      );
      return events.filter((event) => JSON.stringify(event).includes(id())).length;
    };
    const before = await recorded();
    expect((await house.ask('GET', path(), undefined, { token: tokens.member ?? '' })).status).toBe(200);
    expect(await recorded()).toBe(before);
    expect((await house.ask('GET', path())).status).toBe(200);
    expect(await recorded()).toBe(before + 1);
  },
);

test('a person’s look is on record before the answer leaves', async () => {
  const { doors, tenant, owner } = house.rooms;
  const id = secretPath.split('/').at(-1) as CredentialId;
  const reading = await house.face.reader.find({ tenant, credentialId: id });
  const path = await house.face.authority.unitPath(tenant, house.rooms.customer.id);
  if (reading === null || path === null) throw new Error('the secret is not there');
  const actor = { ...owner, kind: 'person', apiTokenId: null } as const;
  const [shown] = await answerSecrets(house.face, {
    actor,
    workspace: { id: house.rooms.customer.id, path },
    readings: [reading],
    isServed: false,
  });
  expect(shown).toContain(canary.access);
  const events = await doors.withTenant(tenant, (tx) =>
    tx.selectFrom('audit_event').select('object_id').where('action', '=', 'credential.revealed').execute(),
  );
  expect(events).toEqual([{ object_id: id }]);
});

test('nobody enters without a token, with a wrong one, or with somebody else’s e-mail', async () => {
  for (const authorization of [undefined, 'Bearer nonsense', `Basic ${btoa('a:b')}`, 'Digest x']) {
    const response = await fetch(`${house.url}/v2/users/me`, {
      headers: authorization === undefined ? {} : { authorization },
    });
    expect(response.status).toBe(401);
    const body = (await response.json()) as { errors: { status: number }[] };
    expect(body.errors[0]?.status).toBe(401);
  }
  const basic = await fetch(`${house.url}/v2/users/me`, {
    headers: { authorization: `Basic ${btoa(`anybody@example.com:${house.ownerToken}`)}` },
  });
  expect(basic.status).toBe(200);
});
