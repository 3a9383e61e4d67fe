// How long a token lives that is read over the wire, and what callers hear who cannot have one that lives so long.
import { createHash } from 'node:crypto';
import { sql } from 'kysely';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { type JsonApiHouse, openJsonApiHouse } from '../../../../testing/jsonapi-house.ts';

let house: JsonApiHouse;
let clientId: string;
beforeAll(async () => {
  house = await openJsonApiHouse();
  clientId = await house.makeClient();
});
afterAll(() => house.close());
beforeEach(async () => {
  await house.emulator.setMode({ set: { rotation: 'always' } });
});

const refreshes = () => house.emulator.ledger.records().filter((record) => record.kind === 'refresh').length;
const tokenIn = (answer: {
  readonly body: {
    readonly data: { readonly attributes: { readonly credentials: { readonly access_token: string } } };
  };
}) => answer.body.data.attributes.credentials.access_token;

/** As if so many seconds had passed for this grant. */
async function age(id: string, seconds: number): Promise<void> {
  await house.rooms.doors.withTenant(house.rooms.tenant, async (tx) => {
    await sql`update oauth_grant set issued_at = issued_at - make_interval(secs => ${seconds}),
      expires_at = expires_at - make_interval(secs => ${seconds}),
      refreshed_at = refreshed_at - make_interval(secs => ${seconds})
      where credential_id = ${id}`.execute(tx);
  });
}

test('who says how long the token must live gets one that does, with one request and only when needed', async () => {
  const secret = await house.makeSecret(clientId);
  await age(secret.id, 3_000);
  const before = refreshes();
  expect(tokenIn(await house.ask('GET', `${secret.path}?min_ttl=500`))).toBe(secret.accessToken);
  expect(refreshes()).toBe(before);
  const longer = await house.ask('GET', `${secret.path}?min_ttl=900`);
  expect(longer.headers.get('x-token-degraded')).toBe(null);
  expect(house.emulator.isLiveAccessToken(tokenIn(longer))).toBe(true);
  expect(refreshes()).toBe(before + 1);
});

test('a token that lives shorter than asked for, because the provider is down, is served and marked', async () => {
  const secret = await house.makeSecret(clientId);
  await age(secret.id, 3_000);
  house.emulator.adjust({ outage: 'unavailable' });
  const answer = await house.ask('GET', `${secret.path}?min_ttl=900`);
  expect(answer.status).toBe(200);
  expect(answer.headers.get('x-token-degraded')).toBe('1');
  expect(tokenIn(answer)).toBe(secret.accessToken);
  expect((await house.ask('GET', secret.path)).headers.get('x-token-degraded')).toBe(null);
});

test('a dead token that may come back is 503 with Retry-After, one that needs a person is 409 with the cure', async () => {
  const secret = await house.makeSecret(clientId);
  await age(secret.id, 3_700);
  house.emulator.adjust({ outage: 'unavailable' });
  const later = await house.ask('GET', `${secret.path}?min_ttl=0`);
  expect(later.status, later.text).toBe(503);
  expect(Number(later.headers.get('retry-after'))).toBeGreaterThanOrEqual(1);
  await house.rooms.doors.withTenant(house.rooms.tenant, (tx) =>
    sql`update oauth_grant set state = 'needs_reauth', refresh_due_at = null where credential_id = ${secret.id}`.execute(
      tx,
    ),
  );
  const over = await house.ask('GET', `${secret.path}?min_ttl=60`);
  expect(over.status, over.text).toBe(409);
  expect(over.body.errors[0]).toMatchObject({ code: 'needs_authorization' });
  expect(over.body.errors[0].detail).toContain('Connect the account');
  // Who does not ask so strictly reads the secret as the dialect has it.
  expect((await house.ask('GET', secret.path)).body.data.attributes.state).toBe('error');
});

test('a provider that does not answer costs a reader less than ten seconds', {
  timeout: 20_000,
}, async () => {
  const secret = await house.makeSecret(clientId);
  await age(secret.id, 3_700);
  house.emulator.schedule([{ fault: 'hang', when: 'before', on: 'refresh' }]);
  const began = performance.now();
  const answer = await house.ask('GET', `${secret.path}?min_ttl=60`);
  expect(performance.now() - began).toBeLessThan(9_900);
  expect(answer.status, answer.text).toBe(503);
  expect(Number(answer.headers.get('retry-after'))).toBeGreaterThanOrEqual(1);
  house.emulator.release();
});

