// Secrets over the wire, as their clients send them, on a fresh database.
import { sql } from 'kysely';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import {
  createCredentialElsewhere,
  type JsonApiHouse,
  openJsonApiHouse,
  secretBody,
} from '../../../../testing/jsonapi-house.ts';
import { listCredentials } from '../../../credentials/credential.ts';
import { addUse, removeUse } from '../../../credentials/use.ts';
import type { CredentialId } from '../../../kernel/ids.ts';
import { firstPage } from '../../../kernel/page.ts';

let house: JsonApiHouse;
let secrets: string;
let clientId: string;
beforeAll(async () => {
  house = await openJsonApiHouse();
  secrets = `/workspaces/${house.rooms.customer.id}/secrets`;
  clientId = await house.makeClient();
});
afterAll(async () => house.close());
beforeEach(async () => {
  await house.emulator.setMode({ set: { rotation: 'always' } });
});

const full = {
  access_token: 'access-1',
  refresh_token: 'refresh-1',
  expires_in: '3600',
  scope: 'a,b',
  additional_params: '{"access_type":"offline"}',
  undefined_params: { api_domain: 'https://www.zohoapis.eu' },
  fields: { base_url: 'https://example.com' },
};

async function create(credentials: Record<string, unknown>, attributes: Record<string, unknown> = {}) {
  const made = await house.ask('POST', secrets, secretBody(clientId, credentials, attributes));
  expect(made.status, made.text).toBe(201);
  return { id: made.body.data.id as string, path: `${secrets}/${made.body.data.id}`, body: made.body };
}

const credentialsOf = async (path: string) => (await house.ask('GET', path)).body.data.attributes.credentials;

function patchOf(attributes: Record<string, unknown>) {
  return { data: { type: 'auth-secret', attributes } };
}

test('ready tokens become a secret that reads back in the recorded shape', async () => {
  const made = await house.ask('POST', secrets, secretBody(clientId, full));
  expect(made.status, made.text).toBe(201);
  expect(made.headers.get('content-type')).toBe('application/json; charset=utf-8');
  const { id } = made.body.data;
  expect(made.headers.get('location')).toBe(`/v2${secrets}/${id}`);
  const read = await house.ask('GET', `${secrets}/${id}/`);
  expect(read.body).toEqual(made.body);
  const workspace = house.rooms.customer.id;
  const owner = house.rooms.owner.principalId;
  expect(read.body).toEqual({
    data: {
      id,
      type: 'auth-secret',
      links: { self: `/v2/workspaces/${workspace}/secrets/${id}` },
      attributes: {
        name: 'My account',
        state: 'ready',
        type: 'oauth2',
        credentials: {
          access_token: 'access-1',
          refresh_token: '********',
          token_type: 'Bearer',
          expires_in: 3600,
          expires_at: expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/),
          scope: 'a,b',
          additional_params: '{"access_type":"offline"}',
          undefined_params: { api_domain: 'https://www.zohoapis.eu' },
          fields: { base_url: 'https://example.com' },
        },
      },
      relationships: {
        workspace: {
          data: { id: workspace, type: 'workspace' },
          links: { self: `/v2/workspaces/${workspace}` },
        },
        user: { data: { id: owner, type: 'user' }, links: { self: `/v2/users/${owner}` } },
        auth_client: {
          data: { id: clientId, type: 'auth-client' },
          links: { self: `/v2/auth-clients/${clientId}` },
        },
      },
    },
    meta: {},
  });
});

test('the relationship is understood with a hyphen too, and "additional_params" in each of its three forms', async () => {
  for (const form of ['{"a":"1","b":"2"}', 'a:1,b:2', { a: '1', b: '2' }]) {
    const body = secretBody(clientId, { access_token: 't', additional_params: form });
    const { auth_client } = body.data.relationships;
    const made = await house.ask('POST', secrets, {
      data: { ...body.data, relationships: { 'auth-client': auth_client } },
    });
    expect(made.status, made.text).toBe(201);
    expect(made.body.data.attributes.credentials.additional_params).toBe('{"a":"1","b":"2"}');
    expect(made.body.data.relationships.auth_client.data.id).toBe(clientId);
  }
});

