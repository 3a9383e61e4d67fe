import { sql } from 'kysely';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { type Emulator, startEmulator } from '../../providers/emulator.ts';
import { faultSchema, type ScriptedFaultInput } from '../../providers/fault.ts';
import { connectAccount, createOAuthCredential } from '../../testing/connect-account.ts';
import { grantRow } from '../../testing/credential-kit.ts';
import { openRefreshProcess, type RefreshProcess } from '../../testing/refresh-process.ts';
import { openTestHouse, type TestHouse } from '../../testing/test-house.ts';
import type { Credential } from '../credentials/credential.ts';
import { readConnectionLog } from '../credentials/log-store.ts';
import type { Fault } from '../kernel/fault.ts';
import { firstPage } from '../kernel/page.ts';

let house: TestHouse;
let emulator: Emulator;
let one: RefreshProcess;
const strict = { set: { rotation: 'always', graceSeconds: 0, reuse: 'revoke_family' } } as const;
beforeAll(async () => {
  house = await openTestHouse();
  emulator = await startEmulator(strict);
  one = await openRefreshProcess(house, emulator);
});
afterAll(async () => {
  await emulator.close();
  await house.close();
});
beforeEach(async () => {
  await emulator.setMode(strict);
  // What earlier tests left behind must not become due in this one.
  await house.doors.asScheduler((tx) =>
    sql`update oauth_grant set refresh_due_at = refresh_due_at + interval '1 day' where attempt_id is null`.execute(
      tx,
    ),
  );
});

const due = { expiresInSeconds: 300, dueInSeconds: 0 };
async function connected(timing = due) {
  const credential = await createOAuthCredential(house, emulator);
  return { credential, ...(await connectAccount(house, emulator, credential, timing)) };
}
const fail = (...faults: ScriptedFaultInput[]) =>
  emulator.schedule(faults.map((fault) => faultSchema.parse(fault)));
const row = (credential: Credential) => grantRow(house, house.tenant, credential.id);
const refreshes = () => emulator.ledger.records().filter((record) => record.kind === 'refresh');
const read = (credential: Credential, more: object = {}) =>
  one.reader.readToken({ tenant: house.tenant, credentialId: credential.id, ...more });
const faultOf = (work: Promise<unknown>): Promise<Fault> =>
  work.then(
    () => {
      throw new Error('it did not fail');
    },
    (error: Fault) => error,
  );
const makeDue = (credential: Credential) =>
  house.doors.asScheduler((tx) =>
    sql`update oauth_grant set refresh_due_at = clock_timestamp() - interval '1 s'
      where credential_id = ${credential.id}`.execute(tx),
  );
const expire = (credential: Credential, seconds: number) =>
  house.doors.withTenant(house.tenant, (tx) =>
    sql`update oauth_grant set expires_at = clock_timestamp() + make_interval(secs => ${seconds})
      where credential_id = ${credential.id}`.execute(tx),
  );
/** How many seconds until the next try. */
async function waitOf(credential: Credential): Promise<number> {
  return ((await row(credential)).refresh_due_at?.getTime() ?? Number.NaN) / 1000 - Date.now() / 1000;
}

const answers: [string, ScriptedFaultInput, { code: string; unknown: boolean; from: number; to: number }][] =
  [
    [
      'not executed: 503',
      { fault: 'unavailable', retryAfter: null },
      { code: 'unavailable', unknown: false, from: 2, to: 8 },
    ],
    [
      'not executed: 429 with Retry-After',
      { fault: 'rate_limited', retryAfter: 7 },
      { code: '*', unknown: false, from: 5, to: 8 },
    ],
    [
      'not executed: Retry-After of a year',
      { fault: 'rate_limited', retryAfter: 31_536_000 },
      { code: '*', unknown: false, from: 3_500, to: 3_601 },
    ],
    [
      'configuration: invalid_scope',
      { fault: 'oauth_error', error: 'invalid_scope' },
      { code: 'invalid_scope', unknown: false, from: 500, to: 700 },
    ],
    [
      'configuration: redirected',
      { fault: 'redirect', location: 'http://127.0.0.1:9/x' },
      { code: 'unexpected_redirect', unknown: false, from: 500, to: 700 },
    ],
    [
      'executed or not: reset',
      { fault: 'reset', when: 'before' },
      { code: '*', unknown: true, from: 30, to: 37 },
    ],
    ['executed: reset', { fault: 'reset', when: 'after' }, { code: '*', unknown: true, from: 30, to: 37 }],
    [
      'executed: 500',
      { fault: 'server_error', when: 'after' },
      { code: '*', unknown: true, from: 30, to: 37 },
    ],
    ['executed: cut off', { fault: 'truncate' }, { code: '*', unknown: true, from: 30, to: 37 }],
    ['executed: empty', { fault: 'empty' }, { code: '*', unknown: true, from: 30, to: 37 }],
    [
      'executed: a web page',
      { fault: 'html', when: 'after' },
      { code: '*', unknown: true, from: 30, to: 37 },
    ],
    [
      'executed: 32 MB',
      { fault: 'huge_body', megabytes: 32 },
      { code: '*', unknown: true, from: 30, to: 37 },
    ],
    [
      'executed: a bomb',
      { fault: 'gzip_bomb', megabytes: 32 },
      { code: '*', unknown: true, from: 30, to: 37 },
    ],
    [
      'executed: line break in the token',
      { fault: 'shape', shape: { accessToken: 'line_break' } },
      { code: '*', unknown: true, from: 30, to: 37 },
    ],
  ];

