// Forced refreshes and reads of ageing tokens over the wire; the emulator's ledger is the judge.
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { sql } from 'kysely';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { type JsonApiHouse, openJsonApiHouse } from '../../../../testing/jsonapi-house.ts';

let house: JsonApiHouse;
const seen: string[] = [];
let recorderUrl = '';
const recorder = createServer((request, response) => {
  seen.push(request.url ?? '');
  response.setHeader('content-type', 'application/json');
  response.end('{"access_token":"from-the-recorder","token_type":"Bearer","expires_in":3600}');
});
let clientId: string;
beforeAll(async () => {
  await new Promise<void>((resolve) => recorder.listen(0, '127.0.0.1', resolve));
  const host = `127.0.0.1:${(recorder.address() as AddressInfo).port}`;
  recorderUrl = `http://${host}`;
  house = await openJsonApiHouse([host]);
  clientId = await house.makeClient();
});
afterAll(async () => {
  await house.close();
  recorder.close();
});
beforeEach(async () => {
  await house.emulator.setMode({ set: { rotation: 'always' } });
});

const refreshes = () => house.emulator.ledger.records().filter((record) => record.kind === 'refresh');

/** As if so many seconds had passed for this grant. */
async function age(id: string, seconds: number): Promise<void> {
  await house.rooms.doors.withTenant(house.rooms.tenant, async (tx) => {
    await sql`update oauth_grant set issued_at = issued_at - make_interval(secs => ${seconds}),
      expires_at = expires_at - make_interval(secs => ${seconds}),
      refreshed_at = refreshed_at - make_interval(secs => ${seconds})
      where credential_id = ${id}`.execute(tx);
  });
}

test('60 refreshes at once, through two servers, are one token request and all answer its new token', async () => {
  const secret = await house.makeSecret(clientId, { undefined_params: { instance_url: 'https://one' } });
  const other = await house.again();
  const before = refreshes().length;
  const answers = await Promise.all(
    Array.from({ length: 60 }, async (_, index) => {
      const url = index % 2 === 0 ? house.url : other.url;
      const response = await fetch(`${url}/v2${secret.path}/refresh`, {
        method: 'POST',
        headers: { authorization: `Bearer ${house.ownerToken}` },
      });
      return { status: response.status, body: (await response.json()) as never };
    }),
  );
  await other.close();
  expect(answers.map((answer) => answer.status)).toEqual(Array(60).fill(200));
  const tokens = new Set(
    answers
      .map(({ body }) => (body as { data: { attributes: { credentials: { access_token: string } } } }).data)
      .map((data) => data.attributes.credentials.access_token),
  );
  expect(refreshes().length - before).toBe(1);
  expect(tokens.size).toBe(1);
  const [token = ''] = tokens;
  expect(token).not.toBe(secret.accessToken);
  expect(house.emulator.isLiveAccessToken(token)).toBe(true);
  // What the provider once said beside the token survives an answer that does not repeat it.
  const read = await house.ask('GET', secret.path);
  expect(read.body.data.attributes.credentials).toMatchObject({
    access_token: token,
    undefined_params: { instance_url: 'https://one' },
  });
});

test('the body and content type of a refresh do not matter, and the answer is an object', async () => {
  const bodies: readonly (readonly [Record<string, string>, string | undefined])[] = [
    [{}, undefined],
    [{ 'content-type': 'application/x-www-form-urlencoded' }, ''],
    [{ 'content-type': 'application/json' }, ''],
    [{ 'content-type': 'application/json' }, '{}'],
    [{ 'content-type': 'application/json' }, 'not json'],
    [{ 'content-type': 'text/plain; charset=utf-8' }, 'anything'],
  ];
  const secret = await house.makeSecret(clientId);
  for (const [headers, body] of bodies) {
    const answer = await fetch(`${house.url}/v2${secret.path}/refresh`, {
      method: 'POST',
      headers: { authorization: `Bearer ${house.ownerToken}`, ...headers },
      ...(body === undefined ? {} : { body }),
    });
    expect(answer.status).toBe(200);
    const { data } = (await answer.json()) as { data: { type: string } };
    expect(data.type).toBe('auth-secret');
  }
});

test('the query string of the refresh address is kept', async () => {
  const target = await house.makeClient({ refresh_token_uri: `${recorderUrl}/t?x=y&z=1` });
  const secret = await house.makeSecret(target);
  const refreshed = await house.ask('POST', `${secret.path}/refresh`);
  expect(refreshed.body.data.attributes.credentials.access_token).toBe('from-the-recorder');
  expect(seen).toEqual(['/t?x=y&z=1']);
});

