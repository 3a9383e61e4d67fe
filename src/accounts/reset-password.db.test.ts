// A forgotten password has a way back: one link from the operator, for one person, once.
import { sql } from 'kysely';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { type AccountTestHouse, founder, openAccountHouse } from '../../testing/account-house.ts';
import type { TestTenant } from '../../testing/test-house.ts';
import { systemClock } from '../kernel/clock.ts';
import { newId } from '../kernel/ids.ts';
import { silentLog } from '../kernel/log.ts';
import { Plain } from '../kernel/plain.ts';
import { addMembership, createPrincipal, disablePrincipal } from '../tenancy/principal.ts';
import { type Accounts, createAccounts } from './accounts.ts';
import { openAuthSchema } from './auth-store.ts';
import { listPeople } from './list-people.ts';
import { makePasswordResetLink } from './password-reset-link.ts';
import { selectPersonByEmail, upsertPerson } from './person-store.ts';
import { recordPasswordResets, resetPassword } from './reset-password.ts';
import { type Browser, createSignInLibrary, type SignInLibraryOptions } from './sign-in-library.ts';

let house: AccountTestHouse;
let second: TestTenant;
beforeAll(async () => {
  house = await openAccountHouse();
  await house.foundedBrowser();
  second = await house.rooms.addTenant('Second');
  await join(await personId(founder.email), 'Ada', second);
});
afterAll(() => house.close());
beforeEach(() => house.clock.pass(60_001));

const nobody: Browser = { cookie: null, address: '192.0.2.7', userAgent: 'test' };
const header = (cookies: readonly string[]) => cookies.map((cookie) => cookie.split(';')[0]).join('; ');
const signIn = (password: string, email: string = founder.email, accounts: Accounts = house.accounts) =>
  accounts.signIn(email, Plain.fromText(password), nobody);
const make = async (email: string = founder.email) =>
  (await makePasswordResetLink(house.rooms.doors, email)).token;
const reset = (token: string, password: string, accounts: Accounts = house.accounts) =>
  accounts.resetPassword(token, Plain.fromText(password), nobody);
const codeOf = (work: Promise<unknown>) =>
  work.then(
    () => 'done',
    (error: { code?: unknown }) => error.code,
  );

test('the link sets a new password: it signs in, the old one does not', async () => {
  await reset(await make('  ADA@example.com'), 'three quiet green owls');
  expect((await signIn('three quiet green owls')).actor).toMatchObject({
    email: founder.email,
    name: founder.name,
  });
  expect(await codeOf(signIn(founder.password))).toBe('not_authenticated');
});

test('two who use the link at once: one password counts, the other was never set', async () => {
  const token = await make();
  const passwords = ['slow purple harbour', 'brisk yellow meadow'] as const;
  const elsewhere = await otherProcess();
  const results = await Promise.allSettled([
    reset(token, passwords[0]),
    reset(token, passwords[1], elsewhere),
  ]);
  expect(results.map((result) => result.status).toSorted()).toEqual(['fulfilled', 'rejected']);
  expect(results.find((result) => result.status === 'rejected')).toMatchObject({ reason: { code: 'gone' } });
  const won = results.findIndex((result) => result.status === 'fulfilled');
  expect(await codeOf(signIn(passwords[won] ?? ''))).toBe('done');
  expect(await codeOf(signIn(passwords[1 - won] ?? ''))).toBe('not_authenticated');
});

test('a link that is made up, used, too old or replaced gets one same answer and sets nothing', async () => {
  const used = await make();
  await reset(used, 'warm copper lantern');
  const replaced = await make();
  const ended = await make();
  await endLinks();
  const answers = [];
  for (const token of ['', 'x'.repeat(43), `${ended}x`, used, replaced, ended]) {
    const ways = [() => reset(token, 'plain silver bucket'), () => house.accounts.personOfResetLink(token)];
    for (const tried of ways) {
      const error = await tried().then(
        () => null,
        (refusal: unknown) => refusal,
      );
      expect(error).toMatchObject({ code: 'gone' });
      answers.push((error as { public?: string }).public);
    }
  }
  expect(new Set(answers).size).toBe(1);
  expect(await codeOf(signIn('warm copper lantern'))).toBe('done');
});

test('a link is good for an hour', async () => {
  const { expiresAt } = await makePasswordResetLink(house.rooms.doors, founder.email);
  const { rows } = await pool().query<{ minutes: number }>(
    `select extract(epoch from expires_at - created_at)::float8 / 60 as minutes
     from password_reset_link order by created_at desc limit 1`,
  );
  expect(rows[0]?.minutes).toBeCloseTo(60, 1);
  expect(Math.abs(expiresAt.getTime() - systemClock.now().getTime() - 3_600_000)).toBeLessThan(60_000);
});

