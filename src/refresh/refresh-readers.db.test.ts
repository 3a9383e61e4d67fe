import { randomUUID } from 'node:crypto';
import { sql } from 'kysely';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { type Emulator, startEmulator } from '../../providers/emulator.ts';
import { faultSchema, type ScriptedFaultInput } from '../../providers/fault.ts';
import type { TokenShape } from '../../providers/token-shape.ts';
import { connectAccount, createOAuthCredential } from '../../testing/connect-account.ts';
import { grantRow } from '../../testing/credential-kit.ts';
import { openRefreshProcess, type RefreshProcess } from '../../testing/refresh-process.ts';
import { openTestHouse, type TestHouse } from '../../testing/test-house.ts';
import type { Credential } from '../credentials/credential.ts';
import type { Fault } from '../kernel/fault.ts';

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

test('an expired token in an outage is unavailable with a time to try again, and nothing is deleted', async () => {
  const { credential } = await connected({ expiresInSeconds: -10, dueInSeconds: 0 });
  emulator.adjust({ outage: 'unavailable' });
  const first = await faultOf(read(credential));
  expect(first).toMatchObject({ code: 'unavailable', status: 503 });
  expect(first.retryAfterSeconds).toBeGreaterThanOrEqual(1);
  expect(first.retryAfterSeconds).toBeLessThanOrEqual(900);
  const count = refreshes().length;
  for (let turn = 0; turn < 20; turn += 1) await faultOf(read(credential));
  expect(refreshes().length).toBe(count);
  emulator.adjust({ outage: 'none' });
  await makeDue(credential);
  const token = (await read(credential)).grant.tokens.accessToken.revealText();
  expect(emulator.isLiveAccessToken(token)).toBe(true);
});

test('who was never connected, and whose token ended without a refresh token, is told to connect', async () => {
  const credential = await createOAuthCredential(house, emulator);
  expect(await faultOf(read(credential))).toMatchObject({
    code: 'needs_authorization',
    message: 'Nobody has connected an account yet.',
    cure: 'Connect the account (again).',
  });
  await emulator.setMode({ set: { refreshTokenOnConsent: false } });
  await connectAccount(house, emulator, credential, { expiresInSeconds: 60, dueInSeconds: 0 });
  await one.refresher.runOnce();
  expect(await row(credential)).toMatchObject({ state: 'needs_reauth', last_error_code: 'no_refresh_token' });
});

test('a reader gets the time to live that it asks for, and no request is spent on more', async () => {
  await emulator.setMode({ set: { rotation: 'always', accessTokenSeconds: 3600 } });
  const { credential } = await connected({ expiresInSeconds: 900, dueInSeconds: 800 });
  const count = refreshes().length;
  await read(credential);
  await read(credential, { minTtlSeconds: 480 });
  expect(refreshes().length).toBe(count);
  const longer = await read(credential, { minTtlSeconds: 1_000 });
  // Half of the whole life is the most that can be asked for: 960 s of life, 480 s.
  expect(refreshes().length).toBe(count);
  expect(longer.isDegraded).toBe(false);
  await expire(credential, 45);
  const fresh = await read(credential, { minTtlSeconds: 300 });
  expect(refreshes().length).toBe(count + 1);
  expect((fresh.grant.expiresAt?.getTime() ?? 0) - Date.now()).toBeGreaterThan(3_500_000);
});

test('tokens that live less than a minute are not refreshed at every read', async () => {
  await emulator.setMode({ set: { rotation: 'always', accessTokenSeconds: 40 } });
  const { credential } = await connected({ expiresInSeconds: 2, dueInSeconds: 0 });
  const count = refreshes().length;
  for (let turn = 0; turn < 25; turn += 1) await read(credential);
  expect(refreshes().length).toBe(count + 1);
  const next = await waitOf(credential);
  expect(next).toBeGreaterThan(15);
  expect(next).toBeLessThan(25);
});

const lifetimes: [TokenShape['expiresIn'], number | null, boolean][] = [
  ['absent', 3_600, true],
  ['text', 1_800, false],
  ['date', 1_800, false],
  [{ literal: 0 }, 3_600, true],
  [{ literal: -5 }, 3_600, true],
  [{ literal: 'abc' }, 3_600, true],
  [{ literal: '' }, 3_600, true],
  [{ literal: null }, 3_600, true],
  [{ literal: {} }, 3_600, true],
  [{ literal: 1e300 }, 315_360_000, false],
  [{ literal: 1 }, null, false],
];