test('a provider that refuses is a 4xx with its reason, while the living token goes on being read', async () => {
  const secret = await house.makeSecret(clientId);
  house.emulator.schedule([{ fault: 'oauth_error', error: 'invalid_grant', on: 'refresh' }]);
  const refused = await house.ask('POST', `${secret.path}/refresh`);
  expect(refused.status).toBeGreaterThanOrEqual(400);
  expect(refused.status).toBeLessThan(500);
  expect([409, 423, 429]).not.toContain(refused.status);
  expect(refused.body.errors[0]).toMatchObject({ status: refused.status, code: 'provider_refused' });
  expect(refused.body.errors[0].detail).toContain('invalid_grant');
  const read = await house.ask('GET', secret.path);
  expect(read.body.data.attributes).toMatchObject({
    state: 'ready',
    credentials: { access_token: secret.accessToken },
  });
  expect(read.body.data.attributes.error).toBeTypeOf('string');
});

test('reads do not wait for a refresh while the token lives, and take the new one once it is dead', async () => {
  const secret = await house.makeSecret(clientId);
  await age(secret.id, 3_560);
  house.emulator.schedule([{ fault: 'hang', when: 'before', on: 'refresh' }]);
  const running = house.ask('POST', `${secret.path}/refresh`);
  await house.emulator.whenHanging(1);
  const read = await house.ask('GET', secret.path);
  expect(read.body.data.attributes.credentials.access_token).toBe(secret.accessToken);
  house.emulator.release();
  expect((await running).status).toBe(200);
  const current = (await house.ask('GET', secret.path)).body.data.attributes.credentials.access_token;
  const before = refreshes().length;
  await age(secret.id, 3_700);
  const after = await house.ask('GET', secret.path);
  expect(after.body.data.attributes.state).toBe('ready');
  expect(after.body.data.attributes.credentials.access_token).not.toBe(current);
  expect(refreshes().length - before).toBe(1);
});

test('an expired token that cannot be refreshed reads as an error, not as a failure of ours', async () => {
  const secret = await house.makeSecret(clientId);
  await age(secret.id, 3_700);
  house.emulator.adjust({ outage: 'unavailable' });
  const read = await house.ask('GET', secret.path);
  expect(read.status).toBe(200);
  expect(read.body.data.attributes).toMatchObject({ state: 'error', error: expect.any(String) });
});

test('whoever sends an older answer back to change the name alone does not bring its token back', async () => {
  const secret = await house.makeSecret(clientId);
  const shown = (await house.ask('GET', secret.path)).body.data;
  const refreshed = (await house.ask('POST', `${secret.path}/refresh`)).body.data;
  expect(refreshed.attributes.credentials.access_token).not.toBe(shown.attributes.credentials.access_token);
  const attributes = { ...shown.attributes, name: 'Renamed' };
  const renamed = await house.ask('PATCH', secret.path, { data: { type: 'auth-secret', attributes } });
  expect(renamed.status, renamed.text).toBe(200);
  const after = (await house.ask('GET', secret.path)).body.data.attributes;
  expect(after.name).toBe('Renamed');
  expect(after.credentials.access_token).toBe(refreshed.attributes.credentials.access_token);
  // A new token is a new token, whatever stands beside it.
  const credentials = { ...after.credentials, access_token: 'given', expires_at: undefined };
  await house.ask('PATCH', secret.path, { data: { type: 'auth-secret', attributes: { credentials } } });
  const given = (await house.ask('GET', secret.path)).body.data.attributes.credentials;
  expect(given.access_token).toBe('given');
});

test('addresses that are none are refused when they are called, with a 4xx', async () => {
  for (const address of ['{TOKEN_URI}', 'http://example.com', 'http://169.254.169.254/x']) {
    const target = await house.makeClient({ token_uri: address, refresh_token_uri: address });
    const secret = await house.makeSecret(target);
    const refused = await house.ask('POST', `${secret.path}/refresh`);
    expect(refused.status, `${address}: ${refused.text}`).toBeGreaterThanOrEqual(400);
    expect(refused.status, `${address}: ${refused.text}`).toBeLessThan(500);
  }
});

test('a secret without a refresh token, or without any token, cannot be refreshed', async () => {
  const secret = await house.makeSecret(clientId, { refresh_token: null });
  expect((await house.ask('POST', `${secret.path}/refresh`)).status).toBe(409);
  const made = await house.ask('POST', `/workspaces/${house.rooms.customer.id}/secrets`, {
    data: { type: 'auth-secret', attributes: { name: 'n', type: 'noauth', credentials: {} } },
  });
  const refused = await house.ask(
    'POST',
    `/workspaces/${house.rooms.customer.id}/secrets/${made.body.data.id}/refresh`,
  );
  expect(refused.status).toBe(400);
});
