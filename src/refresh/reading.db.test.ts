// What a read finds, and in how many round trips: by the statements that reach the database.
import { sql } from 'kysely';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openCountingReader } from '../../testing/counting-reader.ts';
import { declareOAuthType, plainValues, storeCredential, widgetsApp } from '../../testing/credential-kit.ts';
import { openTestHouse, type TestHouse } from '../../testing/test-house.ts';
import type { Credential } from '../credentials/credential.ts';
import { updateCredential } from '../credentials/update-credential.ts';

let house: TestHouse;
beforeAll(async () => {
  house = await openTestHouse();
});
afterAll(() => house.close());

function openReader() {
  const { read, takeTrips } = openCountingReader(house);
  const fieldsOf = async ({ id }: Credential) => {
    const reading = await read(house.tenant, id);
    return reading === null
      ? null
      : Object.fromEntries([...reading.values].map(([key, value]) => [key, value.revealText()]));
  };
  return { fieldsOf, takeTrips };
}

const waiting = sql`
  select from pg_locks l join pg_database d on d.oid = l.database
  where not l.granted and l.relation = 'credential_value'::regclass and d.datname = current_database()`;

const update = (credential: Credential, values: Record<string, string>) =>
  house.doors.withTenant(house.tenant, (tx) =>
    updateCredential({
      tx,
      vault: house.vault,
      actor: house.owner,
      id: credential.id,
      values: plainValues(values),
    }),
  );

test('tokens alone are one look at the grant; what has fields, or no grant, costs a second look at the first read', async () => {
  const tokens = await storeCredential(house, await declareOAuthType(house), widgetsApp);
  const none = await storeCredential(house, 'noauth', {});
  const basic = await storeCredential(house, 'basic', { username: 'hooli', password: 'first' });
  const { fieldsOf, takeTrips } = openReader();
  for (let again = 0; again < 2; again++) expect(await fieldsOf(tokens)).toEqual({});
  expect(takeTrips()).toEqual(['read_grant', 'read_grant']);
  for (let again = 0; again < 2; again++) expect(await fieldsOf(none)).toEqual({});
  expect(takeTrips()).toEqual(['read_grant', 'read_whole', 'read_whole']);
  for (let again = 0; again < 2; again++)
    expect(await fieldsOf(basic)).toEqual({ username: 'hooli', password: 'first' });
  expect(takeTrips()).toEqual(['read_grant', 'read_whole', 'read_whole']);
});

test('a field that is set, changed or cleared by another process is in the next read', async () => {
  const credential = await storeCredential(house, await declareOAuthType(house), widgetsApp);
  const { fieldsOf, takeTrips } = openReader();
  expect(await fieldsOf(credential)).toEqual({});
  expect(takeTrips()).toEqual(['read_grant']);
  await update(credential, { siteId: 'first' });
  expect(await fieldsOf(credential)).toEqual({ siteId: 'first' });
  await update(credential, { siteId: 'second' });
  expect(await fieldsOf(credential)).toEqual({ siteId: 'second' });
  await update(credential, { siteId: '' });
  expect(await fieldsOf(credential)).toEqual({});
});

test('a credential that is deleted while it is read is whole or not there, never without its fields', async () => {
  const credential = await storeCredential(house, 'basic', { username: 'hooli', password: 'secret' });
  const { fieldsOf } = openReader();
  await fieldsOf(credential);
  let reading: Promise<unknown> | null = null;
  await house.doors.withTenant(house.tenant, async (tx) => {
    await sql`lock table credential_value in access exclusive mode`.execute(tx);
    reading = fieldsOf(credential);
    // It waits for the table by now; of other tables it may have seen what was there before.
    await expect.poll(async () => (await waiting.execute(tx)).rows.length).toBe(1);
    await sql`delete from credential where tenant_id = latchkey_tenant() and id = ${credential.id}`.execute(
      tx,
    );
  });
  expect(await reading).toBe(null);
});

test('read together, each credential gets its own fields, also those that nobody had read before', async () => {
  const none = await storeCredential(house, 'noauth', {});
  const tokens = await storeCredential(house, await declareOAuthType(house), widgetsApp);
  const all = await Promise.all(
    ['a', 'b', 'c', 'd'].map((name) =>
      storeCredential(house, 'basic', { username: name, password: `${name}!` }),
    ),
  );
  const { fieldsOf, takeTrips } = openReader();
  for (let again = 0; again < 2; again++) {
    const found = await Promise.all([...all, none, tokens, ...all].map(fieldsOf));
    const wanted = ['a', 'b', 'c', 'd'].map((name) => ({ username: name, password: `${name}!` }));
    expect(found).toEqual([...wanted, {}, {}, ...wanted]);
  }
  // Every read of the second turn knew that there are fields.
  expect(takeTrips().filter((name) => name.startsWith('read_grant')).length).toBeLessThanOrEqual(2);
});
