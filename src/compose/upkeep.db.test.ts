// What nobody asks for happens by the clock, is tried again when it failed, and ends with the server.
import { sql } from 'kysely';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import { type Emulator, startEmulator } from '../../providers/emulator.ts';
import { connectAccount, createOAuthCredential } from '../../testing/connect-account.ts';
import { openTestHouse, type TestHouse } from '../../testing/test-house.ts';
import { hashResetToken, makePasswordResetLink } from '../accounts/password-reset-link.ts';
import { usePasswordResetLink } from '../accounts/password-reset-link-store.ts';
import { upsertPerson } from '../accounts/person-store.ts';
import { systemActor } from '../audit/event.ts';
import { systemClock } from '../kernel/clock.ts';
import { type Closers, createClosers } from '../kernel/closers.ts';
import { newId } from '../kernel/ids.ts';
import { silentLog } from '../kernel/log.ts';
import { Plain } from '../kernel/plain.ts';
import { addMembership, createPrincipal } from '../tenancy/principal.ts';
import { rotateTenantKey } from '../vault/rotate-tenant-key.ts';
import { parse, sealedFromColumn } from '../vault/sealed.ts';
import { placeOf } from '../vault/sealed-columns.ts';
import { startUpkeep } from './upkeep.ts';

let house: TestHouse;
let emulator: Emulator;
let closers: Closers;
let warnings: string[];
let isDown: boolean;
beforeAll(async () => {
  house = await openTestHouse();
  emulator = await startEmulator();
});
afterAll(async () => {
  await emulator.close();
  await house.close();
});
beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
  closers = createClosers({ log: silentLog, clock: systemClock });
  warnings = [];
  isDown = false;
  const { doors } = house;
  const asAccounts: typeof doors.asAccounts = (work) =>
    isDown ? Promise.reject(new Error('no database')) : doors.asAccounts(work);
  startUpkeep({
    doors: { ...doors, asAccounts },
    vault: house.testVault.vault,
    log: { ...silentLog, warn: (message) => warnings.push(message) },
    closers,
  });
});
afterEach(async () => {
  await closers.closeAll();
  vi.useRealTimers();
});

const passSeconds = (seconds: number) => vi.advanceTimersByTime(seconds * 1000);

test('a minute later at most, a reset whose process died is in the audit trail', async () => {
  await dieAfterReset('erin@example.com', 'Erin');
  passSeconds(59);
  expect(await resetsOf('Erin')).toBe(0);
  passSeconds(1);
  await expect.poll(() => resetsOf('Erin')).toBe(1);
  expect(warnings).toEqual([]);
});

test('what fails is told and tried again the next minute', async () => {
  await dieAfterReset('dora@example.com', 'Dora');
  isDown = true;
  passSeconds(60);
  await expect.poll(() => warnings).toEqual(['recording resets of passwords: failed, and is tried again']);
  isDown = false;
  passSeconds(60);
  await expect.poll(() => resetsOf('Dora')).toBe(1);
});

test('days of a grant older than ninety days go by themselves', async () => {
  const credential = await connected();
  await house.doors.withTenant(house.tenant, (tx) =>
    sql`insert into grant_day (tenant_id, credential_id, day)
      select ${house.tenant}, ${credential}, (now() at time zone 'utc')::date - n
      from unnest(array[0, 89, 91, 400]) n`.execute(tx),
  );
  passSeconds(60);
  const daysOf = () =>
    house.doors.withTenant(house.tenant, (tx) =>
      tx.selectFrom('grant_day').select('day').where('credential_id', '=', credential).execute(),
    );
  await expect.poll(async () => (await daysOf()).length).toBe(2);
});

test('within an hour, a value that was sealed late with a rotated key is sealed with the new one', async () => {
  const { doors, tenant, testVault } = house;
  const { vault } = testVault;
  const credential = await connected();
  const place = placeOf('credentialValue', {
    tenant_id: tenant,
    credential_id: credential,
    field_key: 'late',
    value_no: 1,
  });
  const late = testVault.again();
  await late.warm(tenant);
  await rotateTenantKey({ doors, vault, tenant, actor: systemActor });
  await doors.withTenant(tenant, async (tx) => {
    const sealed = await late.seal(tx, place, Plain.fromText('a late secret'));
    await sql`insert into credential_value (tenant_id, credential_id, field_key, sealed, value_no)
      values (${tenant}, ${credential}, 'late', ${sealed}, 1)`.execute(tx);
  });
  const keyNo = () =>
    doors.withTenant(tenant, async (tx) => {
      const row = await tx
        .selectFrom('credential_value')
        .select('sealed')
        .where('credential_id', '=', credential)
        .where('field_key', '=', 'late')
        .executeTakeFirstOrThrow();
      const sealed = sealedFromColumn(row.sealed);
      expect((await vault.open(tx, place, sealed)).revealText()).toBe('a late secret');
      return parse(sealed).keyNo;
    });
  passSeconds(3_599);
  expect(await keyNo()).toBe(1);
  passSeconds(1);
  await expect.poll(keyNo).toBe(2);
});

test('nothing starts any more once the server closes', async () => {
  await closers.closeAll();
  expect(vi.getTimerCount()).toBe(0);
});

async function dieAfterReset(email: string, name: string): Promise<void> {
  const { doors, tenant, organization } = house;
  const id = newId<never>() as string;
  const personId = await doors.asAccounts((tx) => upsertPerson(tx, { id, email, name, authUserId: id }));
  await doors.withTenant(tenant, async (tx) => {
    const at = { tx, actor: null, unitId: organization.id };
    const made = await createPrincipal({ ...at, tenant, kind: 'person', name, personId });
    await addMembership({ ...at, principalId: made.id, roleKey: 'member' });
  });
  const { token } = await makePasswordResetLink(doors, email);
  const use = { hash: hashResetToken(token), address: null };
  expect(await doors.asAccounts((tx) => usePasswordResetLink(tx, use))).toBe(true);
}

async function resetsOf(name: string): Promise<number> {
  const found = await house.doors.withTenant(house.tenant, (tx) =>
    tx
      .selectFrom('audit_event')
      .select('action')
      .where('action', '=', 'password.reset')
      .where('actor_name', '=', name)
      .execute(),
  );
  return found.length;
}

async function connected(): Promise<string> {
  const credential = await createOAuthCredential(house, emulator);
  await connectAccount(house, emulator, credential, { expiresInSeconds: 3_600, dueInSeconds: 3_000 });
  return credential.id;
}
