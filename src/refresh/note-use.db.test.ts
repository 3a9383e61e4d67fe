// What a note of use leaves in the database, and when it leaves nothing.
import { sql } from 'kysely';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { declareOAuthType, storeCredential, widgetsApp } from '../../testing/credential-kit.ts';
import { openTestHouse, type TestHouse } from '../../testing/test-house.ts';
import { silentLog } from '../kernel/log.ts';
import { createUseNotes } from './note-use.ts';

let house: TestHouse;
beforeAll(async () => {
  house = await openTestHouse();
});
afterAll(() => house.close());

test('a use that another process noted just now is not written again; after some minutes it is', async () => {
  const { id } = await storeCredential(house, await declareOAuthType(house), widgetsApp);
  const inTenant = house.doors.withTenant;
  const lastUse = () =>
    inTenant(house.tenant, async (tx) => {
      const found = await sql<{ at: Date }>`
        select last_used_at as at from grant_use where tenant_id = latchkey_tenant() and credential_id = ${id}`.execute(
        tx,
      );
      return found.rows[0]?.at.getTime();
    });
  const noteInNewProcess = async () => {
    const notes = createUseNotes({ doors: house.doors, log: silentLog });
    notes.note(house.tenant, id);
    await notes.drain();
    return await lastUse();
  };
  const age = (minutes: number) =>
    inTenant(house.tenant, (tx) =>
      sql`update grant_use set last_used_at = clock_timestamp() - make_interval(mins => ${minutes})
        where tenant_id = latchkey_tenant() and credential_id = ${id}`.execute(tx),
    );
  expect(await noteInNewProcess()).toBeGreaterThan(Date.now() - 60_000);
  await age(4);
  const before = await lastUse();
  expect(await noteInNewProcess()).toBe(before);
  await age(6);
  expect(await noteInNewProcess()).toBeGreaterThan(Date.now() - 60_000);
});
