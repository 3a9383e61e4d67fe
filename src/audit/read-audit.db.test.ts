import { afterAll, beforeAll, expect, test } from 'vitest';
import { type FreshDatabase, freshDatabase } from '../../testing/fresh-database.ts';
import { newTestTenant } from '../../testing/test-vault.ts';
import { Fault } from '../kernel/fault.ts';
import { newId, type TenantId } from '../kernel/ids.ts';
import { silentLog } from '../kernel/log.ts';
import type { Doors } from '../storage/doors.ts';
import { type AuditEvent, systemActor } from './event.ts';
import { createReadAudit } from './read-audit.ts';

let fresh: FreshDatabase;
beforeAll(async () => {
  fresh = await freshDatabase();
});
afterAll(() => fresh.drop());

const read = (id: string): AuditEvent => ({
  actor: { kind: 'service', principalId: null, name: 'ci token' },
  action: 'credential.read',
  object: { kind: 'credential', id },
});

const recorded = (tenant: TenantId) =>
  fresh.doors.withTenant(tenant, (tx) =>
    tx.selectFrom('audit_event').select(['object_id', 'detail']).orderBy('seq').execute(),
  );

/** Doors that are away while `away()` says so. */
function flaky(away: () => boolean): Doors {
  return {
    ...fresh.doors,
    withTenant: async (tenant, work) => {
      if (away()) throw new Fault('unavailable', 'The database does not answer.');
      return fresh.doors.withTenant(tenant, work);
    },
  };
}

test('equal reads of a batch become one event with a count, and drain writes the rest', async () => {
  const [one, two] = [await newTestTenant(fresh.doors), await newTestTenant(fresh.doors)];
  const reads = createReadAudit({ doors: fresh.doors, log: silentLog });
  for (let i = 0; i < 1000; i++) reads.record(one, read('a'));
  reads.record(one, read('b'));
  reads.record(two, read('a'));
  await reads.flush();
  reads.record(two, read('c'));
  await reads.drain();
  expect(await recorded(one)).toEqual([
    { object_id: 'a', detail: { count: 1000 } },
    { object_id: 'b', detail: {} },
  ]);
  expect(await recorded(two)).toEqual([
    { object_id: 'a', detail: {} },
    { object_id: 'c', detail: {} },
  ]);
});

test('reads recorded while the database is away are written when it is back, none twice', async () => {
  const tenant = await newTestTenant(fresh.doors);
  let isAway = true;
  const reads = createReadAudit({ doors: flaky(() => isAway), log: silentLog });
  reads.record(tenant, read('a'));
  await expect(reads.flush()).rejects.toThrow('does not answer');
  reads.record(tenant, read('a'));
  reads.record(tenant, read('b'));
  const tries = await Promise.allSettled([reads.flush(), reads.flush()]);
  expect(tries.map((result) => result.status)).toEqual(['rejected', 'rejected']);
  isAway = false;
  await Promise.all([reads.flush(), reads.flush(), reads.drain()]);
  expect(await recorded(tenant)).toEqual([
    { object_id: 'a', detail: { count: 2 } },
    { object_id: 'b', detail: {} },
  ]);
});

test('a read is refused rather than left unrecorded when too many wait', async () => {
  const tenant = await newTestTenant(fresh.doors);
  let isAway = true;
  const reads = createReadAudit({ doors: flaky(() => isAway), log: silentLog, maxWaiting: 3 });
  for (const id of ['a', 'b', 'c']) reads.record(tenant, read(id));
  expect(() => reads.record(tenant, read('d'))).toThrow('cannot be recorded');
  await expect(reads.flush()).rejects.toThrow();
  expect(() => reads.record(tenant, read('d'))).toThrow('cannot be recorded');
  isAway = false;
  await reads.flush();
  reads.record(tenant, read('d'));
  await reads.drain();
  expect((await recorded(tenant)).map((row) => row.object_id)).toEqual(['a', 'b', 'c', 'd']);
});

test('a batch that can never be written does not hold up later ones', async () => {
  const tenant = await newTestTenant(fresh.doors);
  const lines: string[] = [];
  const log = { ...silentLog, error: (message: string) => lines.push(message) };
  const reads = createReadAudit({ doors: fresh.doors, log });
  reads.record(newId<TenantId>(), { ...read('x'), actor: systemActor });
  reads.record(tenant, read('a'));
  await reads.drain();
  expect(lines).toEqual(['audit of reads lost']);
  expect(await recorded(tenant)).toHaveLength(1);
});
