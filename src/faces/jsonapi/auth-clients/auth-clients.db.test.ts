// Auth clients over the wire: the documents' own example, levels, masking, what may change and what may not.
import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  clientBody,
  type JsonApiHouse,
  openJsonApiHouse,
  secretBody,
} from '../../../../testing/jsonapi-house.ts';

let house: JsonApiHouse;
let contract: string;
let workspace: string;
beforeAll(async () => {
  house = await openJsonApiHouse();
  contract = house.rooms.customer.id;
  const made = await house.ask('POST', '/workspaces', {
    data: {
      type: 'workspace',
      attributes: { name: 'Integrations' },
      relationships: { contract: { data: { id: contract, type: 'contract' } } },
    },
  });
  workspace = made.body.data.id;
});
afterAll(async () => house.close());

const at = (level: string, id: string) => ({ [level]: { data: { id, type: level } } });
const idsOf = (answer: { readonly body: { readonly data: readonly { readonly id: string }[] } }) =>
  new Set(answer.body.data.map((item) => item.id));

test('the documented example is accepted as it stands, placeholders and http address included', async () => {
  const made = await house.ask('POST', '/auth-clients', {
    data: {
      type: 'auth-client',
      attributes: {
        type: 'oauth2',
        name: 'Auth client',
        credentials: {
          client_id: '{CLIENT_ID}',
          client_secret: '{CLIENT_SECRET}',
          refresh_token_uri: 'http://example.com',
          token_expires_in: 18000,
          token_uri: '{TOKEN_URI}',
          auth_uri: '{AUTH_URI}',
        },
      },
      relationships: {
        components: { data: [{ id: '{COMPONENT_ID}', type: 'component' }] },
        contract: { data: { id: contract, type: 'contract' } },
      },
    },
  });
  expect(made.status, made.text).toBe(201);
  const { id } = made.body.data;
  expect(made.body).toEqual({
    data: {
      id,
      type: 'auth-client',
      links: { self: `/v2/auth-clients/${id}` },
      attributes: {
        type: 'oauth2',
        name: 'Auth client',
        credentials: {
          client_id: '{CLIENT_ID}',
          client_secret: '********',
          refresh_token_uri: 'http://example.com',
          token_expires_in: 18000,
          token_uri: '{TOKEN_URI}',
          auth_uri: '{AUTH_URI}',
          client_auth: 'post',
        },
      },
      relationships: {
        components: { data: [{ id: '{COMPONENT_ID}', type: 'component' }] },
        contract: { data: { id: contract, type: 'contract' }, links: { self: `/v2/contracts/${contract}` } },
      },
    },
    meta: {},
  });
  expect((await house.ask('GET', `/auth-clients/${id}`)).body).toEqual(made.body);
});

test('oauth2_instagram is for its own addresses; a secret of it is renewed with its own token', async () => {
  const typed = {
    auth_uri: 'https://www.instagram.com/oauth/authorize',
    token_uri: 'https://api.instagram.com/oauth/access_token',
    refresh_token_uri: 'https://graph.instagram.com/refresh_access_token',
  };
  const post = (credentials: Record<string, unknown>) => {
    const { data } = clientBody(house.emulator, { ...typed, ...credentials });
    const attributes = { ...data.attributes, type: 'oauth2_instagram' };
    return house.ask('POST', '/auth-clients', { data: { ...data, attributes } });
  };
  const made = await post({});
  expect(made.status, made.text).toBe(201);
  expect(made.body.data.attributes).toMatchObject({ type: 'oauth2_instagram', credentials: typed });
  const refused = await post({ token_uri: 'https://graph.example.com/token' });
  expect(refused.status).toBe(400);
  expect(refused.body.errors[0].source).toEqual({ pointer: '/data/attributes/credentials/token_uri' });
  const secret = await house.ask(
    'POST',
    `/workspaces/${workspace}/secrets`,
    secretBody(made.body.data.id, { access_token: 'long-lived', expires_in: 5_183_944 }),
  );
  expect(secret.status, secret.text).toBe(201);
  expect(secret.body.data.attributes).toMatchObject({
    type: 'oauth2_instagram',
    state: 'ready',
    credentials: { access_token: 'long-lived', refresh_token: '********', expires_in: 5_183_944 },
  });
  // Too young to be renewed: the provider would refuse, so the token is answered as it is.
  const path = `/workspaces/${workspace}/secrets/${secret.body.data.id}`;
  const refreshed = await house.ask('POST', `${path}/refresh`);
  expect(refreshed.status, refreshed.text).toBe(200);
  expect(refreshed.body.data.attributes.credentials.access_token).toBe('long-lived');
  expect((await house.ask('PATCH', path, secret.body)).body).toEqual(secret.body);
});

