// What a read finds, and in how many round trips: by the statements that reach the database.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { declaredField, declareType, plainValues, storeCredential } from '../../testing/credential-kit.ts';
import { openTestHouse, type TestHouse } from '../../testing/test-house.ts';
import type { Credential } from '../credentials/credential.ts';
import { updateCredential } from '../credentials/update-credential.ts';
import { createReadCredential } from './reading.ts';

let house: TestHouse;
beforeAll(async () => {
  house = await openTestHouse();
});
afterAll(() => house.close());

/** A reader of its own, as another process would be, that counts its statements: one number for each round trip. */
function openReader() {
  const trips: number[] = [];
  const read = createReadCredential({
    vault: house.vault,
    doors: {
      ...house.doors,
      read: (tenant, statements) => {
        trips.push(statements.length);
        return house.doors.read(tenant, statements);
      },
    },
  });
  const fieldsOf = async ({ id }: Credential) => {
    const reading = await read(house.tenant, id);
    return reading === null
      ? null
      : Object.fromEntries([...reading.values].map(([key, value]) => [key, value.revealText()]));
  };
  return { fieldsOf, takeTrips: () => trips.splice(0) };
}

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

test('a credential without fields costs one statement; fields cost a second trip once, and none is missing', async () => {
  const bare = await storeCredential(house, 'noauth', {});
  const basic = await storeCredential(house, 'basic', { username: 'hooli', password: 'first' });
  const { fieldsOf, takeTrips } = openReader();
  expect(await fieldsOf(bare)).toEqual({});
  expect(await fieldsOf(bare)).toEqual({});
  expect(takeTrips()).toEqual([1, 1]);
  expect(await fieldsOf(basic)).toEqual({ username: 'hooli', password: 'first' });
  expect(takeTrips()).toEqual([1, 2]);
  expect(await fieldsOf(basic)).toEqual({ username: 'hooli', password: 'first' });
  expect(takeTrips()).toEqual([2]);
});

test('a field that is set, changed or cleared by another process is in the next read', async () => {
  const optional = declaredField('note', { required: false });
  const type = await declareType(house, { key: 'noted', fields: [optional] });
  const credential = await storeCredential(house, type, {});
  const { fieldsOf } = openReader();
  expect(await fieldsOf(credential)).toEqual({});
  await update(credential, { note: 'first' });
  expect(await fieldsOf(credential)).toEqual({ note: 'first' });
  await update(credential, { note: 'second' });
  expect(await fieldsOf(credential)).toEqual({ note: 'second' });
  await update(credential, { note: '' });
  expect(await fieldsOf(credential)).toEqual({});
});

test('read together, each credential gets its own fields, also those that nobody had read before', async () => {
  const bare = await storeCredential(house, 'noauth', {});
  const all = await Promise.all(
    ['a', 'b', 'c', 'd'].map((name) =>
      storeCredential(house, 'basic', { username: name, password: `${name}!` }),
    ),
  );
  const { fieldsOf, takeTrips } = openReader();
  for (let again = 0; again < 2; again++) {
    const found = await Promise.all([...all, bare, ...all].map(fieldsOf));
    const wanted = ['a', 'b', 'c', 'd'].map((name) => ({ username: name, password: `${name}!` }));
    expect(found).toEqual([...wanted, {}, ...wanted]);
  }
  // Every read of the second turn knew that there are fields.
  expect(takeTrips().filter((statements) => statements === 1).length).toBeLessThanOrEqual(2);
});