test('a newer link ends the older ones of the same person, and nobody else’s', async () => {
  const tenant = house.rooms;
  await join(await addPerson('carol@example.com', 'Carol'), 'Carol', tenant);
  const [old, carols] = [await make(), await make('carol@example.com')];
  const token = await make();
  expect(await codeOf(reset(old, 'green marble kettle'))).toBe('gone');
  expect(await house.accounts.personOfResetLink(carols)).toMatchObject({ email: 'carol@example.com' });
  expect(await codeOf(reset(token, 'green marble kettle'))).toBe('done');
  const tokens = await Promise.all([make(), make(), make()]);
  const alive = await Promise.allSettled(tokens.map((one) => house.accounts.personOfResetLink(one)));
  expect(alive.filter((result) => result.status === 'fulfilled')).toHaveLength(1);
});

test('every session of the person ends at once, in every process and every organization', async () => {
  await reset(await make(), 'quiet amber window');
  const elsewhere = await otherProcess();
  const here = await signIn('quiet amber window');
  const there = await signIn('quiet amber window', founder.email, elsewhere);
  const places = await house.accounts.placesOf(there.actor);
  const place = places.find((one) => one.tenant === second.tenant);
  if (place === undefined) throw new Error('not in the second organization');
  await elsewhere.actAs(there.actor, place.tenant, place.principalId);
  await reset(await make(), 'loud violet shelf');
  for (const accounts of [house.accounts, elsewhere]) {
    for (const { cookies } of [here, there]) expect(await accounts.actorByCookie(header(cookies))).toBeNull();
  }
  expect((await pool().query('select from auth.session')).rowCount).toBe(0);
});

test('a sign-in with the old password that is under way gets no session', async () => {
  await reset(await make(), 'round orange pebble');
  const token = await make();
  const { actor } = await signIn('round orange pebble');
  const library = openLibrary(async () => {
    // The old password was found right; now the reset comes in between.
    await reset(token, 'tall indigo ladder');
    return { tenant: actor.tenant, principalId: actor.principalId };
  });
  const late = await library
    .signIn(founder.email, Plain.fromText('round orange pebble'), nobody)
    .catch(() => null);
  expect(late).toBeNull();
  expect((await pool().query('select from auth.session')).rowCount).toBe(0);
});

test('a weak password leaves the link usable', async () => {
  const token = await make();
  for (const weak of ['short', 'aaaaaaaaaaaaaaaa', 'Ada Lovelace', 'x'.repeat(201)]) {
    await expect(reset(token, weak)).rejects.toMatchObject({ code: 'invalid_field', field: 'newPassword' });
  }
  expect(await codeOf(reset(token, 'seven blue herons'))).toBe('done');
});

test('a disabled person gets no link, and one made before opens nothing', async () => {
  const { rooms } = house;
  const id = await addPerson('bob@example.com', 'Bob');
  const principals = [await join(id, 'Bob', rooms), await join(id, 'Bob', second)];
  const token = await make('bob@example.com');
  await disable(rooms, principals[0]);
  // Still somebody in the second organization.
  expect(await house.accounts.personOfResetLink(token)).toMatchObject({ id });
  await disable(second, principals[1]);
  expect(await codeOf(house.accounts.personOfResetLink(token))).toBe('gone');
  expect(await codeOf(reset(token, 'bold crimson anchor'))).toBe('gone');
  expect(await codeOf(make('bob@example.com'))).toBe('conflict');
  expect((await pool().query(`select from auth."user" where email = 'bob@example.com'`)).rowCount).toBe(0);
});

test('nobody’s e-mail gets no link', async () => {
  expect(await codeOf(make('eve@example.com'))).toBe('not_found');
  expect(await codeOf(make('no address'))).toBe('invalid_field');
});

test('a reset is in the trail of each organization where the person may act, once, and of no other', async () => {
  const { rooms } = house;
  const third = await rooms.addTenant('Third');
  const id = await addPerson('dora@example.com', 'Dora');
  await join(id, 'Dora', rooms);
  await join(id, 'Dora', second);
  await disable(third, await join(id, 'Dora', third));
  await reset(await make('dora@example.com'), 'green ivory trumpet');
  await recordPasswordResets(rooms.doors);
  for (const at of [rooms, second]) {
    const events = await resetsOf(at, 'Dora');
    expect(events).toEqual([
      expect.objectContaining({
        actor_kind: 'person',
        object_kind: 'principal',
        fields: ['password'],
        result: 'ok',
      }),
    ]);
    expect(events[0]?.detail).toMatchObject({ address: nobody.address });
  }
  expect(await resetsOf(third, 'Dora')).toEqual([]);
});

test('a process that dies right after the reset leaves its events to another one', async () => {
  const { rooms } = house;
  await join(await addPerson('erin@example.com', 'Erin'), 'Erin', rooms);
  const token = await make('erin@example.com');
  const library = openLibrary(async () => null);
  const { doors } = rooms;
  const others = rooms.database.again().doors;
  // Both have their connections: what follows is a race.
  await Promise.all([recordPasswordResets(doors), recordPasswordResets(others)]);
  await resetPassword(
    { doors, library },
    { token, password: Plain.fromText('brown maple engine'), address: null },
  );
  expect(await codeOf(reset(token, 'other maple engine'))).toBe('gone');
  expect(await resetsOf(rooms, 'Erin')).toEqual([]);
  await Promise.all([recordPasswordResets(doors), recordPasswordResets(others)]);
  expect(await resetsOf(rooms, 'Erin')).toHaveLength(1);
});