test('a list shows what is visible from the level asked for, and globally only what all see', async () => {
  const tenant = house.rooms.organization.id;
  const ids = {
    global: await house.makeClient(),
    tenant: await house.makeClient({}, at('tenant', tenant)),
    contract: await house.makeClient({}, at('contract', contract)),
    workspace: await house.makeClient({}, at('workspace', workspace)),
  };
  const sees = async (query: string) => {
    const listed = idsOf(await house.ask('GET', `/auth-clients${query}`));
    return Object.entries(ids)
      .filter(([, id]) => listed.has(id))
      .map(([level]) => level);
  };
  // "Global" ends at the organization, so both of its clients are the same to everybody in it.
  expect(await sees('')).toEqual(['global', 'tenant']);
  expect(await sees(`?tenant_id=${tenant}`)).toEqual(['global', 'tenant']);
  expect(await sees(`?contract_id=${contract}`)).toEqual(['global', 'tenant', 'contract']);
  expect(await sees(`?workspace_id=${workspace}`)).toEqual(['global', 'tenant', 'contract', 'workspace']);
  const both = await house.ask('GET', `/auth-clients?contract_id=${contract}&tenant_id=${tenant}`);
  expect(both.status).toBe(400);
  expect(both.body.errors[0].source).toEqual({ parameter: 'tenant_id' });
  const outside = await house.ask('GET', `/auth-clients/${ids.workspace}?contract_id=${contract}`);
  expect(outside.status).toBe(404);
});

test('lists are filtered by component, unpaged unless asked', async () => {
  const body = clientBody(house.emulator);
  const components = {
    data: [
      { id: 'only-here', type: 'component' },
      { id: 'and-here', type: 'component' },
    ],
  };
  const made = await house.ask('POST', '/auth-clients', {
    data: { ...body.data, relationships: { components } },
  });
  const listed = await house.ask('GET', '/auth-clients?filter[component]=only-here');
  expect([...idsOf(listed)]).toEqual([made.body.data.id]);
  expect(listed.body.meta).toEqual({});
  const page = await house.ask('GET', '/auth-clients?page[size]=1&page[number]=2');
  expect(page.body.data).toHaveLength(1);
  expect(page.body.meta).toMatchObject({ page: 2, per_page: 1 });
});

test('clients above one’s own unit are readable without their credentials, by anybody who has a reason to', async () => {
  const ofTenant = await house.makeClient();
  const ofContract = await house.makeClient({}, at('contract', contract));
  const { rooms } = house;
  for (const role of ['customer_admin', 'customer_user']) {
    const token = await house.tokenOf(await rooms.addActor(rooms, contract as never, role));
    const above = await house.ask('GET', `/auth-clients/${ofTenant}`, undefined, { token });
    expect(above.status, role).toBe(200);
    expect(above.body.data.attributes).toEqual({ type: 'oauth2', name: 'Emulator' });
    expect(above.body.data.relationships.components.data).toEqual([{ id: 'component-1', type: 'component' }]);
    const own = await house.ask('GET', `/auth-clients/${ofContract}`, undefined, { token });
    expect(Object.hasOwn(own.body.data.attributes, 'credentials'), role).toBe(role === 'customer_admin');
    expect(
      (
        await house.ask(
          'PATCH',
          `/auth-clients/${ofTenant}`,
          { data: { type: 'auth-client', attributes: { name: 'x' } } },
          { token },
        )
      ).status,
    ).toBe(403);
  }
});

