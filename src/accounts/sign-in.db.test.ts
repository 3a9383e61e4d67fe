// Who gets a session, how it ends, and what a thief of the database could do with it.
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { type AccountTestHouse, founder, openAccountHouse } from '../../testing/account-house.ts';
import { systemClock } from '../kernel/clock.ts';
import { newId, type TenantId, type UnitId } from '../kernel/ids.ts';
import { silentLog } from '../kernel/log.ts';
import { Plain } from '../kernel/plain.ts';
import { createOrganization } from '../tenancy/organization.ts';
import { addMembership, createPrincipal, disablePrincipal } from '../tenancy/principal.ts';
import { createAccounts } from './accounts.ts';
import { upsertPerson } from './person-store.ts';
import type { Browser } from './sign-in-library.ts';

let house: AccountTestHouse;
beforeAll(async () => {
  house = await openAccountHouse();
  await house.foundedBrowser();
});
afterAll(() => house.close());
// Each test starts with the limits of a quiet minute.
beforeEach(() => house.clock.pass(60_001));

const nobody: Browser = { cookie: null, address: '192.0.2.7', userAgent: 'test' };
const signIn = (over: { email?: string; password?: string; browser?: Browser } = {}) =>
  house.accounts.signIn(
    over.email ?? founder.email,
    Plain.fromText(over.password ?? founder.password),
    over.browser ?? nobody,
  );
const header = (cookies: readonly string[]) => cookies.map((cookie) => cookie.split(';')[0]).join('; ');

test('the words for a wrong password and for nobody’s e-mail are the same', async () => {
  const wrong = await signIn({ password: 'not the password' }).catch((error: unknown) => error);
  for (const email of ['nobody@example.com', 'not an address', '', 'ada@example.com\u0000']) {
    const unknown = await signIn({ email }).catch((error: unknown) => error);
    expect(unknown).toMatchObject({ code: 'not_authenticated' });
    expect(String(unknown)).toBe(String(wrong));
  }
});

test('an e-mail is the same in capitals and with spaces around', async () => {
  await expect(signIn({ email: '  ADA@Example.COM ' })).resolves.toBeDefined();
});

test('a cookie from before the sign-in is not taken over, and its session is ended', async () => {
  const planted = header((await signIn()).cookies);
  const { cookies } = await signIn({ browser: { ...nobody, cookie: planted } });
  expect(header(cookies)).not.toBe(planted);
  expect(await house.accounts.actorByCookie(planted)).toBeNull();
  expect(await house.accounts.actorByCookie(header(cookies))).not.toBeNull();
});

test('signing out ends the session at once, in another process too', async () => {
  const cookie = header((await signIn()).cookies);
  const elsewhere = await otherProcess();
  expect(await elsewhere.actorByCookie(cookie)).not.toBeNull();
  await house.accounts.signOut({ ...nobody, cookie });
  expect(await elsewhere.actorByCookie(cookie)).toBeNull();
});

test('a new password ends every session but the one that begins with it', async () => {
  const [here, there] = [header((await signIn()).cookies), header((await signIn()).cookies)];
  const actor = await house.accounts.actorByCookie(here);
  if (actor === null) throw new Error('not signed in');
  const change = {
    current: Plain.fromText(founder.password),
    next: Plain.fromText('three quiet green owls'),
  };
  const { cookies } = await house.accounts.changePassword(actor, change, { ...nobody, cookie: here });
  expect(await house.accounts.actorByCookie(here)).toBeNull();
  expect(await house.accounts.actorByCookie(there)).toBeNull();
  expect(await house.accounts.actorByCookie(header(cookies))).toMatchObject({ email: founder.email });
  await expect(signIn()).rejects.toMatchObject({ code: 'not_authenticated' });
  const back = { current: change.next, next: change.current };
  await house.accounts.changePassword(actor, back, { ...nobody, cookie: header(cookies) });
});

test('the password is changed only by who knows it', async () => {
  const cookie = header((await signIn()).cookies);
  const actor = await house.accounts.actorByCookie(cookie);
  if (actor === null) throw new Error('not signed in');
  const change = { current: Plain.fromText('a guess at it'), next: Plain.fromText('three quiet green owls') };
  await expect(house.accounts.changePassword(actor, change, { ...nobody, cookie })).rejects.toMatchObject({
    field: 'currentPassword',
  });
  await expect(signIn()).resolves.toBeDefined();
});

test('what the database holds of a session does not make a cookie', async () => {
  await signIn();
  const { rows } = await house.rooms.database.database
    .pool('accounts')
    .query<{ token: string }>('select token from auth.session');
  for (const { token } of rows) {
    for (const cookie of [token, `${token}.`, `${token}.${Buffer.alloc(32).toString('base64')}`]) {
      expect(await house.accounts.actorByCookie(`latchkey_session=${encodeURIComponent(cookie)}`)).toBeNull();
    }
  }
});

test('the database holds no password', async () => {
  const { rows } = await house.rooms.database.database.pool('accounts').query('select * from auth.account');
  expect(rows).toHaveLength(1);
  expect(JSON.stringify(rows)).not.toContain(founder.password);
});

test('no door but that of accounts reaches passwords and sessions', async () => {
  for (const role of ['app', 'locator', 'scheduler'] as const) {
    for (const table of ['"user"', 'session', 'account', 'verification']) {
      await expect(
        house.rooms.database.database.pool(role).query(`select from auth.${table}`),
      ).rejects.toMatchObject({ code: '42501' });
    }
  }
});

