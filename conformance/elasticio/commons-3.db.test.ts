// The vendor's component library of the generation before, which many components still carry. It differs from its successor in
// what it makes of an answer: it insists on `application/json`, builds its errors from `errors[0]` and never tries again.
import { FacelessRestClient, OAuth2RestClient, PlatformApiLogicClient } from 'component-commons-library-3';
import { afterAll, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import { flowBody, type JsonApiHouse, openJsonApiHouse, secretBody } from '../../testing/jsonapi-house.ts';
import { openWireTap, type WireTap } from './wire-tap.ts';

let house: JsonApiHouse;
let platform: WireTap;
let provider: WireTap;
let workspaceId: string;
let clientId: string;
const journal: string[] = [];
const emitter = { logger: { debug() {}, info() {}, error() {}, trace() {}, warn() {} } };

beforeAll(async () => {
  house = await openJsonApiHouse();
  workspaceId = house.rooms.customer.id;
  clientId = await house.makeClient();
  const secrets = `/v2/workspaces/${workspaceId}/secrets/`;
  const name = (path: string) => path.replace(secrets, 'secret ').replace(/[0-9a-f-]{36}/, 'S');
  platform = await openWireTap({ target: house.url, journal, name });
  provider = await openWireTap({ target: house.emulator.url, journal, name: (path) => path.slice(1) });
});
afterAll(async () => {
  vi.unstubAllEnvs();
  await platform.close();
  await provider.close();
  await house.close();
});
beforeEach(() => {
  vi.stubEnv('ELASTICIO_API_URI', `${platform.url}/`);
  vi.stubEnv('ELASTICIO_API_USERNAME', 'task-1');
  vi.stubEnv('ELASTICIO_API_KEY', house.ownerToken);
  vi.stubEnv('ELASTICIO_WORKSPACE_ID', workspaceId);
  journal.length = 0;
});

const asTask = () => new PlatformApiLogicClient(emitter, {}, 'my-comp/1.0.0', 'message');
const asUser = () => {
  const own = { url: platform.url, email: 'someone@example.com', apiKey: house.ownerToken };
  return new PlatformApiLogicClient(emitter, own);
};
const refreshes = () => house.emulator.ledger.records().filter((record) => record.kind === 'refresh');

test('a secret is read and refreshed, and both answers hold the token', async () => {
  const made = await house.makeSecret(clientId, { undefined_params: { instance_url: 'https://one' } });
  const read = await asTask().fetchSecretById({ secretId: made.id });
  const { credentials } = read.attributes;
  expect(read).toMatchObject({ id: made.id, type: 'auth-secret', attributes: { type: 'oauth2' } });
  expect(credentials.access_token).toBe(made.accessToken);
  house.emulator.expireAccessTokens();
  const refreshed = await asTask().refreshTokenBySecretId({ secretId: made.id });
  expect(refreshed.attributes.credentials).toMatchObject({
    undefined_params: { instance_url: 'https://one' },
  });
  const token: string = refreshed.attributes.credentials.access_token;
  expect(house.emulator.isLiveAccessToken(token)).toBe(true);
});

test('60 refreshes at once cost one token request', async () => {
  const { id } = await house.makeSecret(clientId);
  house.emulator.expireAccessTokens();
  const before = refreshes().length;
  const answers = await Promise.all(
    Array.from({ length: 60 }, () => asTask().refreshTokenBySecretId({ secretId: id })),
  );
  expect(refreshes().length - before).toBe(1);
  expect(new Set(answers.map((secret) => secret.attributes.credentials.access_token)).size).toBe(1);
});

test('all secrets of a workspace are listed with their components', async () => {
  const workspace = await house.ask('POST', '/workspaces', {
    data: {
      type: 'workspace',
      attributes: { name: 'Listing' },
      relationships: { contract: { data: { id: workspaceId, type: 'contract' } } },
    },
  });
  const { id } = workspace.body.data;
  const made = await house.ask(
    'POST',
    `/workspaces/${id}/secrets`,
    secretBody(clientId, { access_token: 't' }),
  );
  expect(await asUser().fetchAllSecretsForWorkspace({ workspaceId: id })).toEqual([
    { secretId: made.body.data.id, secretName: 'My account', componentIds: ['component-1'] },
  ]);
});

test('workspaces and contracts are found by a task and by a named user alike', async () => {
  const own = { contractId: workspaceId, workspaceId, workspaceName: 'Hooli', contractName: 'Hooli' };
  expect(await asTask().fetchWorkspaceList({})).toEqual([expect.objectContaining(own)]);
  expect(await asUser().fetchWorkspaceList({})).toContainEqual(expect.objectContaining(own));
});

test('what is wrong arrives as the library words it: status, title and detail', async () => {
  const missing = '11111111-1111-4111-8111-111111111111';
  await expect(asTask().fetchSecretById({ secretId: missing })).rejects.toThrow(
    /^404 Not Found - Not found: Secret not found/,
  );
  const { id } = await house.makeSecret(clientId);
  house.emulator.schedule([{ fault: 'oauth_error', error: 'invalid_grant', on: 'refresh' }]);
  const before = refreshes().length;
  await expect(asTask().refreshTokenBySecretId({ secretId: id })).rejects.toThrow(
    /^422 Unprocessable Entity - [A-Z][a-z ]+: .*invalid_grant/,
  );
  expect(refreshes().length - before).toBe(1);
  vi.stubEnv('ELASTICIO_API_KEY', 'wrong');
  await expect(asTask().fetchSecretById({ secretId: id })).rejects.toThrow(
    /^401 Unauthorized - [A-Z][a-z ]+: [A-Z]/,
  );
});

test('a component that only reads again on a 401 goes on once somebody else has refreshed', async () => {
  const { id, path } = await house.makeSecret(clientId);
  const client = new FacelessRestClient(emitter, { secretId: id, resourceServerUrl: provider.url });
  const read = () => client.makeRequest({ method: 'GET', url: '/resource' });
  expect(await read()).toMatchObject({ status: 200 });
  expect(journal.splice(0)).toEqual(['GET secret S 200', 'GET resource 200']);
  house.emulator.expireAccessTokens();
  await expect(read()).rejects.toMatchObject({ response: { status: 401 } });
  await house.ask('POST', `${path}/refresh`);
  journal.length = 0;
  expect(await read()).toMatchObject({ status: 200 });
  expect(journal).toEqual(['GET secret S 200', 'GET resource 200']);
});

test('a component that would renew by itself sees that the token of its step lives, and uses it', async () => {
  const { id } = await house.makeSecret(clientId);
  const flow = await house.ask('POST', '/flows', flowBody(workspaceId, { credentials_id: id }));
  const step = await house.ask('GET', `/v1/tasks/${flow.body.data.id}/steps/step_1`);
  const cfg = {
    ...step.body.config,
    resourceServerUrl: provider.url,
    authorizationServerTokenEndpointUrl: `${provider.url}/token`,
  };
  const client = new OAuth2RestClient(emitter, cfg);
  expect(await client.makeRequest({ method: 'GET', url: '/resource' })).toHaveProperty('scopes');
  expect(journal).toEqual(['GET resource 200']);
});
