// The real sailor in service mode (no queue), which checks credentials and fetches lists for forms, pointed at a listening
// server by its environment alone.
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { type JsonApiHouse, openJsonApiHouse } from '../../testing/jsonapi-house.ts';
import { startSailor } from './sailor-process.ts';
import { openWireTap, type WireTap } from './wire-tap.ts';

let house: JsonApiHouse;
let platform: WireTap;
let provider: WireTap;
let clientId: string;
const journal: string[] = [];
const results: { readonly authorization: string | undefined; readonly body: unknown }[] = [];

/** Where the platform would take results; the sailor accepts exactly 200. */
const sink = createServer((request, response) => {
  const chunks: Buffer[] = [];
  request.on('data', (chunk: Buffer) => chunks.push(chunk));
  request.on('end', () => {
    const body: unknown = JSON.parse(Buffer.concat(chunks).toString('utf8'));
    results.push({ authorization: request.headers.authorization, body });
    response.end();
  });
});

beforeAll(async () => {
  house = await openJsonApiHouse();
  clientId = await house.makeClient();
  const secrets = `/v2/workspaces/${house.rooms.customer.id}/secrets/`;
  const name = (path: string) => path.replace(secrets, 'secret ').replace(/[0-9a-f-]{36}/, 'S');
  platform = await openWireTap({ target: house.url, journal, name });
  provider = await openWireTap({ target: house.emulator.url, journal, name: (path) => path.slice(1) });
  await new Promise<void>((resolve) => sink.listen(0, '127.0.0.1', resolve));
});
afterAll(async () => {
  sink.close();
  await platform.close();
  await provider.close();
  await house.close();
});
beforeEach(() => {
  journal.length = 0;
  results.length = 0;
});

const refreshes = () => house.emulator.ledger.records().filter((record) => record.kind === 'refresh');

/** One run of the service; answers what it posted. */
async function runService(
  method: string,
  secretId: string,
  more: Record<string, string> = {},
  config: Record<string, string> = { secretId },
) {
  const { port } = sink.address() as AddressInfo;
  const sailor = startSailor('service', [method], {
    API_URI: platform.url,
    API_USERNAME: 'task-1',
    API_KEY: house.ownerToken,
    WORKSPACE_ID: house.rooms.customer.id,
    CFG: JSON.stringify({ ...config, resourceUrl: `${provider.url}/resource` }),
    POST_RESULT_URL: `http://post:p%40ss@127.0.0.1:${port}/result`,
    ...more,
  });
  const code = await sailor.exited;
  expect(code, sailor.output()).toBe(0);
  expect(results).toHaveLength(1);
  expect(results[0]?.authorization).toBe(`Basic ${btoa('post:p@ss')}`);
  return results[0]?.body;
}

const selectScopes = { ACTION_OR_TRIGGER: 'readResource', GET_MODEL_METHOD: 'getScopes' };
const scopes = { 'files.read': 'files.read', 'files.write': 'files.write', openid: 'openid' };

test('credentials are verified through the secret’s id, with the real secret', async () => {
  const made = await house.makeSecret(clientId);
  const verified = await runService('verifyCredentials', made.id);
  expect(verified).toEqual({ status: 'success', data: { verified: true } });
  expect(journal).toEqual(['GET secret S 200', 'GET resource 200']);
});

test('a secret whose token the provider refuses, and one that is not there, are not verified, and the reason arrives', async () => {
  const made = await house.makeSecret(clientId);
  house.emulator.expireAccessTokens();
  expect(await runService('verifyCredentials', made.id)).toMatchObject({
    data: { verified: false, reason: 'The resource answers 401' },
  });
  results.length = 0;
  expect(await runService('verifyCredentials', '11111111-1111-4111-8111-111111111111')).toMatchObject({
    data: { verified: false, reason: expect.stringContaining('Secret not found') },
  });
});

test('a list for a form is fetched through the secret’s id', async () => {
  const made = await house.makeSecret(clientId);
  const selected = await runService('selectModel', made.id, selectScopes);
  expect(selected).toEqual({ status: 'success', data: scopes });
  expect(journal).toEqual(['GET secret S 200', 'GET resource 200']);
});

test('what a step takes and gives is fetched through the secret’s id', async () => {
  const made = await house.makeSecret(clientId);
  const model = await runService('getMetaModel', made.id, { ACTION_OR_TRIGGER: 'readResource' });
  expect(model).toEqual({
    status: 'success',
    data: { in: {}, out: { type: 'object', required: ['openid', 'files.read', 'files.write'] } },
  });
  expect(journal).toEqual(['GET secret S 200', 'GET resource 200']);
});

test('a refused refresh is asked for once, and its failure is what is posted', async () => {
  const made = await house.makeSecret(clientId);
  house.emulator.expireAccessTokens();
  house.emulator.schedule([{ fault: 'oauth_error', error: 'invalid_grant', on: 'refresh' }]);
  const before = refreshes().length;
  const selected = await runService('selectModel', made.id, selectScopes);
  expect(selected).toEqual({ status: 'error', data: { message: expect.stringContaining('422') } });
  expect(journal).toEqual([
    'GET secret S 200',
    'GET resource 401',
    'GET secret S 200',
    'POST secret S/refresh 422',
  ]);
  expect(refreshes().length - before).toBe(1);
});

test('keys that an older component hands in are stored before the result is posted', async () => {
  const made = await house.makeSecret(clientId);
  const handIn = { ...selectScopes, GET_MODEL_METHOD: 'handIn' };
  const config = { _account: made.id, newToken: 'newer' };
  const selected = await runService('selectModel', made.id, handIn, config);
  expect(selected).toEqual({ status: 'success', data: { handedIn: true } });
  expect(journal).toEqual(['PUT /v1/accounts/S 200']);
  const after = await house.ask('GET', made.path);
  expect(after.body.data.attributes.credentials.access_token).toBe('newer');
});

test('token revoked at the provider: read, 401, read, refresh, 200, and the result is posted', async () => {
  const made = await house.makeSecret(clientId);
  house.emulator.expireAccessTokens();
  const before = refreshes().length;
  const selected = await runService('selectModel', made.id, selectScopes);
  expect(selected).toEqual({ status: 'success', data: scopes });
  expect(journal).toEqual([
    'GET secret S 200',
    'GET resource 401',
    'GET secret S 200',
    'POST secret S/refresh 200',
    'GET resource 200',
  ]);
  expect(refreshes().length - before).toBe(1);
});