test('without a lifetime the auth client’s own counts; without a refresh token none is made up', async () => {
  const slow = await house.makeClient({ token_expires_in: 18_000 });
  const withOwn = await house.ask(
    'POST',
    secrets,
    secretBody(slow, { access_token: 't', refresh_token: 'r' }),
  );
  expect(withOwn.body.data.attributes.credentials.expires_in).toBe(18_000);
  expect(
    (await create({ access_token: 't', refresh_token: 'r' })).body.data.attributes.credentials,
  ).toMatchObject({ expires_in: 3600 });
  const forever = await create({ access_token: 't' });
  const { credentials } = forever.body.data.attributes;
  expect(credentials).not.toHaveProperty('expires_in');
  expect(credentials).not.toHaveProperty('refresh_token');
  expect(forever.body.data.attributes.state).toBe('ready');
});

test('basic, api_key, noauth and free-form secrets keep their fields; all but the last do without a client', async () => {
  const cases = [
    ['basic', { username: 'u', password: 'p' }],
    ['basic', { username: 'u', password: 'p', fields: { host: 'h' } }],
    ['api_key', { headerName: 'X-Key', headerValue: 'k' }],
    ['noauth', {}],
    ['noauth', { fields: { base_url: 'https://example.com', deep: { a: [1, null] } } }],
  ] as const;
  for (const [type, credentials] of cases) {
    const body = secretBody('', credentials, { type });
    const made = await house.ask('POST', secrets, { data: { ...body.data, relationships: {} } });
    expect(made.status, made.text).toBe(201);
    expect(made.body.data.attributes).toMatchObject({ type, state: 'ready', credentials });
    expect(made.body.data.relationships).not.toHaveProperty('auth_client');
  }
  const client = await house.ask('POST', '/auth-clients', {
    data: {
      type: 'auth-client',
      attributes: { type: 'sap_session', name: 'SAP', credentials: { realm: 'x' } },
    },
  });
  expect(client.status, client.text).toBe(201);
  const credentials = { user: 'u', session: { a: 1 } };
  const made = await house.ask('POST', secrets, secretBody(client.body.data.id, credentials));
  expect(made.body.data.attributes).toMatchObject({ type: 'sap_session', credentials });
  const changed = await house.ask(
    'PATCH',
    `${secrets}/${made.body.data.id}`,
    patchOf({ credentials: { user: 'v' } }),
  );
  expect(changed.body.data.attributes.credentials).toEqual({ user: 'v', session: { a: 1 } });
});

test('sending back what was read changes nothing, and the placeholder is never stored', async () => {
  const { path } = await create(full);
  const before = await house.ask('GET', path);
  const row = async () =>
    await house.rooms.doors.withTenant(house.rooms.tenant, async (tx) => {
      const id = path.split('/').at(-1) as CredentialId;
      const found = await sql<{ consent_no: number; token_no: number }>`
        select consent_no, token_no from oauth_grant where credential_id = ${id}`.execute(tx);
      return found.rows[0];
    });
  const rowBefore = await row();
  const patched = await house.ask('PATCH', path, before.body);
  expect(patched.status, patched.text).toBe(200);
  expect(patched.body).toEqual(before.body);
  expect(await row()).toEqual(rowBefore);
});

test('PATCH changes what it names and keeps the rest', async () => {
  const secret = await house.makeSecret(clientId, { undefined_params: { a: 1 }, scope: 'x' });
  const { path } = secret;
  await house.ask('PATCH', path, patchOf({ name: 'Renamed' }));
  await house.ask('PATCH', path, patchOf({ credentials: { undefined_params: { b: 2 } } }));
  await house.ask('PATCH', path, patchOf({ credentials: { scope: 'y z', additional_params: 'p:q' } }));
  const { attributes } = (await house.ask('GET', path)).body.data;
  expect(attributes).toMatchObject({
    name: 'Renamed',
    credentials: {
      access_token: secret.accessToken,
      undefined_params: { a: 1, b: 2 },
      scope: 'y z',
      additional_params: '{"p":"q"}',
      expires_in: 3600,
    },
  });
  // A new access token alone: the refresh token stays and still works.
  await house.ask('PATCH', path, patchOf({ credentials: { access_token: 'by-hand' } }));
  expect((await credentialsOf(path)).access_token).toBe('by-hand');
  const refreshed = await house.ask('POST', `${path}/refresh`);
  expect(refreshed.status, refreshed.text).toBe(200);
  expect(house.emulator.isLiveAccessToken(refreshed.body.data.attributes.credentials.access_token)).toBe(
    true,
  );
});

