// What a forced refresh answers when something goes wrong: the provider's failures are told as the caller's to know (4xx),
// because clients of this dialect try 5xx again and again; our own trouble is a 503; nobody waits for ten seconds.
import { sql } from 'kysely';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import type { ScriptedFaultInput } from '../../../../providers/fault.ts';
import { type JsonApiHouse, openJsonApiHouse } from '../../../../testing/jsonapi-house.ts';

let house: JsonApiHouse;
beforeAll(async () => {
  house = await openJsonApiHouse();
});
afterAll(async () => house.close());
beforeEach(async () => {
  await house.emulator.setMode({ set: { rotation: 'always' } });
});

// One client each: what one failure teaches about a client must not answer for the next.
const freshSecret = async () => await house.makeSecret(await house.makeClient());
const ofLock = [409, 423, 429];

test('a database that does not answer is our own trouble: a 503 with errors[], before ten seconds are over', {
  timeout: 40_000,
}, async () => {
  const secret = await freshSecret();
  const holder = await house.rooms.database.database.pool('owner').connect();
  const began = performance.now();
  try {
    await holder.query('begin; lock table oauth_grant in access exclusive mode');
    const refused = await house.ask('POST', `${secret.path}/refresh`);
    expect(performance.now() - began).toBeLessThan(9_900);
    expect(refused.status, refused.text).toBe(503);
    expect(refused.body.errors[0]).toMatchObject({ status: 503, code: 'unavailable' });
    expect(refused.text).not.toContain('oauth_grant');
  } finally {
    await holder.query('rollback');
    holder.release();
  }
  const refreshed = await house.ask('POST', `${secret.path}/refresh`);
  expect(refreshed.status, refreshed.text).toBe(200);
});

test('each client’s lead decides when its secrets are due: at least a minute ahead, or as late as the provider wants', async () => {
  const aheadOf = async (path: string) => {
    const { doors, tenant } = house.rooms;
    const rows = await doors.withTenant(tenant, (tx) =>
      sql<{ ahead: number }>`select extract(epoch from expires_at - refresh_due_at)::float8 as ahead
        from oauth_grant where credential_id = ${path.split('/').at(-1)}`.execute(tx),
    );
    return rows.rows[0]?.ahead ?? 0;
  };
  for (const [lead, least, most] of [
    [undefined, 60, 1_200],
    [120, 60, 120],
    [30, 1, 30],
  ] as const) {
    const client = await house.makeClient(lead === undefined ? {} : { refresh_lead: lead });
    const { path } = await house.makeSecret(client);
    for (const step of ['made', 'refreshed']) {
      if (step === 'refreshed') expect((await house.ask('POST', `${path}/refresh`)).status).toBe(200);
      const ahead = await aheadOf(path);
      expect(ahead, `lead ${lead}, ${step}`).toBeGreaterThanOrEqual(least);
      expect(ahead, `lead ${lead}, ${step}`).toBeLessThanOrEqual(most);
    }
  }
});

test('an answer without a lifetime has that of the client, also after a refresh; what it leaves out is kept', async () => {
  const client = await house.makeClient({ token_expires_in: 1_800 });
  const secret = await house.makeSecret(client, {
    undefined_params: { instance_url: 'https://one', kept: 1 },
  });
  house.emulator.schedule([
    {
      fault: 'shape',
      on: 'refresh',
      shape: { expiresIn: 'absent', fields: { instance_url: 'https://two' } },
    },
  ]);
  const refreshed = await house.ask('POST', `${secret.path}/refresh`);
  expect(refreshed.status, refreshed.text).toBe(200);
  expect(refreshed.body.data.attributes.credentials).toMatchObject({
    expires_in: 1_800,
    undefined_params: { instance_url: 'https://two', kept: 1 },
  });
  expect(refreshed.body.data.attributes.credentials.access_token).not.toBe(secret.accessToken);
});

// From here on the emulator fails: what it is thought of by then must not decide what stands above.
const failures: readonly ScriptedFaultInput[] = [
  { fault: 'oauth_error', error: 'invalid_grant' },
  { fault: 'oauth_error', error: 'invalid_client', status: 401 },
  { fault: 'oauth_error', error: 'server_error', status: 500 },
  { fault: 'error_with_200' },
  { fault: 'server_error', when: 'before' },
  { fault: 'server_error', when: 'after' },
  { fault: 'unavailable' },
  { fault: 'reset', when: 'before' },
  { fault: 'reset', when: 'after' },
  { fault: 'html' },
  { fault: 'empty' },
  { fault: 'truncate' },
  { fault: 'redirect', location: 'https://elsewhere.example/token' },
  { fault: 'huge_body', megabytes: 2 },
];

