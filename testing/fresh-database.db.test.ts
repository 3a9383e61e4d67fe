import { afterAll, beforeAll, expect, test } from 'vitest';
import type { FreshDatabase } from './copied-database.ts';
import { freshDatabase } from './fresh-database.ts';

let one: FreshDatabase;
let two: FreshDatabase;
beforeAll(async () => {
  [one, two] = await Promise.all([freshDatabase(), freshDatabase()]);
});
afterAll(async () => {
  await Promise.all([one.drop(), two.drop()]);
});

test('each test file has a migrated database of its own', async () => {
  await one.doors.asOwner((tx) => tx.updateTable('authority').set({ no: 41 }).execute());
  const seen = await Promise.all(
    [one, two].map(({ doors }) =>
      doors.locate((tx) => tx.selectFrom('authority').select('no').executeTakeFirstOrThrow()),
    ),
  );
  expect(seen).toEqual([{ no: 41 }, { no: 1 }]);
});

test('a dropped database is gone', async () => {
  const brief = await freshDatabase();
  await brief.drop();
  const names = await one.database
    .pool('owner')
    .query('select from pg_database where datname = $1', [brief.name]);
  expect(names.rowCount).toBe(0);
});