test.each(lifetimes)(
  'expires_in as %j is stored sensibly and costs one refresh',
  async (expiresIn, seconds, isAssumed) => {
    await emulator.setMode({ set: { rotation: 'always', accessTokenSeconds: 1_800, shape: { expiresIn } } });
    const { credential } = await connected();
    const count = refreshes().length;
    await one.refresher.runOnce();
    expect(refreshes().length).toBe(count + 1);
    const stored = await row(credential);
    expect(stored).toMatchObject({ state: 'active', token_no: 2, expiry_assumed: isAssumed, fail_count: 0 });
    if (seconds === null) return;
    const left = ((stored.expires_at?.getTime() ?? 0) - Date.now()) / 1000;
    expect(left).toBeGreaterThan(seconds - 60);
    expect(left).toBeLessThanOrEqual(seconds + 1);
    for (let turn = 0; turn < 5; turn += 1) await read(credential);
    await one.refresher.runOnce();
    expect(refreshes().length).toBe(count + 1);
  },
);

test('an attempt that cannot be prepared is given back, nothing is sent and the token is served', async () => {
  const { credential, accessToken } = await connected();
  await house.doors.withTenant(house.tenant, (tx) =>
    sql`update auth_client_secret set sealed = sealed || '\\x00'::bytea
      where auth_client_id = ${credential.authClientId}`.execute(tx),
  );
  const count = refreshes().length;
  await one.refresher.runOnce();
  expect(refreshes().length).toBe(count);
  expect(await row(credential)).toMatchObject({
    state: 'active',
    attempt_id: null,
    fail_count: 0,
    token_no: 1,
  });
  const wait = await waitOf(credential);
  expect(wait).toBeGreaterThan(50);
  expect(wait).toBeLessThan(61);
  expect((await read(credential)).grant.tokens.accessToken.revealText()).toBe(accessToken);
});

/** Armed by a process that is not this one. */
async function armedByAnother(timing: {
  readonly beatSecondsAgo: number | null;
  readonly deadlineSecondsAgo: number;
}) {
  const { credential } = await connected();
  const owner = randomUUID();
  await house.doors.asScheduler(async (tx) => {
    if (timing.beatSecondsAgo !== null) {
      await sql`insert into process (id, build, heartbeat_at)
        values (${owner}, 'test', clock_timestamp() - make_interval(secs => ${timing.beatSecondsAgo}))`.execute(
        tx,
      );
    }
    await sql`update oauth_grant set attempt_id = ${randomUUID()}, attempt_owner = ${owner},
        attempt_deadline = clock_timestamp() - make_interval(secs => ${timing.deadlineSecondsAgo})
      where credential_id = ${credential.id}`.execute(tx);
  });
  return credential;
}

test('an armed attempt is taken over only when its owner is silent and the deadline is 10 s past', async () => {
  const cases = {
    'silent, long past': await armedByAnother({ beatSecondsAgo: 16, deadlineSecondsAgo: 11 }),
    'never heard of, long past': await armedByAnother({ beatSecondsAgo: null, deadlineSecondsAgo: 11 }),
    'silent, just past': await armedByAnother({ beatSecondsAgo: 60, deadlineSecondsAgo: 9 }),
    'beating, long past': await armedByAnother({ beatSecondsAgo: 1, deadlineSecondsAgo: 600 }),
  };
  await one.refresher.runOnce();
  const seen: Record<string, unknown> = {};
  for (const [name, credential] of Object.entries(cases)) {
    const stored = await row(credential);
    seen[name] = [stored.attempt_id === null, stored.outcome_unknown];
  }
  expect(seen).toEqual({
    'silent, long past': [true, true],
    'never heard of, long past': [true, true],
    'silent, just past': [false, false],
    'beating, long past': [false, false],
  });
});