test('six attempts on one account in a minute are one too many, from wherever they come', async () => {
  const from = (n: number) => ({ ...nobody, address: `198.51.100.${n}` });
  for (let n = 0; n < 5; n += 1) {
    await expect(signIn({ password: 'a wrong guess', browser: from(n) })).rejects.toMatchObject({
      code: 'not_authenticated',
    });
  }
  await expect(signIn({ browser: from(6) })).rejects.toMatchObject({
    code: 'rate_limited',
    retryAfterSeconds: expect.any(Number),
  });
  house.clock.pass(60_000);
  await expect(signIn({ browser: from(6) })).resolves.toBeDefined();
});

test('the account that nobody has is limited like any other', async () => {
  const attempts = [];
  for (let n = 0; n < 6; n += 1)
    attempts.push(await signIn({ email: 'eve@example.com' }).catch((e: unknown) => e));
  expect(attempts.at(-2)).toMatchObject({ code: 'not_authenticated' });
  expect(attempts.at(-1)).toMatchObject({ code: 'rate_limited' });
});

test('one network may try twenty times in a minute, whatever addresses of it are used', async () => {
  const codes: unknown[] = [];
  for (let n = 0; n < 21; n += 1) {
    const browser = { ...nobody, address: `2001:db8:1:2::${n.toString(16)}` };
    // Not an address: no work is done for it, but it counts.
    const refused = await signIn({ email: `guess${n}`, browser }).catch((error: unknown) => error);
    codes.push(refused instanceof Error && 'code' in refused ? refused.code : null);
  }
  expect(codes.slice(0, 20)).toEqual(Array(20).fill('not_authenticated'));
  expect(codes[20]).toBe('rate_limited');
});

test('somebody with two organizations chooses, and acts nowhere else', async () => {
  const { actor } = await signIn();
  const second = newId<TenantId>();
  const { doors, vault, owner } = house.rooms;
  const principalId = await doors.withTenant(second, async (tx) => {
    await createOrganization({ tx, vault, tenant: second, name: 'Second' });
    const principal = await createPrincipal({
      tx,
      actor: null,
      tenant: second,
      kind: 'person',
      unitId: second as never,
      name: 'Ada',
      email: founder.email,
      personId: actor.personId,
    });
    await addMembership({
      tx,
      actor: null,
      principalId: principal.id,
      unitId: second as never,
      roleKey: 'member',
    });
    return principal.id;
  });
  const { cookies, actor: first } = await signIn();
  expect(first.tenant).toBe(actor.tenant);
  expect((await house.accounts.placesOf(first)).map((place) => place.unitName)).toEqual([
    founder.organization,
    'Second',
  ]);
  await house.accounts.actAs(first, second, principalId);
  expect(await house.accounts.actorByCookie(header(cookies))).toMatchObject({ tenant: second, principalId });
  const bob = await addPerson('bob@example.com', owner.tenant);
  for (const other of [owner.principalId, bob]) {
    await expect(house.accounts.actAs(first, owner.tenant, other)).rejects.toMatchObject({
      code: 'not_found',
    });
  }
  expect(await house.accounts.actorByCookie(header(cookies))).toMatchObject({ tenant: second, principalId });
});

test('a disabled principal is refused, in sessions that live and in new ones', async () => {
  const { cookies, actor } = await signIn();
  const { doors, authority } = house.rooms;
  const boss = await doors.withTenant(actor.tenant, async (tx) => {
    const made = await createPrincipal({
      tx,
      actor: null,
      tenant: actor.tenant,
      kind: 'service',
      unitId: actor.unitId,
      name: 'Boss',
    });
    await addMembership({ tx, actor: null, principalId: made.id, unitId: actor.unitId, roleKey: 'owner' });
    return made.id;
  });
  const bossActor = await authority.actorByPrincipal(actor.tenant, boss);
  await doors.withTenant(actor.tenant, (tx) =>
    disablePrincipal({ tx, actor: bossActor, id: actor.principalId }),
  );
  await expect.poll(() => house.accounts.actorByCookie(header(cookies)), { timeout: 3_000 }).toBeNull();
  expect((await signIn()).actor.tenant).not.toBe(actor.tenant);
});

test('sign-ins and failures are in the audit trail, without e-mail or password', async () => {
  const { actor } = await signIn();
  await signIn({ password: 'a wrong guess' }).catch(() => {});
  const { rows } = await house.rooms.doors.withTenant(actor.tenant, async (tx) => ({
    rows: await tx.selectFrom('audit_event').selectAll().execute(),
  }));
  const actions = rows.map((row) => row.action);
  expect(actions).toContain('session.started');
  expect(actions).toContain('authentication.failed');
  expect(JSON.stringify(rows)).not.toContain('a wrong guess');
  expect(JSON.stringify(rows)).not.toContain(founder.email);
});

async function otherProcess() {
  const { database, doors, vault, authority } = house.rooms;
  const again = { database: database.again().database, doors, vault, authority };
  return await createAccounts({ ...again, clock: systemClock, log: silentLog, isHttps: false });
}

async function addPerson(email: string, tenant: TenantId) {
  const { doors } = house.rooms;
  const id = newId<never>() as string;
  const personId = await doors.asAccounts((tx) =>
    upsertPerson(tx, { id, email, name: 'Bob', authUserId: id }),
  );
  const unitId = tenant as string as UnitId;
  const principal = await doors.withTenant(tenant, (tx) =>
    createPrincipal({ tx, actor: null, tenant, kind: 'person', unitId, name: 'Bob', email, personId }),
  );
  return principal.id;
}
