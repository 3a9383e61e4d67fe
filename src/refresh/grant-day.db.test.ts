import { sql } from 'kysely';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { type Emulator, startEmulator } from '../../providers/emulator.ts';
import { connectAccount, createOAuthCredential } from '../../testing/connect-account.ts';
import { openRefreshProcess } from '../../testing/refresh-process.ts';
import { openTestHouse, type TestHouse } from '../../testing/test-house.ts';
import type { Credential } from '../credentials/credential.ts';
import { deleteCredential } from '../credentials/delete-credential.ts';
import { deleteOldGrantDays, selectGrantDays } from '../credentials/grant-day-store.ts';

let house: TestHouse;
let emulator: Emulator;
beforeAll(async () => {
  house = await openTestHouse();
  emulator = await startEmulator({ set: { rotation: 'always' } });
});
afterAll(async () => {
  await emulator.close();
  await house.close();
});
beforeEach(async () => {
  await emulator.setMode({ set: { rotation: 'always' } });
});

const due = { expiresInSeconds: 300, dueInSeconds: 0 };
const daysOf = (credential: Credential, tenant = house.tenant) =>
  house.doors.withTenant(tenant, (tx) => selectGrantDays(tx, credential.id, 100));
const totalRows = async (): Promise<number> => {
  const seen = await house.doors.asScheduler((tx) =>
    sql<{ total: number }>`select count(*) as total from grant_day`.execute(tx),
  );
  return seen.rows[0]?.total ?? -1;
};

test('refreshes and failures are counted on their day, once each', async () => {
  const credential = await createOAuthCredential(house, emulator);
  await connectAccount(house, emulator, credential, due);
  expect(await daysOf(credential)).toEqual([]);
  const one = await openRefreshProcess(house, emulator);
  await one.refresher.runOnce();
  await connectAccount(house, emulator, credential, due);
  emulator.adjust({ outage: 'unavailable' });
  await one.refresher.runOnce();
  const days = await daysOf(credential);
  const sum = (pick: (day: (typeof days)[number]) => number) =>
    days.reduce((total, day) => total + pick(day), 0);
  expect([sum((day) => day.refreshed), sum((day) => day.failed), sum((day) => day.takenOver)]).toEqual([
    1, 1, 0,
  ]);
  expect(days[0]?.lastRefreshedAt).toBeInstanceOf(Date);
  expect(days[0]?.day).toMatch(/^\d{4}-\d\d-\d\d$/);
});

test('what is taken over from a process that is gone is counted for its grant', async () => {
  const credential = await createOAuthCredential(house, emulator);
  await connectAccount(house, emulator, credential, { expiresInSeconds: 300, dueInSeconds: 200 });
  await house.doors.withTenant(house.tenant, (tx) =>
    sql`update oauth_grant set attempt_id = gen_random_uuid(), attempt_owner = gen_random_uuid(),
      attempt_deadline = clock_timestamp() - interval '1 minute' where credential_id = ${credential.id}`.execute(
      tx,
    ),
  );
  await (await openRefreshProcess(house, emulator)).refresher.runOnce();
  const [day] = await daysOf(credential);
  expect(day).toMatchObject({ takenOver: 1 });
  expect(day?.lastTakenOverAt).toBeInstanceOf(Date);
});

test('days of another tenant do not exist', async () => {
  const credential = await createOAuthCredential(house, emulator);
  await connectAccount(house, emulator, credential, due);
  await (await openRefreshProcess(house, emulator)).refresher.runOnce();
  expect(await daysOf(credential)).toHaveLength(1);
  const other = await house.addTenant('Umbra');
  expect(await daysOf(credential, other.tenant)).toEqual([]);
});

test('days go with their credential, and after ninety days by themselves', async () => {
  const credential = await createOAuthCredential(house, emulator);
  await connectAccount(house, emulator, credential, due);
  await (await openRefreshProcess(house, emulator)).refresher.runOnce();
  await house.doors.withTenant(house.tenant, (tx) =>
    sql`insert into grant_day (tenant_id, credential_id, day, refreshed)
      select tenant_id, credential_id, day - n, n from grant_day, unnest(array[89, 91, 400]) n
      where credential_id = ${credential.id}`.execute(tx),
  );
  const before = await totalRows();
  const swept = await house.doors.asScheduler((tx) => deleteOldGrantDays(tx, { keptDays: 90, limit: 1000 }));
  expect(swept).toBe(2);
  expect((await daysOf(credential)).map((day) => day.refreshed)).toEqual([1, 89]);
  await house.doors.withTenant(house.tenant, (tx) =>
    deleteCredential({ tx, vault: house.vault, actor: house.owner, id: credential.id, typedName: null }),
  );
  expect(await totalRows()).toBe(before - 4);
});