test('name, secret, lifetime and components may change; type, level and identity may not', async () => {
  const id = await house.makeClient({ client_secret: 'wrong' });
  const secret = await house.makeSecret(id);
  const patch = (attributes: Record<string, unknown>, relationships?: Record<string, unknown>) =>
    house.ask('PATCH', `/auth-clients/${id}`, {
      data: { type: 'auth-client', attributes, ...(relationships === undefined ? {} : { relationships }) },
    });
  const changed = await patch(
    {
      name: 'Renamed',
      credentials: { client_secret: 'latchkey-demo-secret', token_expires_in: '7200', refresh_lead: 30 },
    },
    { components: { data: [{ id: 'another', type: 'component' }] } },
  );
  expect(changed.status, changed.text).toBe(200);
  expect(changed.body.data).toMatchObject({
    attributes: { name: 'Renamed', credentials: { token_expires_in: 7200, refresh_lead: 30 } },
    relationships: { components: { data: [{ id: 'another', type: 'component' }] } },
  });
  expect((await house.ask('POST', `${secret.path}/refresh`)).status).toBe(200);
  // What was read goes back unchanged, the placeholder included.
  expect((await house.ask('PATCH', `/auth-clients/${id}`, changed.body)).body).toEqual(changed.body);
  const other = await house.makeSecret(id);
  expect((await house.ask('POST', `${other.path}/refresh`)).status).toBe(200);
  for (const [attributes, relationships, field] of [
    [{ type: 'basic' }, undefined, 'data.attributes.type'],
    [{ credentials: { client_id: 'x' } }, undefined, 'data.attributes.credentials.client_id'],
    [{ credentials: { token_uri: 'https://x' } }, undefined, 'data.attributes.credentials.token_uri'],
    [{}, at('contract', contract), 'data.relationships.contract'],
  ] as const) {
    const refused = await patch(attributes, relationships);
    expect(refused.status).toBe(400);
    expect(refused.body.errors[0].detail).toContain(field);
  }
});

test('what is fixed in a client is refused with the reason that holds, and a malformed value before that', async () => {
  const id = await house.makeClient();
  const patch = async (credentials: Record<string, unknown>) => {
    const data = { type: 'auth-client', attributes: { credentials } };
    return (await house.ask('PATCH', `/auth-clients/${id}`, { data })).body.errors[0].detail;
  };
  const at = (name: string) => `data.attributes.credentials.${name}`;
  // Nothing uses the client yet: that is not what holds it.
  expect(await patch({ token_uri: 'https://other.example/t' })).toBe(
    `${at('token_uri')}: cannot be changed once the client is made. Leave it out, or make another auth client.`,
  );
  expect(await patch({ token_uri: 'other.example/t' })).toContain(
    `${at('token_uri')}: is not an absolute http`,
  );
  expect(await patch({ client_id: 'x', auth_uri: 'https//other.example' })).toContain(
    `${at('auth_uri')}: is not an absolute http`,
  );
  expect(await patch({ client_auth: 'x' })).toContain('Choose one of: basic, post, none.');
});

test('a client goes only when no secret hangs on it', async () => {
  const id = await house.makeClient();
  const made = await house.ask(
    'POST',
    `/workspaces/${workspace}/secrets`,
    secretBody(id, { access_token: 't' }),
  );
  const refused = await house.ask('DELETE', `/auth-clients/${id}`);
  expect([refused.status, refused.body.errors[0].code]).toEqual([409, 'in_use']);
  await house.ask('DELETE', `/workspaces/${workspace}/secrets/${made.body.data.id}`);
  expect((await house.ask('DELETE', `/auth-clients/${id}`)).status).toBe(204);
  expect((await house.ask('GET', `/auth-clients/${id}`)).status).toBe(404);
});

