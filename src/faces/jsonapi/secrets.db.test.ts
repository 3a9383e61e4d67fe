// Secrets over the wire, as their clients send them, on a fresh database with two tenants.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type JsonApiHouse, openJsonApiHouse } from '../../../testing/jsonapi-house.ts';

let house: JsonApiHouse;
let secrets: string;
let clientId: string;
beforeAll(async () => {
  house = await openJsonApiHouse();
  secrets = `/workspaces/${house.rooms.customer.id}/secrets`;
  clientId = await makeClient('Emulator');
});
afterAll(async () => house.close());

async function makeClient(name: string, credentials: Record<string, unknown> = {}): Promise<string> {
  const { url } = house.emulator;
  const made = await house.ask('POST', '/auth-clients', {
    data: {
      type: 'auth-client',
      attributes: {
        type: 'oauth2',
        name,
        credentials: {
          client_id: 'latchkey-demo',
          client_secret: 'latchkey-demo-secret',
          auth_uri: `${url}/authorize`,
          token_uri: `${url}/token`,
          refresh_token_uri: `${url}/token?tenant=acme`,
          ...credentials,
        },
      },
      relationships: { components: { data: [{ id: 'c0ffee', type: 'component' }] } },
    },
  });
  expect(made.status, made.text).toBe(201);
  return made.body.data.id;
}

function newSecret(credentials: Record<string, unknown>, more: Record<string, unknown> = {}) {
  return {
    data: {
      type: 'auth-secret',
      attributes: { name: 'My account', state: 'ready', credentials, ...more },
      relationships: { auth_client: { data: { id: clientId, type: 'auth-client' } } },
    },
  };
}

test('ready tokens become a secret that reads back in the recorded shape', async () => {
  const made = await house.ask(
    'POST',
    secrets,
    newSecret({
      access_token: 'access-1',
      refresh_token: 'refresh-1',
      expires_in: '3600',
      scope: 'a,b',
      additional_params: '{"access_type":"offline"}',
      undefined_params: { api_domain: 'https://www.zohoapis.eu' },
      fields: { base_url: 'https://example.com' },
    }),
  );
  expect(made.status, made.text).toBe(201);
  expect(made.headers.get('content-type')).toBe('application/json; charset=utf-8');
  const { id } = made.body.data;
  const read = await house.ask('GET', `${secrets}/${id}`);
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
