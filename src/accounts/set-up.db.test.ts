// The set-up link opens the door once, for one, and only while nobody is inside.
import { sql } from 'kysely';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type AccountTestHouse, founder, openAccountHouse } from '../../testing/account-house.ts';
import { Plain } from '../kernel/plain.ts';

let house: AccountTestHouse;
beforeEach(async () => {
  house = await openAccountHouse();
});
afterEach(() => house.close());

const browser = { cookie: null, address: '192.0.2.1', userAgent: 'test' };
const found = (token: string, over: object = {}) =>
  house.accounts.setUp({ token, ...founder, ...over, password: Plain.fromText(founder.password) }, browser);

async function freshToken(): Promise<string> {
  const token = await house.accounts.ensureSetupLink();
  if (token === null) throw new Error('no link was made');
  return token;
}

const count = async (query: string): Promise<number> => {
  const { rows } = await house.rooms.database.database.pool('accounts').query<{ n: number }>(query);
  return rows[0]?.n ?? -1;
};

test('two who use the link at once become one owner', async () => {
  const token = await freshToken();
  const results = await Promise.allSettled([
    found(token),
    found(token, { email: 'eve@example.com', organization: 'Evil' }),
  ]);
  expect(results.map((result) => result.status).toSorted()).toEqual(['fulfilled', 'rejected']);
  expect(results.find((result) => result.status === 'rejected')).toMatchObject({ reason: { code: 'gone' } });
  expect(await count('select count(*)::int as n from person')).toBe(1);
  expect(await count('select count(*)::int as n from auth."user"')).toBe(1);
});

test('the owner owns the new organization and is signed in', async () => {
  const { actor, cookies } = await found(await freshToken(), { email: 'Ada@EXAMPLE.com' });
  expect(actor).toMatchObject({ name: 'Ada Lovelace', email: 'ada@example.com', kind: 'person' });
  expect(actor.memberships).toMatchObject([{ unitId: actor.tenant, roleKey: 'owner' }]);
  expect(actor.sessionId).not.toBeNull();
  expect(cookies.join()).toMatch(/HttpOnly; SameSite=Lax/);
});

test('a used link is gone, an unknown one was never there', async () => {
  const token = await freshToken();
  await found(token);
  await expect(found(token)).rejects.toMatchObject({ code: 'gone' });
  await expect(house.accounts.requireLiveSetupLink(token)).rejects.toMatchObject({ code: 'gone' });
  for (const unknown of ['', 'x'.repeat(43), `${token}x`]) {
    await expect(house.accounts.requireLiveSetupLink(unknown)).rejects.toMatchObject({ code: 'not_found' });
  }
});

test('a new start voids the link of the start before', async () => {
  const old = await freshToken();
  const token = await freshToken();
  await expect(found(old)).rejects.toMatchObject({ code: 'gone' });
  await expect(found(token)).resolves.toBeDefined();
});

test('processes that start together leave one live link', async () => {
  const tokens = await Promise.all([freshToken(), freshToken(), freshToken()]);
  const alive = await Promise.allSettled(tokens.map((token) => house.accounts.requireLiveSetupLink(token)));
  expect(alive.filter((result) => result.status === 'fulfilled')).toHaveLength(1);
});

test('a link older than a day is gone', async () => {
  const token = await freshToken();
  const { rows } = await house.rooms.database.database
    .pool('accounts')
    .query<{ hours: number }>(
      'select extract(epoch from expires_at - created_at)::float8 / 3600 as hours from setup_link',
    );
  expect(rows[0]?.hours).toBeCloseTo(24, 2);
  await house.rooms.doors.asAccounts((tx) =>
    sql`update setup_link set expires_at = clock_timestamp()`.execute(tx),
  );
  await expect(found(token)).rejects.toMatchObject({ code: 'gone' });
});

test('no link is made once there is an owner, and one left over opens nothing', async () => {
  const token = await freshToken();
  await found(token);
  expect(await house.accounts.ensureSetupLink()).toBeNull();
  await house.rooms.doors.asAccounts((tx) => sql`update setup_link set used_at = null`.execute(tx));
  await expect(found(token)).rejects.toMatchObject({ code: 'gone' });
});

test('a mistake in the form does not use the link up', async () => {
  const token = await freshToken();
  await expect(found(token, { email: 'nobody' })).rejects.toMatchObject({ field: 'email' });
  await expect(found(token, { organization: ' ' })).rejects.toMatchObject({ field: 'organization' });
  await expect(found(token)).resolves.toBeDefined();
});

test('a set-up that was cut off half-way can be done again with the same e-mail', async () => {
  const token = await freshToken();
  await found(token);
  // As after a crash between the two transactions: a person who is nobody anywhere.
  await house.rooms.database.database.ownerSession(async (client) => {
    await client.query(
      'alter table principal no force row level security; alter table membership no force row level security',
    );
    await client.query(`delete from principal where kind = 'person'`);
    await client.query(
      'alter table principal force row level security; alter table membership force row level security',
    );
  });
  const { actor } = await found(await freshToken(), { organization: 'Second try' });
  expect(actor.email).toBe('ada@example.com');
  expect(await count('select count(*)::int as n from person')).toBe(1);
});

test('the link’s token stands nowhere in the database', async () => {
  const token = await freshToken();
  const { rows } = await house.rooms.database.database.pool('accounts').query('select * from setup_link');
  expect(JSON.stringify(rows)).not.toContain(token);
  expect(JSON.stringify(rows)).not.toContain(Buffer.from(token, 'base64url').toString('hex'));
});
