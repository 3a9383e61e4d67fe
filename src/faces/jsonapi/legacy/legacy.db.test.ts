// The names from before secrets: the same rows as under the newer ones, with the same rights and the same refusals.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { clientBody, type JsonApiHouse, openJsonApiHouse } from '../../../../testing/jsonapi-house.ts';

let house: JsonApiHouse;
let workspace: string;
let tenantPath: string;
/** Of the customer; of a workspace beneath it; of another organization. */
const tokens = { user: '', admin: '', beneath: '', stranger: '' };
beforeAll(async () => {
  house = await openJsonApiHouse();
  const { rooms } = house;
  workspace = rooms.customer.id;
  tenantPath = `/tenants/${rooms.organization.id}/oauth-clients`;
  tokens.user = await house.tokenOf(await rooms.addActor(rooms, rooms.customer.id, 'customer_user'));
  tokens.admin = await house.tokenOf(await rooms.addActor(rooms, rooms.customer.id, 'customer_admin'));
  const unit = await house.ask('POST', '/workspaces', {
    data: {
      type: 'workspace',
      attributes: { name: 'Beneath' },
      relationships: { contract: { data: { id: workspace, type: 'contract' } } },
    },
  });
  const permissions = ['workspaces.auth_secret.get', 'workspaces.credential.edit'];
  const roles = [{ role: 'beneath', scope: 'workspaces', permissions }];
  await house.ask('PATCH', `/tenants/${rooms.organization.id}/roles`, {
    data: { type: 'tenant-policy', attributes: { roles } },
  });
  tokens.beneath = await house.tokenOf(await rooms.addActor(rooms, unit.body.data.id, 'beneath'));
  tokens.stranger = await house.tokenOf((await rooms.addTenant('Elsewhere')).owner);
});
afterAll(async () => house.close());

const component = (id: string) => ({ component: { data: { id, type: 'component' } } });
const oldBody = (componentId: string, keys: unknown, name = 'Old') => ({
  data: {
    type: 'credential',
    attributes: { name, keys },
    relationships: { ...component(componentId), workspace: { data: { id: workspace, type: 'workspace' } } },
  },
});

async function makeClient(componentId: string, attributes: Record<string, unknown>, level = {}) {
  const body = { data: { type: 'auth-client', attributes, relationships: { ...level } } };
  Object.assign(body.data.relationships, { components: { data: [{ id: componentId, type: 'component' }] } });
  const made = await house.ask('POST', '/auth-clients', body);
  expect(made.status, made.text).toBe(201);
  return made.body.data.id;
}

const oauth2 = () => clientBody(house.emulator).data.attributes;

test('a credential is the secret of that id: made under one name, read, changed and deleted under the other', async () => {
  const clientId = await makeClient('crm', oauth2());
  const keys = {
    oauth: { access_token: 'a', refresh_token: 'r', expires_in: 3600, instance_url: 'https://one' },
    region: 'eu',
  };
  const made = await house.ask('POST', '/credentials', oldBody('crm', keys));
  expect(made.status, made.text).toBe(201);
  const { id } = made.body.data;
  const secretPath = `/workspaces/${workspace}/secrets/${id}`;
  const secret = (await house.ask('GET', secretPath)).body.data;
  expect(secret).toMatchObject({
    attributes: {
      name: 'Old',
      type: 'oauth2',
      credentials: {
        access_token: 'a',
        refresh_token: '********',
        expires_in: 3600,
        undefined_params: { instance_url: 'https://one' },
        fields: { region: 'eu' },
      },
    },
    relationships: { auth_client: { data: { id: clientId } } },
  });
  const old = (await house.ask('GET', `/credentials/${id}`)).body.data;
  expect(old).toMatchObject({
    type: 'credential',
    attributes: {
      keys: { region: 'eu', oauth: { access_token: 'a', instance_url: 'https://one', expires_in: 3600 } },
    },
    relationships: { component: { data: { id: 'crm', type: 'component' } } },
  });
  expect(JSON.stringify(old)).not.toContain('refresh_token');
  // What was shown may be sent back, and takes nothing away.
  const { relationships: _, ...rest } = old;
  expect((await house.ask('PATCH', `/credentials/${id}`, { data: rest })).status).toBe(200);
  expect((await house.ask('GET', secretPath)).body.data).toEqual(secret);
  await house.ask('PATCH', secretPath, { data: { type: 'auth-secret', attributes: { name: 'New' } } });
  const list = await house.ask('GET', `/credentials?workspace_id=${workspace}`);
  expect(list.body.data.find((one: { id: string }) => one.id === id).attributes.name).toBe('New');
  expect((await house.ask('DELETE', `/credentials/${id}`)).status).toBe(204);
  expect((await house.ask('GET', secretPath)).status).toBe(404);
});