test.each(failures.map((fault) => ({ ...fault, name: JSON.stringify(fault) })))(
  'the provider fails with $name: a 4xx that no client takes for a lock, and the living token goes on being served',
  async ({ name: _name, ...fault }) => {
    const secret = await freshSecret();
    house.emulator.schedule([{ ...fault, on: 'refresh' }]);
    const refused = await house.ask('POST', `${secret.path}/refresh`);
    expect(refused.status, refused.text).toBeGreaterThanOrEqual(400);
    expect(refused.status, refused.text).toBeLessThan(500);
    expect(ofLock).not.toContain(refused.status);
    expect(refused.body.errors).toHaveLength(1);
    expect(refused.body.errors[0]).toMatchObject({
      status: refused.status,
      code: expect.any(String),
      title: expect.any(String),
      detail: expect.any(String),
    });
    const read = await house.ask('GET', secret.path);
    expect(read.body.data.attributes.credentials.access_token).toBe(secret.accessToken);
  },
);

test('a provider that is away altogether is a 4xx too', async () => {
  const nobody = await house.makeClient({
    token_uri: 'http://127.0.0.1:9/token',
    refresh_token_uri: 'http://127.0.0.1:9/token',
  });
  const secret = await house.makeSecret(nobody);
  const refused = await house.ask('POST', `${secret.path}/refresh`);
  expect(refused.status, refused.text).toBeGreaterThanOrEqual(400);
  expect(refused.status, refused.text).toBeLessThan(500);
  expect(ofLock).not.toContain(refused.status);
});

test('a provider that hangs costs less than ten seconds, whoever waits, and is then a 503 to try again', {
  timeout: 40_000,
}, async () => {
  const secret = await freshSecret();
  house.emulator.schedule([{ fault: 'hang', when: 'before', on: 'refresh' }]);
  const began = performance.now();
  const answers = await Promise.all(
    Array.from({ length: 5 }, async () => {
      const answer = await house.ask('POST', `${secret.path}/refresh`);
      return { ...answer, tookMs: performance.now() - began };
    }),
  );
  for (const answer of answers) {
    expect(answer.tookMs).toBeLessThan(9_900);
    expect(answer.status, answer.text).toBe(503);
    expect(answer.body.errors[0]).toMatchObject({ status: 503, code: 'unavailable' });
    expect(Number(answer.headers.get('retry-after'))).toBeGreaterThanOrEqual(1);
  }
  // Meanwhile reads do not wait at all.
  const reading = performance.now();
  const read = await house.ask('GET', secret.path);
  expect(performance.now() - reading).toBeLessThan(2_000);
  expect(read.body.data.attributes.credentials.access_token).toBe(secret.accessToken);
  house.emulator.release();
  await expect
    .poll(async () => (await house.ask('GET', secret.path)).body.data.attributes.credentials.access_token, {
      timeout: 10_000,
    })
    .not.toBe(secret.accessToken);
});

test('a provider that wants us slower is a 4xx once, and then is left alone: a 503 that says so', async () => {
  // At an emulator of its own, which nobody has an opinion of yet.
  const calm = await openJsonApiHouse();
  const clientId = await calm.makeClient();
  const secret = await calm.makeSecret(clientId);
  calm.emulator.schedule([{ fault: 'rate_limited', retryAfter: 60, on: 'refresh' }]);
  const refused = await calm.ask('POST', `${secret.path}/refresh`);
  expect(refused.status, refused.text).toBe(422);
  const requests = calm.emulator.ledger.records().length;
  const another = await calm.makeSecret(clientId);
  const left = await calm.ask('POST', `${another.path}/refresh`);
  expect(left.status, left.text).toBe(503);
  expect(left.body.errors[0].detail).toContain('wants us slower');
  expect(Number(left.headers.get('retry-after'))).toBeGreaterThanOrEqual(1);
  const refreshes = calm.emulator.ledger
    .records()
    .slice(requests)
    .filter(({ kind }) => kind === 'refresh');
  expect(refreshes).toEqual([]);
  await calm.close();
});
