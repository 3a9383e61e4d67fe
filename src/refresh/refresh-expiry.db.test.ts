import { sql } from 'kysely';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { type Emulator, startEmulator } from '../../providers/emulator.ts';
import { connectAccount, createOAuthCredential } from '../../testing/connect-account.ts';
import { openRefreshProcess, type RefreshProcess } from '../../testing/refresh-process.ts';
import { openTestHouse, type TestHouse } from '../../testing/test-house.ts';
import type { Credential } from '../credentials/credential.ts';
import { takeDueWarnings } from '../credentials/grant-schedule-store.ts';
import { silentLog } from '../kernel/log.ts';
import type { Tx } from '../storage/doors.ts';
import { createExpiryWarner } from './refresh-expiry.ts';

let house: TestHouse;
let emulator: Emulator;
let one: RefreshProcess;
beforeAll(async () => {
  house = await openTestHouse();
  emulator = await startEmulator({ set: { rotation: 'always' } });
  one = await openRefreshProcess(house, emulator);
});
afterAll(async () => {
  await emulator.close();
  await house.close();
});
beforeEach(async () => {
  await emulator.setMode({ set: { rotation: 'always' } });
  await within((tx) => sql`update oauth_grant set refresh_warn_at = null, refresh_due_at = null`.execute(tx));
});

const day = 86_400;
const within = <T>(work: (tx: Tx) => Promise<T>) => house.doors.withTenant(house.tenant, work);
const warner = (doors = house.doors) => createExpiryWarner({ doors, log: silentLog });
const set = (credential: Credential, change: ReturnType<typeof sql>) =>
  within((tx) => sql`update oauth_grant set ${change} where credential_id = ${credential.id}`.execute(tx));
/** In days from now. */
async function warnIn(credential: Credential): Promise<number | null> {
  const { rows } = await within((tx) =>
    sql<{ days: number | null }>`
      select extract(epoch from refresh_warn_at - clock_timestamp())::double precision / 86400 as days
      from oauth_grant where credential_id = ${credential.id}`.execute(tx),
  );
  return rows[0]?.days ?? null;
}
const said = async (credential: Credential) => {
  const { rows } = await within((tx) =>
    sql<{ severity: string; message: string }>`select severity, message from connection_log
      where credential_id = ${credential.id} and code = 'refresh_token_ending' order by id`.execute(tx),
  );
  return rows;
};
const audited = async (credential: Credential) => {
  const { rows } = await within((tx) =>
    sql`select 1 from audit_event where object_id = ${credential.id} and action = 'grant.refresh_ending'`.execute(
      tx,
    ),
  );
  return rows.length;
};
async function refreshed(refreshExpiresInSeconds: number) {
  const credential = await createOAuthCredential(house, emulator);
  await connectAccount(house, emulator, credential, { expiresInSeconds: 300, dueInSeconds: 0 });
  emulator.adjust({ shape: { fields: { refresh_expires_in: refreshExpiresInSeconds } } });
  await one.refresher.runOnce();
  return credential;
}

test('seven days and one day before a refresh token ends somebody is told, once each, whoever asks how often', async () => {
  const credential = await refreshed(10 * day);
  expect(await warnIn(credential)).toBeCloseTo(3, 2);
  expect(await warner().warnDue()).toBe(0);
  await set(credential, sql`refresh_warn_at = clock_timestamp() - interval '1 s'`);
  // The same end stored again is no news.
  await set(credential, sql`refresh_expires_at = refresh_expires_at`);
  const others = [house.doors, house.database.again().doors, house.database.again().doors];
  await Promise.all(others.flatMap((doors) => [warner(doors).warnDue(), warner(doors).warnDue()]));
  const [first, ...more] = await said(credential);
  expect(more).toEqual([]);
  expect(first?.severity).toBe('warn');
  expect(first?.message).toMatch(/ends at \d{4}-\d\d-\d\dT.*Connect the account again/);
  expect(await audited(credential)).toBe(1);
});

test('two processes that found the same warning due do not both give it', async () => {
  const credential = await refreshed(10 * day);
  await set(credential, sql`refresh_warn_at = clock_timestamp() - interval '1 s'`);
  const take = () => within((tx) => takeDueWarnings(tx, [credential.id]));
  const taken = await Promise.all([take(), take(), take()]);
  expect(taken.flat()).toHaveLength(1);
});

test('after the warning of seven days comes that of one day, and then none', async () => {
  const credential = await refreshed(10 * day);
  await set(credential, sql`refresh_expires_at = clock_timestamp() + interval '6 days'`);
  expect(await warnIn(credential)).toBeCloseTo(5, 2);
  await set(credential, sql`refresh_warn_at = clock_timestamp() - interval '1 s'`);
  await warner().warnDue();
  expect(await warnIn(credential)).toBeCloseTo(5, 2);
  await set(credential, sql`refresh_expires_at = clock_timestamp() + interval '20 hours'`);
  expect(await warnIn(credential)).toBe(null);
  await set(credential, sql`refresh_warn_at = clock_timestamp() - interval '1 s'`);
  await warner().warnDue();
  expect(await warnIn(credential)).toBe(null);
  expect(await said(credential)).toHaveLength(2);
});

test('a new refresh token begins anew, and one of a day or less is nobody’s business', async () => {
  const credential = await refreshed(10 * day);
  await set(credential, sql`refresh_warn_at = null`);
  emulator.adjust({ shape: { fields: { refresh_expires_in: 30 * day } } });
  await set(credential, sql`refresh_due_at = clock_timestamp() - interval '1 s'`);
  await one.refresher.runOnce();
  expect(await warnIn(credential)).toBeCloseTo(23, 1);
  expect(await warnIn(await refreshed(day - 60))).toBe(null);
});

test('who has lost the account already is not warned of losing it', async () => {
  const credential = await refreshed(10 * day);
  await set(credential, sql`state = 'needs_reauth', refresh_warn_at = clock_timestamp() - interval '1 s'`);
  expect(await warner().warnDue()).toBe(0);
  expect(await said(credential)).toEqual([]);
  expect(await warner().warnDue()).toBe(0);
});

test('500 warnings due at once are written in one round, and looking for them reads an index of what is due', async () => {
  const credential = await refreshed(10 * day);
  await within(async (tx) => {
    await sql`
      with made as (
        insert into credential (tenant_id, id, unit_id, kind, label, connection_type_tenant_id, connection_type_id)
        select c.tenant_id, gen_random_uuid(), c.unit_id, c.kind, 'Many ' || n, c.connection_type_tenant_id, c.connection_type_id
        from credential c, generate_series(1, 500) n where c.id = ${credential.id}
        returning tenant_id, id)
      insert into oauth_grant (tenant_id, credential_id, state, refresh_due_at, refresh_expires_at, refresh_warn_at)
      select tenant_id, id, 'active', clock_timestamp() + interval '1 day', clock_timestamp() + interval '6 days',
        clock_timestamp() - interval '1 s' from made`.execute(tx);
  });
  const plan = await house.doors.asScheduler(async (tx) => {
    await sql`set local enable_seqscan = off`.execute(tx);
    return (
      await sql<{ 'QUERY PLAN': string }>`explain select tenant_id, credential_id from oauth_grant
        where refresh_warn_at <= clock_timestamp() order by refresh_warn_at limit 200`.execute(tx)
    ).rows
      .map((line) => line['QUERY PLAN'])
      .join('\n');
  });
  expect(plan).toContain('oauth_grant_warn');
  expect(await warner().warnDue()).toBe(500);
  expect(await warner().warnDue()).toBe(0);
});