test.each(answers)(
  '%s: the token lives on, the grant waits as the table says',
  async (_name, fault, expected) => {
    const { credential, accessToken } = await connected();
    fail({ ...fault, on: 'refresh' } as ScriptedFaultInput);
    await one.refresher.runOnce();
    const stored = await row(credential);
    expect(stored).toMatchObject({
      state: 'degraded',
      outcome_unknown: expected.unknown,
      fail_count: 1,
      attempt_id: null,
      token_no: 1,
      ...(expected.code === '*' ? {} : { last_error_code: expected.code }),
    });
    const wait = await waitOf(credential);
    expect(wait).toBeGreaterThan(expected.from);
    expect(wait).toBeLessThan(expected.to);
    const count = refreshes().length;
    await one.refresher.runOnce();
    const reading = await read(credential, { minTtlSeconds: 600 });
    expect(reading.grant.tokens.accessToken.revealText()).toBe(accessToken);
    expect(refreshes().length).toBe(count);
  },
);

test('an answer lost after a strict provider’s rotation is called lost_rotation at the next try', async () => {
  const { credential, accessToken } = await connected();
  fail({ fault: 'reset', when: 'after', on: 'refresh' });
  await one.refresher.runOnce();
  await makeDue(credential);
  await one.refresher.runOnce();
  expect(await row(credential)).toMatchObject({
    state: 'needs_reauth',
    last_error_code: 'lost_rotation',
    refresh_due_at: null,
  });
  expect((await read(credential)).grant.tokens.accessToken.revealText()).toBe(accessToken);
  await expire(credential, -1);
  const fault = await faultOf(read(credential));
  expect(fault).toMatchObject({ code: 'needs_authorization', cure: 'Connect the account (again).' });
  const { items } = await house.doors.withTenant(house.tenant, (tx) =>
    readConnectionLog(tx, { connectionId: null, credentialId: credential.id }, firstPage),
  );
  expect(items[0]).toMatchObject({ severity: 'error', code: 'needs_authorization' });
});

test('the same lost answer at a provider with grace, or without rotation, is made good', async () => {
  for (const set of [{ rotation: 'always', graceSeconds: 60 }, { rotation: 'none' }] as const) {
    await emulator.setMode({ set });
    const { credential } = await connected();
    fail({ fault: 'reset', when: 'after', on: 'refresh' });
    await one.refresher.runOnce();
    await makeDue(credential);
    await one.refresher.runOnce();
    expect(await row(credential)).toMatchObject({
      state: 'active',
      outcome_unknown: false,
      fail_count: 0,
      token_no: 2,
    });
    const token = (await read(credential)).grant.tokens.accessToken.revealText();
    expect(emulator.isLiveAccessToken(token)).toBe(true);
  }
});

test('a refused refresh token makes a suspect first, and is dead only when refused again', async () => {
  const { credential, accessToken } = await connected();
  fail({ fault: 'oauth_error', error: 'invalid_grant', on: 'refresh', times: 2 });
  await one.refresher.runOnce();
  const suspect = await row(credential);
  expect(suspect).toMatchObject({
    state: 'degraded',
    last_error_code: 'invalid_grant',
    outcome_unknown: false,
  });
  expect(suspect.suspect_since).not.toBe(null);
  const wait = await waitOf(credential);
  expect(wait).toBeGreaterThan(29);
  expect(wait).toBeLessThan(91);
  await makeDue(credential);
  await one.refresher.runOnce();
  expect(await row(credential)).toMatchObject({
    state: 'needs_reauth',
    last_error_code: 'invalid_grant',
    refresh_due_at: null,
  });
  expect((await read(credential)).grant.tokens.accessToken.revealText()).toBe(accessToken);
  const count = refreshes().length;
  await one.refresher.runOnce();
  await expect(
    one.reader.forceRefresh({ tenant: house.tenant, credentialId: credential.id }),
  ).rejects.toMatchObject({
    code: 'needs_authorization',
  });
  expect(refreshes().length).toBe(count);
});

test('a suspect that is refreshed after all is as good as new', async () => {
  const { credential } = await connected();
  fail({ fault: 'oauth_error', error: 'invalid_grant', on: 'refresh' });
  await one.refresher.runOnce();
  await makeDue(credential);
  await one.refresher.runOnce();
  expect(await row(credential)).toMatchObject({
    state: 'active',
    suspect_since: null,
    last_error_code: null,
    fail_count: 0,
  });
});