test('readers wait for an attempt of another process and never send beside it', async () => {
  const credential = await armedByAnother({ beatSecondsAgo: 1, deadlineSecondsAgo: -20 });
  const count = refreshes().length;
  await expire(credential, 40);
  const reading = read(credential);
  await house.doors.withTenant(house.tenant, (tx) =>
    sql`update oauth_grant set attempt_id = null, attempt_owner = null, attempt_deadline = null, fail_count = 1,
        refresh_due_at = clock_timestamp() + interval '1 hour' where credential_id = ${credential.id}`.execute(
      tx,
    ),
  );
  expect((await reading).isDegraded).toBe(true);
  expect(refreshes().length).toBe(count);
});

test('a process that others cannot see alive arms nothing, neither for readers nor by itself', async () => {
  const { credential } = await connected({ expiresInSeconds: -10, dueInSeconds: 0 });
  let nowMs = 1_000_000;
  const clock = { now: () => new Date(), monotonicMs: () => nowMs };
  const silent = await openRefreshProcess(house, emulator, house.doors, clock);
  nowMs += 10_001;
  const count = refreshes().length;
  const options = { tenant: house.tenant, credentialId: credential.id };
  expect(await faultOf(silent.reader.readToken(options))).toMatchObject({ code: 'unavailable' });
  expect(refreshes().length).toBe(count);
  await silent.heartbeat.beat();
  await silent.reader.readToken(options);
  expect(refreshes().length).toBe(count + 1);
});

test('who rests begins nothing in the background, and still serves and refreshes for readers', async () => {
  const { credential } = await connected();
  const resting = await openRefreshProcess(house, emulator);
  const before = refreshes().length;
  resting.refresher.rest();
  expect(await resting.refresher.runOnce()).toBe(0);
  expect(refreshes()).toHaveLength(before);
  await expire(credential, -1);
  await resting.reader.readToken({ tenant: house.tenant, credentialId: credential.id });
  expect(refreshes()).toHaveLength(before + 1);
});

test('draining waits for the answers of readers’ refreshes and begins no other', async () => {
  const { credential } = await connected({ expiresInSeconds: -10, dueInSeconds: 0 });
  const leaving = await openRefreshProcess(house, emulator);
  fail({ fault: 'hang', when: 'after', on: 'refresh' });
  const options = { tenant: house.tenant, credentialId: credential.id };
  const reading = leaving.reader.readToken(options);
  await emulator.whenHanging(1);
  let isDrained = false;
  const draining = leaving.flight.drain().then(() => {
    isDrained = true;
  });
  await row(credential);
  expect(isDrained).toBe(false);
  emulator.release();
  await draining;
  expect(await row(credential)).toMatchObject({ state: 'active', token_no: 2, attempt_id: null });
  await reading;
  await expire(credential, -1);
  const count = refreshes().length;
  expect(await faultOf(leaving.reader.readToken(options))).toMatchObject({ code: 'unavailable' });
  expect(refreshes().length).toBe(count);
});

test('one slow provider does not hold back the grants that become due meanwhile', async () => {
  const slow = await connected();
  const grant = emulator.ledger.records().findLast((record) => record.kind === 'code')?.grant ?? '';
  fail({ fault: 'hang', when: 'after', on: 'refresh', grant });
  const background = await openRefreshProcess(house, emulator);
  await background.refresher.start();
  try {
    await emulator.whenHanging(1);
    const next = await connected();
    for (let turn = 0; turn < 2_000 && (await row(next.credential)).token_no === 1; turn += 1);
    expect((await row(next.credential)).token_no).toBe(2);
    expect((await row(slow.credential)).token_no).toBe(1);
  } finally {
    emulator.release();
    await background.refresher.drain();
  }
  expect((await row(slow.credential)).token_no).toBe(2);
});

test('a forced refresh of a token that cannot be refreshed says so while it lives', async () => {
  const credential = await createOAuthCredential(house, emulator);
  await connectAccount(house, emulator, credential, due);
  await house.doors.withTenant(house.tenant, (tx) =>
    sql`update oauth_grant set state = 'static', refresh_due_at = null, expires_at = null, issued_at = now() - interval '1 h'
      where credential_id = ${credential.id}`.execute(tx),
  );
  const options = { tenant: house.tenant, credentialId: credential.id };
  expect(await faultOf(one.reader.forceRefresh(options))).toMatchObject({ code: 'conflict' });
  await one.reader.readToken(options);
});