test('keys of every type come back as they were written', async () => {
  const types = {
    basic: { username: 'u', password: 'p' },
    api_key: { headerName: 'X-Key', headerValue: 'v' },
    ftp_like: { host: 'h', port: 22, deep: { list: [1, null] } },
  };
  for (const [type, keys] of Object.entries(types)) {
    await makeClient(`${type}-component`, { type, name: type, credentials: {} });
    const made = await house.ask('POST', '/credentials', oldBody(`${type}-component`, keys));
    expect([type, made.status, made.body.data?.attributes.keys]).toEqual([type, 201, keys]);
  }
});

test('the nearest auth client of the component is taken; several so near, or none, are refused', async () => {
  const level = { contract: { data: { id: workspace, type: 'contract' } } };
  await makeClient('near', { ...oauth2(), name: 'Far' });
  const nearId = await makeClient('near', { ...oauth2(), name: 'Near' }, level);
  const made = await house.ask('POST', '/credentials', oldBody('near', { access_token: 'a' }));
  const secret = await house.ask('GET', `/workspaces/${workspace}/secrets/${made.body.data.id}`);
  expect(secret.body.data.relationships.auth_client.data.id).toBe(nearId);
  await makeClient('near', { ...oauth2(), name: 'Twin' }, level);
  const source = { pointer: '/data/relationships/component' };
  for (const [name, status] of [
    ['near', 409],
    ['none', 404],
  ] as const) {
    const refused = await house.ask('POST', '/credentials', oldBody(name, { access_token: 'a' }));
    expect([refused.status, refused.body.errors[0].source]).toEqual([status, source]);
  }
});

test('a refresh token beside the token is that token’s, and a client secret among keys is refused', async () => {
  await makeClient('beside', oauth2());
  const made = await house.ask('POST', '/credentials', oldBody('beside', { oauth: { access_token: 'a' } }));
  const { id } = made.body.data;
  const handed = { oauth: { access_token: 'b', expires_in: 60 }, refresh_token: 'canary-r', region: 'eu' };
  const answer = await house.ask('PUT', `/v1/accounts/${id}`, { keys: handed });
  expect(answer.status, answer.text).toBe(200);
  const secret = await house.ask('GET', `/workspaces/${workspace}/secrets/${id}`);
  expect(secret.body.data.attributes.credentials).toMatchObject({
    access_token: 'b',
    refresh_token: '********',
    fields: { region: 'eu' },
  });
  for (const beside of [{ client_secret: 'canary-s' }, { deep: [{ Client_Secret: 'canary-s' }] }]) {
    const refused = await house.ask('PUT', `/v1/accounts/${id}`, { keys: { ...handed, ...beside } });
    expect(refused.status, refused.text).toBe(400);
    expect(refused.body.errors[0].detail).toMatch(/client_secret/i);
  }
  const old = await house.ask('GET', `/credentials/${id}`);
  expect(answer.text + secret.text + old.text).not.toContain('canary');
});

test('keys that a component hands in keep what they do not say, in each of the shapes that components use', async () => {
  await makeClient('shapes', oauth2());
  const keys = {
    oauth: { access_token: 'a', refresh_token: 'r', expires_in: 60, instance_url: 'https://one' },
  };
  const { id } = (await house.ask('POST', '/credentials', oldBody('shapes', keys))).body.data;
  const shapes = [
    { access_token: 'b1', expires_in: 60, token_type: 'Bearer' },
    { oauth: { access_token: 'b2', expires_in: 60, id: 'https://id' } },
    { oauth2: { access_token: 'b3', expires_in: '60', tokenExpiryTime: '2099-01-01T00:00:00.000Z' } },
  ];
  for (const [index, handed] of shapes.entries()) {
    const answer = await house.ask('PUT', `/v1/accounts/${id}`, { keys: handed });
    expect(answer.status, answer.text).toBe(200);
    const secret = await house.ask('GET', `/workspaces/${workspace}/secrets/${id}`);
    expect(secret.body.data.attributes.credentials).toMatchObject({
      access_token: `b${index + 1}`,
      refresh_token: '********',
      undefined_params: { instance_url: 'https://one' },
    });
  }
});

