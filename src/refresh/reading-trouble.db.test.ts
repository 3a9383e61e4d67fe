// A healthy grant is read from two lists of its row, one in trouble with all there is to tell. Judged by what the test wrote.
import { sql } from 'kysely';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openCountingReader } from '../../testing/counting-reader.ts';
import { declareOAuthType, storeCredential, widgetsApp } from '../../testing/credential-kit.ts';
import { openTestHouse, type TestHouse } from '../../testing/test-house.ts';
import type { Credential } from '../credentials/credential.ts';

let house: TestHouse;
beforeAll(async () => {
  house = await openTestHouse();
});
afterAll(() => house.close());

async function change({ id }: Credential, columns: Readonly<Record<string, unknown>>): Promise<void> {
  const set = sql.join(Object.entries(columns).map(([name, value]) => sql`${sql.ref(name)} = ${value}`));
  await house.doors.withTenant(house.tenant, (tx) =>
    sql`update oauth_grant set ${set} where tenant_id = latchkey_tenant() and credential_id = ${id}`.execute(
      tx,
    ),
  );
}

const healthy = {
  state: 'active',
  consent_no: 3,
  token_no: 17,
  issued_at: '2026-01-31T12:00:00.123Z',
  expires_at: '2093-12-31T23:59:59.999Z',
  refresh_due_at: '2093-12-31T23:00:00Z',
};

test('counters and times of a healthy grant come as they are stored, in one look, whatever the time zone of the machine', async () => {
  const credential = await storeCredential(house, await declareOAuthType(house), widgetsApp);
  const { read, takeTrips } = openCountingReader(house);
  await change(credential, healthy);
  const grant = {
    state: 'active',
    consentNo: 3,
    tokenNo: 17,
    issuedAt: new Date('2026-01-31T12:00:00.123Z'),
    expiresAt: new Date('2093-12-31T23:59:59.999Z'),
    isRenewable: true,
    isArmed: false,
    hasFailed: false,
    lastErrorCode: null,
    lastError: null,
    retryInMs: null,
  };
  expect((await read(house.tenant, credential.id))?.grant).toMatchObject(grant);
  await change(credential, { expires_at: null, refresh_due_at: null, token_no: '9007199254740991' });
  expect((await read(house.tenant, credential.id))?.grant).toMatchObject({
    ...grant,
    tokenNo: 9_007_199_254_740_991,
    expiresAt: null,
    isRenewable: false,
  });
  expect(takeTrips()).toEqual(['read_grant', 'read_grant']);
});

test.each([
  {
    what: 'an attempt under way',
    columns: {
      attempt_id: '00000000-0000-4000-8000-00000000000a',
      attempt_owner: '00000000-0000-4000-8000-00000000000b',
      attempt_deadline: '2093-01-01T00:00:00Z',
    },
    told: { isArmed: true },
  },
  { what: 'a failure', columns: { fail_count: 2 }, told: { hasFailed: true } },
  {
    what: 'an error code',
    columns: { last_error_code: 'temporarily' },
    told: { lastErrorCode: 'temporarily' },
  },
  { what: 'a message', columns: { last_error: '"]}\n' }, told: { lastError: '"]}\n' } },
])(
  '$what is told with the time of the next try, and costs nothing any more when it is over',
  async ({ columns, told }) => {
    const credential = await storeCredential(house, await declareOAuthType(house), widgetsApp);
    const { read, takeTrips } = openCountingReader(house);
    await change(credential, healthy);
    const inTrouble = async () => (await read(house.tenant, credential.id))?.grant;
    expect(await inTrouble()).toMatchObject({ lastError: null, retryInMs: null });
    await change(credential, columns);
    const first = await inTrouble();
    expect(first).toMatchObject(told);
    const dueInMs = Date.parse(healthy.refresh_due_at) - Date.now();
    expect(Math.abs((first?.retryInMs ?? 0) - dueInMs)).toBeLessThan(60_000);
    expect(await inTrouble()).toMatchObject(told);
    expect(takeTrips()).toEqual(['read_grant', 'read_grant', 'read_whole', 'read_whole']);
    await change(
      credential,
      Object.fromEntries(Object.keys(columns).map((name) => [name, name === 'fail_count' ? 0 : null])),
    );
    for (let again = 0; again < 2; again++)
      expect(await inTrouble()).toMatchObject({ lastError: null, retryInMs: null });
    expect(takeTrips()).toEqual(['read_whole', 'read_grant']);
  },
);