test('a client of a contract serves its workspaces, one of a workspace not its siblings', async () => {
  const ofContract = await house.makeClient({}, at('contract', contract));
  const ofWorkspace = await house.makeClient({}, at('workspace', workspace));
  const post = (unit: string, client: string) =>
    house.ask('POST', `/workspaces/${unit}/secrets`, secretBody(client, { access_token: 't' }));
  expect((await post(workspace, ofContract)).status).toBe(201);
  expect((await post(workspace, ofWorkspace)).status).toBe(201);
  const refused = await post(contract, ofWorkspace);
  expect([refused.status, refused.body.errors[0].source]).toEqual([
    404,
    { pointer: '/data/relationships/auth_client' },
  ]);
});

test('a client that is not there is pointed at only where the body names it', async () => {
  const unknown = crypto.randomUUID();
  for (const path of [
    `/auth-clients/${unknown}`,
    `/tenants/${house.rooms.organization.id}/oauth-clients/${unknown}`,
  ]) {
    const data = { type: path.split('/').at(-2)?.slice(0, -1), attributes: { name: 'x' } };
    for (const method of ['GET', 'DELETE', 'PATCH']) {
      const { status, body: answer } = await house.ask(
        method,
        path,
        method === 'PATCH' ? { data } : undefined,
      );
      expect([method, status, Object.hasOwn(answer.errors[0], 'source')]).toEqual([method, 404, false]);
    }
  }
  const named = await house.ask(
    'POST',
    `/workspaces/${workspace}/secrets`,
    secretBody(unknown, { access_token: 't' }),
  );
  expect([named.status, named.body.errors[0].source]).toEqual([
    404,
    { pointer: '/data/relationships/auth_client' },
  ]);
});

test('workspaces and contracts lead to each other', async () => {
  const one = await house.ask('GET', `/workspaces/${workspace}`);
  expect(one.body.data).toMatchObject({ type: 'workspace', attributes: { name: 'Integrations' } });
  expect(one.body.data.relationships.contract.data.id).toBe(contract);
  const own = await house.ask('GET', `/workspaces/${contract}`);
  expect(own.body.data.relationships.contract.data.id).toBe(contract);
  const listed = await house.ask('GET', `/workspaces?contract_id=${contract}&page[size]=1`);
  expect(listed.body.meta).toEqual({ page: 1, per_page: 1, total: 2, total_pages: 2 });
  const second = await house.ask('GET', `/workspaces?contract_id=${contract}&page[size]=1&page[number]=2`);
  expect([...idsOf(listed), ...idsOf(second)]).toEqual([contract, workspace]);
  const contracts = await house.ask('GET', '/contracts?page[size]=1');
  expect(contracts.body.meta.total).toBe(1);
  expect((await house.ask('GET', `/contracts/${contract}`)).body.data.attributes.name).toBe('Hooli');
  expect((await house.ask('GET', `/contracts/${workspace}`)).status).toBe(404);
  const me = await house.ask('GET', '/users/me');
  expect(me.body.data).toMatchObject({ type: 'user', id: house.rooms.owner.principalId });
});

test.each(['auth_uri', 'token_uri', 'refresh_token_uri', 'revoke_token_uri'])(
  'an address that nobody may be sent to is refused by its name: %s',
  async (name) => {
    const wrong = [
      'javascript:alert(1)',
      'file:///etc/passwd',
      'ftp://provider.example/token',
      'http://user:password@provider.example/token',
      'https://provider.example/to\u202eken',
      'https:/provider.example',
      // Would end the directive of the start page's policy and begin another.
      'https://provider;example/',
      'provider.example/token',
      'https//provider.example/token',
      ' https://provider.example/token',
      'TOKEN_URI',
      '{TOKEN_URI}/token',
    ];
    for (const address of wrong) {
      const body = clientBody(
        { url: 'https://provider.example' },
        { [name]: address },
        at('workspace', workspace),
      );
      const refused = await house.ask('POST', '/auth-clients', body);
      expect(refused.status, refused.text).toBe(400);
      expect(refused.text).toContain(`data.attributes.credentials.${name}`);
      expect(refused.text).toContain('Give an absolute URL such as https://');
      expect(refused.text).not.toContain('password@');
    }
  },
);