test('neither the secret of a link nor the password stands anywhere in the database', async ({ skip }) => {
  const { asSuperuser } = house.rooms.database;
  if (asSuperuser === null) return skip('needs a session that sees every row');
  const [used, live] = [await make(), await make()];
  await reset(live, 'keen scarlet compass');
  const waiting = await make();
  const searched = [used, live, waiting].flatMap((token) => [
    token,
    Buffer.from(token).toString('hex'),
    Buffer.from(token, 'base64url').toString('hex'),
  ]);
  const found = await asSuperuser(async (client) => {
    const { rows: tables } = await client.query<{ name: string }>(
      `select format('%I.%I', schemaname, tablename) as name from pg_tables
       where schemaname not in ('pg_catalog', 'information_schema')`,
    );
    expect(tables.map((table) => table.name)).toContain('public.password_reset_link');
    const hits = [];
    for (const { name } of tables) {
      for (const text of [...searched, 'keen scarlet compass']) {
        const { rows } = await client.query(`select from ${name} t where position($1 in t::text) > 0`, [
          text,
        ]);
        if (rows.length > 0) hits.push(name);
      }
    }
    return hits;
  });
  expect(found).toEqual([]);
});

test('no door but that of accounts reaches the links', async () => {
  for (const role of ['app', 'locator', 'scheduler'] as const) {
    await expect(
      house.rooms.database.database.pool(role).query('select from password_reset_link'),
    ).rejects.toMatchObject({ code: '42501' });
  }
});

test('the list of people says who is where, and who may act nowhere', async () => {
  const { rooms } = house;
  const id = await addPerson('frank@example.com', 'Frank');
  await disable(rooms, await join(id, 'Frank', rooms));
  const people = await listPeople(rooms.doors);
  expect(people.map((person) => person.email)).toEqual(people.map((person) => person.email).toSorted());
  expect(people.find((person) => person.email === 'frank@example.com')).toEqual({
    email: 'frank@example.com',
    name: 'Frank',
    organizations: [{ id: rooms.tenant, name: 'Acme', isDisabled: true }],
    isDisabled: true,
  });
  expect(people.find((person) => person.email === founder.email)).toMatchObject({
    name: founder.name,
    organizations: [
      { name: founder.organization, isDisabled: false },
      { name: 'Second', isDisabled: false },
    ],
    isDisabled: false,
  });
});

function pool() {
  return house.rooms.database.database.pool('accounts');
}

async function endLinks() {
  await house.rooms.doors.asAccounts((tx) =>
    sql`update password_reset_link set expires_at = clock_timestamp()`.execute(tx),
  );
}

async function personId(email: string): Promise<string> {
  const person = await house.rooms.doors.asAccounts((tx) => selectPersonByEmail(tx, email));
  if (person === null) throw new Error(`${email} is nobody`);
  return person.id;
}

/** Somebody who never chose a password. */
async function addPerson(email: string, name: string): Promise<string> {
  const id = newId<never>() as string;
  return await house.rooms.doors.asAccounts((tx) => upsertPerson(tx, { id, email, name, authUserId: id }));
}

async function join(id: string, name: string, { tenant, organization }: TestTenant) {
  return await house.rooms.doors.withTenant(tenant, async (tx) => {
    const at = { tx, actor: null, unitId: organization.id };
    const made = await createPrincipal({ ...at, tenant, kind: 'person', name, personId: id });
    await addMembership({ ...at, principalId: made.id, roleKey: 'member' });
    return made.id;
  });
}

async function disable({ tenant, owner }: TestTenant, id: Awaited<ReturnType<typeof join>> | undefined) {
  if (id === undefined) throw new Error('nobody to disable');
  await house.rooms.doors.withTenant(tenant, (tx) => disablePrincipal({ tx, actor: owner, id }));
}

async function resetsOf({ tenant }: Pick<TestTenant, 'tenant'>, name: string) {
  return await house.rooms.doors.withTenant(tenant, (tx) =>
    tx
      .selectFrom('audit_event')
      .selectAll()
      .where('action', '=', 'password.reset')
      .where('actor_name', '=', name)
      .execute(),
  );
}

function openLibrary(firstPrincipal: SignInLibraryOptions['firstPrincipal']) {
  const database = openAuthSchema(house.rooms.database.database);
  return createSignInLibrary({
    database,
    secret: 'of this test alone'.repeat(3),
    isHttps: false,
    firstPrincipal,
  });
}

async function otherProcess() {
  const { database, doors, vault, authority } = house.rooms;
  const again = { database: database.again().database, doors, vault, authority };
  return await createAccounts({ ...again, clock: systemClock, log: silentLog, isHttps: false });
}