test('state and error are writable; ready takes the report away', async () => {
  const { path } = await create({ access_token: 't' });
  const reported = await house.ask('PATCH', path, patchOf({ state: 'error', error: 'login refused' }));
  expect(reported.body.data.attributes).toMatchObject({ state: 'error', error: 'login refused' });
  const again = await house.ask('PATCH', path, reported.body);
  expect(again.body).toEqual(reported.body);
  const ready = await house.ask('PATCH', path, patchOf({ state: 'ready' }));
  expect(ready.body.data.attributes.state).toBe('ready');
  expect(ready.body.data.attributes).not.toHaveProperty('error');
});

test('a secret may be made as not working, and its report goes with new tokens', async () => {
  const made = await create({ access_token: 't' }, { state: 'error', error: 'not allowed yet' });
  expect(made.body.data.attributes).toMatchObject({ state: 'error', error: 'not allowed yet' });
  const patched = await house.ask(
    'PATCH',
    made.path,
    patchOf({ state: 'ready', credentials: { access_token: 'u' } }),
  );
  expect(patched.body.data.attributes).toMatchObject({ state: 'ready', credentials: { access_token: 'u' } });
  expect(patched.body.data.attributes).not.toHaveProperty('error');
});

test('a refresh token that is written is used, and is in no answer', async () => {
  const worn = await house.makeSecret(clientId, { refresh_token: 'worn-out' });
  const other = await house.makeSecret(clientId);
  const patched = await house.ask(
    'PATCH',
    worn.path,
    patchOf({ credentials: { refresh_token: other.refreshToken } }),
  );
  expect(patched.status, patched.text).toBe(200);
  expect(patched.body.data.attributes.credentials.refresh_token).toBe('********');
  expect(patched.text).not.toContain(other.refreshToken);
  const refreshed = await house.ask('POST', `${worn.path}/refresh`);
  expect(refreshed.status, refreshed.text).toBe(200);
  const { access_token } = refreshed.body.data.attributes.credentials;
  expect(house.emulator.isLiveAccessToken(access_token)).toBe(true);
});

test('what is handed to steps holds no refresh token and no client secret, at any depth', async () => {
  const { path } = await create({ access_token: 't' });
  for (const credentials of [
    { fields: { refresh_token: 'canary' } },
    { fields: { deep: [{ clientSecret: 'canary' }] } },
    { undefined_params: { client_secret: 'canary' } },
    { undefined_params: { refresh_tokens: ['canary'] } },
  ]) {
    const refused = await house.ask('PATCH', path, patchOf({ credentials }));
    expect([refused.status, refused.text.includes('canary')], refused.text).toEqual([400, false]);
    const [member] = Object.keys(credentials);
    expect(refused.body.errors[0].source).toEqual({
      pointer: `/data/attributes/credentials/${member}`,
    });
  }
});

test('additional parameters that the protocol sets itself are refused when they are written', async () => {
  const { path } = await create({ access_token: 't' });
  for (const additional_params of ['client_id:evil', '{"redirect_uri":"https://evil"}', { state: 'x' }]) {
    const refused = await house.ask('PATCH', path, patchOf({ credentials: { additional_params } }));
    expect([refused.status, refused.body.errors?.[0]?.source], refused.text).toEqual([
      400,
      { pointer: '/data/attributes/credentials/additional_params' },
    ]);
  }
});

test('an additional parameter that would not be kept as it is written is refused', async () => {
  const { path } = await create({ access_token: 't' });
  for (const additional_params of [
    '{"__proto__":"x"}',
    '__proto__:x',
    '{"account":12345678901234567890}',
    { account: 1e21 },
    { share: 0.1 },
  ]) {
    const refused = await house.ask('PATCH', path, patchOf({ credentials: { additional_params } }));
    expect([refused.status, refused.body.errors?.[0]?.source], refused.text).toEqual([
      400,
      { pointer: '/data/attributes/credentials/additional_params' },
    ]);
  }
  const kept = await house.ask(
    'PATCH',
    path,
    patchOf({ credentials: { additional_params: { page: 25, all: true } } }),
  );
  expect(kept.body.data.attributes.credentials.additional_params).toBe('{"all":"true","page":"25"}');
});

test('of a value with several forms, what is wrong is said of the form that it has', async () => {
  const { path } = await create({ access_token: 't' });
  for (const [given, words] of [
    [{ scope: 5 }, 'is of the wrong type. Give a text or a list.'],
    [{ scope: ['a', 5] }, 'is of the wrong type. Give a text.'],
    [{ scope: Array.from({ length: 201 }, () => 'a') }, 'is larger than allowed. At most 200 entries.'],
    [{ additional_params: [1] }, 'is of the wrong type. Give a text or an object'],
  ] as const) {
    const refused = await house.ask('PATCH', path, patchOf({ credentials: given }));
    expect([refused.status, refused.body.errors?.[0]?.detail], refused.text).toEqual([
      400,
      expect.stringContaining(words),
    ]);
  }
});

