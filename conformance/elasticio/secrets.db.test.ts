// The real clients of elastic.io, unmodified, against a listening server: all that changes for them is an address.
import { PlatformApiLogicClient } from '@elastic.io/component-commons-library';
import connect from 'elasticio-rest-node';
import { afterAll, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import {
  createCredentialElsewhere,
  type JsonApiHouse,
  openJsonApiHouse,
  secretBody,
} from '../../testing/jsonapi-house.ts';

type Secret = {
  readonly id: string;
  readonly attributes: {
    readonly type: string;
    readonly credentials: {
      readonly access_token: string;
      readonly undefined_params: Readonly<Record<string, string>>;
    };
  };
};

let house: JsonApiHouse;
let workspaceId: string;
let clientId: string;
const emitter = { logger: { debug() {}, info() {}, error() {}, trace() {}, warn() {} } };

beforeAll(async () => {
  house = await openJsonApiHouse();
  workspaceId = house.rooms.customer.id;
  clientId = await house.makeClient();
  await house.emulator.setMode({ set: { rotation: 'always' } });
});
afterAll(async () => {
  vi.unstubAllEnvs();
  await house.close();
});
beforeEach(() => {
  vi.stubEnv('ELASTICIO_API_URI', house.url);
  vi.stubEnv('ELASTICIO_API_USERNAME', 'task-1');
  vi.stubEnv('ELASTICIO_API_KEY', house.ownerToken);
  vi.stubEnv('ELASTICIO_WORKSPACE_ID', workspaceId);
  vi.stubEnv('ELASTICIO_FLOW_ID', 'flow');
  vi.stubEnv('ELASTICIO_STEP_ID', 'step_1');
});

/** As a component has it: everything from the environment. */
const asTask = () => new PlatformApiLogicClient(emitter, {}, 'my-comp/1.0.0', 'message');
const refreshes = () => house.emulator.ledger.records().filter((record) => record.kind === 'refresh');

async function callResource(token: string): Promise<number> {
  const response = await fetch(`${house.emulator.url}/resource`, {
    headers: { authorization: `Bearer ${token}` },
  });
  await response.arrayBuffer();
  return response.status;
}

test('a component finds its secret by what the environment says', async () => {
  const made = await house.makeSecret(clientId, { undefined_params: { instance_url: 'https://one' } });
  const secret = (await asTask().fetchSecretById({ secretId: made.id })) as Secret;
  expect(secret).toMatchObject({
    id: made.id,
    attributes: {
      type: 'oauth2',
      credentials: { access_token: made.accessToken, undefined_params: { instance_url: 'https://one' } },
    },
  });
  const rest = connect();
  expect(await rest.secrets.retrieve(workspaceId, made.id)).toMatchObject({ data: secret });
});

test('token revoked at the provider: read, 401, read again, refresh, 200', async () => {
  const made = await house.makeSecret(clientId);
  const platform = asTask();
  const first = (await platform.fetchSecretById({ secretId: made.id })) as Secret;
  expect(await callResource(first.attributes.credentials.access_token)).toBe(200);
  house.emulator.expireAccessTokens();
  expect(await callResource(first.attributes.credentials.access_token)).toBe(401);
  const again = (await platform.fetchSecretById({ secretId: made.id })) as Secret;
  expect(again.attributes.credentials.access_token).toBe(first.attributes.credentials.access_token);
  const refreshed = (await platform.refreshTokenBySecretId({ secretId: made.id })) as Secret;
  expect(await callResource(refreshed.attributes.credentials.access_token)).toBe(200);
});

test('a stampede of 60 refreshes by real clients is one token request, and every client gets the new token', async () => {
  const made = await house.makeSecret(clientId);
  house.emulator.expireAccessTokens();
  const before = refreshes().length;
  const clients = Array.from({ length: 3 }, asTask);
  const answers = (await Promise.all(
    Array.from({ length: 60 }, (_, index) =>
      clients[index % clients.length]?.refreshTokenBySecretId({ secretId: made.id }),
    ),
  )) as readonly Secret[];
  expect(refreshes().length - before).toBe(1);
  const tokens = new Set(answers.map((secret) => secret.attributes.credentials.access_token));
  expect(tokens.size).toBe(1);
  expect(await callResource([...tokens][0] ?? '')).toBe(200);
});

test('all secrets of a workspace are listed with their components, also those of the other dialect', async () => {
  const made = await house.ask('POST', '/workspaces', {
    data: {
      type: 'workspace',
      attributes: { name: 'Listing' },
      relationships: { contract: { data: { id: workspaceId, type: 'contract' } } },
    },
  });
  const other = made.body.data.id;
  const secret = await house.ask(
    'POST',
    `/workspaces/${other}/secrets`,
    secretBody(clientId, { access_token: 't' }),
  );
  const foreign = await createCredentialElsewhere(house.rooms, other);
  const admin = await house.rooms.addActor(house.rooms, workspaceId as never, 'customer_admin');
  for (const token of [house.ownerToken, await house.tokenOf(admin)]) {
    const listing = new PlatformApiLogicClient(emitter, {
      url: house.url,
      email: 'someone@example.com',
      apiKey: token,
    });
    expect(await listing.fetchAllSecretsForWorkspace({ workspaceId: other })).toEqual([
      { secretId: foreign.id, secretName: 'From elsewhere', componentIds: [] },
      { secretId: secret.body.data.id, secretName: 'My account', componentIds: ['component-1'] },
    ]);
  }
});

test('workspaces and contracts are found by a task and by a named user alike', async () => {
  const asUser = new PlatformApiLogicClient(emitter, {
    url: house.url,
    email: 'someone@example.com',
    apiKey: house.ownerToken,
  });
  const own = { contractId: workspaceId, workspaceId, workspaceName: 'Hooli', contractName: 'Hooli' };
  expect(await asTask().fetchWorkspaceList({})).toEqual([expect.objectContaining(own)]);
  expect(await asUser.fetchWorkspaceList({})).toContainEqual(expect.objectContaining(own));
});

test('errors arrive in the clients’ own words, and a refused refresh is not retried', async () => {
  const rest = connect();
  const missing = '11111111-1111-4111-8111-111111111111';
  await expect(rest.secrets.retrieve(workspaceId, missing)).rejects.toMatchObject({
    statusCode: 404,
    message: expect.stringContaining('Secret not found'),
  });
  const made = await house.makeSecret(clientId);
  house.emulator.schedule([{ fault: 'oauth_error', error: 'invalid_grant', on: 'refresh' }]);
  const before = refreshes().length;
  await expect(asTask().refreshTokenBySecretId({ secretId: made.id })).rejects.toMatchObject({
    response: { status: 422 },
  });
  expect(refreshes().length - before).toBe(1);
  vi.stubEnv('ELASTICIO_API_KEY', 'wrong');
  await expect(asTask().fetchSecretById({ secretId: made.id })).rejects.toMatchObject({
    response: { status: 401 },
  });
});