test('rights and refusals are those of secrets', async () => {
  await makeClient('rights', oauth2());
  const canary = 'canary-3c';
  const { id } = (await house.ask('POST', '/credentials', oldBody('rights', { access_token: canary }))).body
    .data;
  const old = `/credentials/${id}`;
  const secret = `/workspaces/${workspace}/secrets/${id}`;
  const name = { name: 'N' };
  const twins = [
    ['GET', old, undefined, 'GET', secret, undefined],
    [
      'GET',
      `/credentials?workspace_id=${workspace}`,
      undefined,
      'GET',
      `/workspaces/${workspace}/secrets`,
      undefined,
    ],
    [
      'PATCH',
      old,
      { data: { type: 'credential', attributes: name } },
      'PATCH',
      secret,
      { data: { type: 'auth-secret', attributes: name } },
    ],
    ['PUT', `/v1/accounts/${id}`, { keys: {} }, 'PATCH', secret, { data: { type: 'auth-secret' } }],
  ] as const;
  for (const [who, token] of Object.entries(tokens)) {
    for (const [method, path, body, newMethod, newPath, newBody] of twins) {
      const answer = await house.ask(method, path, body, { token });
      const twin = await house.ask(newMethod, newPath, newBody, { token });
      expect([who, method, path, answer.status]).toEqual([who, method, path, twin.status]);
      expect(answer.text, `${who} ${path}`).not.toContain(canary);
    }
  }
  expect((await house.ask('DELETE', old, undefined, { token: tokens.user })).status).toBe(403);
  expect((await house.ask('DELETE', old, undefined, { token: tokens.stranger })).status).toBe(404);
});

test('an OAuth client is the auth client of that id, of the tenant; one for each component', async () => {
  const { credentials } = oauth2();
  const body = (id: string) => ({
    data: { type: 'oauth-client', attributes: credentials, relationships: component(id) },
  });
  const made = await house.ask('POST', tenantPath, body('one'));
  expect(made.status, made.text).toBe(201);
  const { id } = made.body.data;
  expect(made.body.data.attributes).toMatchObject({
    client_id: credentials.client_id,
    client_secret: '********',
  });
  expect(made.text).not.toContain(credentials.client_secret);
  const twin = await house.ask('GET', `/auth-clients/${id}`);
  expect(twin.body.data).toMatchObject({
    attributes: { type: 'oauth2', credentials: { token_uri: credentials.token_uri } },
    relationships: {
      components: { data: [{ id: 'one', type: 'component' }] },
      tenant: { data: { type: 'tenant' } },
    },
  });
  expect((await house.ask('POST', tenantPath, body('one'))).status).toBe(409);
  const incomplete = { ...credentials, token_uri: undefined };
  const refused = await house.ask('POST', tenantPath, {
    data: { type: 'oauth-client', attributes: incomplete, relationships: component('two') },
  });
  expect([refused.status, refused.body.errors[0].source]).toEqual([
    400,
    { pointer: '/data/attributes/token_uri' },
  ]);
  const list = await house.ask('GET', `${tenantPath}?filter[component]=one`);
  expect(list.body.data.map((one: { id: string }) => one.id)).toEqual([id]);
  for (const [who, status] of [
    ['user', 403],
    ['admin', 403],
    ['stranger', 404],
  ] as const) {
    const token = tokens[who];
    expect([who, (await house.ask('POST', tenantPath, body('three'), { token })).status]).toEqual([
      who,
      status,
    ]);
    const gone = await house.ask('DELETE', `${tenantPath}/${id}`, undefined, { token });
    expect([who, gone.status]).toEqual([who, status]);
    const changed = await house.ask(
      'PATCH',
      `${tenantPath}/${id}`,
      { data: { type: 'oauth-client' } },
      { token },
    );
    expect([who, changed.status]).toEqual([who, status]);
  }
  const ofContract = await makeClient('of-contract', oauth2(), {
    contract: { data: { id: workspace, type: 'contract' } },
  });
  expect((await house.ask('GET', `${tenantPath}/${ofContract}`)).status).toBe(404);
  const secret = await house.ask('POST', '/credentials', oldBody('one', { access_token: 'a' }));
  expect((await house.ask('DELETE', `${tenantPath}/${id}`)).status).toBe(409);
  await house.ask('DELETE', `/credentials/${secret.body.data.id}`);
  expect((await house.ask('DELETE', `${tenantPath}/${id}`)).status).toBe(204);
  expect((await house.ask('GET', `/auth-clients/${id}`)).status).toBe(404);
});