test('a time to live that is none is refused by name; secrets without tokens do not mind one', async () => {
  const secret = await house.makeSecret(clientId);
  for (const text of ['-1', '1.5', 'x', '86401', '1e3', '+5', ' 5', '99999999999', '1&min_ttl=2']) {
    const refused = await house.ask('GET', `${secret.path}?min_ttl=${text}`);
    expect(refused.status, text).toBe(400);
    expect(refused.body.errors[0], text).toMatchObject({
      code: 'invalid_field',
      source: { parameter: 'min_ttl' },
    });
  }
  for (const text of ['', '0', '86400']) {
    expect((await house.ask('GET', `${secret.path}?min_ttl=${text}`)).status, text).toBe(200);
  }
  const made = await house.ask('POST', `/workspaces/${house.rooms.customer.id}/secrets`, {
    data: { type: 'auth-secret', attributes: { name: 'n', type: 'noauth', credentials: {} } },
  });
  const path = `/workspaces/${house.rooms.customer.id}/secrets/${made.body.data.id}?min_ttl=60`;
  expect((await house.ask('GET', path)).status).toBe(200);
});

test('a refresh that names the refused token is spent only on the token that is served', async () => {
  const secret = await house.makeSecret(clientId);
  const refresh = (token: string) =>
    house.ask('POST', `${secret.path}/refresh`, undefined, {
      headers: { 'x-refused-token-sha256': createHash('sha256').update(token).digest('hex') },
    });
  const before = refreshes();
  const first = tokenIn(await refresh(secret.accessToken));
  expect(first).not.toBe(secret.accessToken);
  expect(tokenIn(await refresh(secret.accessToken))).toBe(first);
  expect(refreshes()).toBe(before + 1);
  expect(tokenIn(await refresh(first))).not.toBe(first);
  expect(refreshes()).toBe(before + 2);
  for (const given of ['x', 'a'.repeat(63), 'g'.repeat(64), first]) {
    const refused = await house.ask('POST', `${secret.path}/refresh`, undefined, {
      headers: { 'x-refused-token-sha256': given },
    });
    expect(refused.status).toBe(400);
    expect(refused.body.errors[0]).toMatchObject({ source: { header: 'X-Refused-Token-Sha256' } });
    expect(refused.text).not.toContain(first);
  }
});

test('the mode of a client is set, shown unless it is the default, and refused by name', async () => {
  const id = await house.makeClient({ refresh_mode: 'when_used' });
  const shown = async () => (await house.ask('GET', `/auth-clients/${id}`)).body.data.attributes.credentials;
  expect(await shown()).toMatchObject({ refresh_mode: 'when_used' });
  const patch = (credentials: object) =>
    house.ask('PATCH', `/auth-clients/${id}`, {
      data: { type: 'auth-client', id, attributes: { credentials } },
    });
  expect((await patch({ refresh_mode: 'keep_alive' })).status).toBe(200);
  expect(await shown()).toMatchObject({ refresh_mode: 'keep_alive' });
  expect((await patch({ refresh_lead: 30 })).status).toBe(200);
  expect(await shown()).toMatchObject({ refresh_mode: 'keep_alive', refresh_lead: 30 });
  for (const wrong of ['', 'Eager', 'never', 0, true, [], {}, 'eager,keep_alive']) {
    const refused = await patch({ refresh_mode: wrong });
    expect(refused.status, String(wrong)).toBe(400);
    expect(refused.body.errors[0].source).toEqual({
      pointer: '/data/attributes/credentials/refresh_mode',
    });
  }
  expect((await patch({ refresh_mode: null })).status).toBe(200);
  expect(await shown()).not.toHaveProperty('refresh_mode');
});

test('a parked secret is ready in a list, dead token or not, and refreshed by whoever reads it', async () => {
  const id = await house.makeClient({ refresh_mode: 'keep_alive' });
  const secret = await house.makeSecret(id);
  await age(secret.id, 4_000);
  const path = secret.path.replace(/\/[^/]+$/, `?filter[auth_client]=${id}`);
  const listed = async () => (await house.ask('GET', path)).body.data[0].attributes.state;
  expect(await listed()).toBe('ready');
  const before = refreshes();
  expect(house.emulator.isLiveAccessToken(tokenIn(await house.ask('GET', secret.path)))).toBe(true);
  expect(refreshes()).toBe(before + 1);
  await age(secret.id, 4_000);
  house.emulator.adjust({ outage: 'unavailable' });
  expect((await house.ask('GET', secret.path)).body.data.attributes.state).toBe('error');
  expect(await listed()).toBe('error');
});