test('the auth client of a secret cannot be changed, in either spelling', async () => {
  const { path } = await create({ access_token: 't' });
  const another = await house.makeClient();
  for (const name of ['auth_client', 'auth-client']) {
    const refused = await house.ask('PATCH', path, {
      data: {
        type: 'auth-secret',
        relationships: { [name]: { data: { id: another, type: 'auth-client' } } },
      },
    });
    expect(refused.status, name).toBe(400);
    expect(refused.body.errors[0].detail).toContain('cannot be changed');
  }
});

test('a secret is deleted unless it is used, and then it is gone', async () => {
  const { id, path } = await create({ access_token: 't' });
  const use = { userKind: 'connection', userId: '11111111-1111-4111-8111-111111111111' };
  const { doors, tenant } = house.rooms;
  await doors.withTenant(tenant, (tx) => addUse(tx, id as CredentialId, use));
  const refused = await house.ask('DELETE', path);
  expect(refused.status).toBe(409);
  expect(refused.body.errors[0]).toMatchObject({ status: 409, code: 'in_use' });
  await doors.withTenant(tenant, (tx) => removeUse(tx, id as CredentialId, use));
  const deleted = await house.ask('DELETE', path, undefined, {
    headers: { 'content-type': 'application/json' },
  });
  expect([deleted.status, deleted.text]).toEqual([204, '']);
  for (const method of ['GET', 'PATCH', 'DELETE']) {
    const gone = await house.ask(method, path, method === 'PATCH' ? patchOf({ name: 'x' }) : undefined);
    expect(gone.status).toBe(404);
  }
  expect((await house.ask('POST', `${path}/refresh`)).status).toBe(404);
});

test('lists answer everything unless a page is asked for, by user and by client', async () => {
  const made = await house.ask('POST', '/workspaces', {
    data: {
      type: 'workspace',
      attributes: { name: 'Listing' },
      relationships: { contract: { data: { id: house.rooms.customer.id, type: 'contract' } } },
    },
  });
  const collection = `/workspaces/${made.body.data.id}/secrets`;
  const other = await house.makeClient();
  const post = (client: string, name: string) =>
    house.ask('POST', collection, secretBody(client, { access_token: 't' }, { name }));
  for (let number = 0; number < 23; number += 1) await post(clientId, `s${number}`);
  await post(other, 'of another client');
  const all = await house.ask('GET', collection);
  expect(all.body.data).toHaveLength(24);
  expect(all.body.meta).toEqual({});
  const ofOther = await house.ask('GET', `${collection}?filter[auth_client]=${other}`);
  expect(ofOther.body.data.map((item: { attributes: { name: string } }) => item.attributes.name)).toEqual([
    'of another client',
  ]);
  const me = house.rooms.owner.principalId;
  expect((await house.ask('GET', `${collection}?filter[user]=${me}`)).body.data).toHaveLength(24);
  expect((await house.ask('GET', `${collection}?filter[user]=${clientId}`)).body.data).toHaveLength(0);
  const page = await house.ask('GET', `${collection}?page[size]=10&page[number]=3`);
  expect(page.body.data).toHaveLength(4);
  expect(page.body.meta).toEqual({ page: 3, per_page: 10, total: 24, total_pages: 3 });
});

test('what one dialect makes, the other shows', async () => {
  const { doors, tenant, owner, customer } = house.rooms;
  const credential = await createCredentialElsewhere(house.rooms, customer.id);
  const shown = await house.ask('GET', `${secrets}/${credential.id}`);
  expect(shown.body.data.attributes).toMatchObject({
    name: 'From elsewhere',
    type: 'api_key_secret',
    credentials: { api_key: 'k', api_secret: 's' },
  });
  const changed = await house.ask(
    'PATCH',
    `${secrets}/${credential.id}`,
    patchOf({ credentials: { api_secret: 't' } }),
  );
  expect(changed.body.data.attributes.credentials).toEqual({ api_key: 'k', api_secret: 't' });
  const { id } = await create({ access_token: 't' }, { name: 'From here' });
  const listed = await doors.withTenant(tenant, (tx) =>
    listCredentials({ tx, actor: owner, unitId: customer.id, search: 'From', page: firstPage }),
  );
  expect(listed.items.map((item) => [item.id, item.label])).toEqual([
    [credential.id, 'From elsewhere'],
    [id, 'From here'],
  ]);
});
