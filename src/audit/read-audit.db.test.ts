import { sql } from 'kysely';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { FreshDatabase } from '../../testing/copied-database.ts';
import { freshDatabase } from '../../testing/fresh-database.ts';
import { newTestTenant } from '../../testing/test-vault.ts';
import { systemClock } from '../kernel/clock.ts';
import { Fault } from '../kernel/fault.ts';
import { newId, type TenantId } from '../kernel/ids.ts';
import { silentLog } from '../kernel/log.ts';
import type { Doors } from '../storage/doors.ts';
import { chainWaiting, verifyChain } from './chain.ts';
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

const open = (options: Partial<Parameters<typeof createReadAudit>[0]> = {}) =>
  createReadAudit({ doors: fresh.doors, log: silentLog, clock: systemClock, ...options });

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

/** Doors that give each transaction one more statement, which fails. */
function failing(statement: () => string | null): Doors {
  return {
    ...fresh.doors,
    withTenant: (tenant, work) =>
      fresh.doors.withTenant(tenant, async (tx) => {
        const text = statement();
        if (text !== null) await sql.raw(text).execute(tx);
        return work(tx);
      }),
  };
}

test('what one actor read in a batch is one event that counts each object, and drain writes the rest', async () => {
  const [one, two] = [await newTestTenant(fresh.doors), await newTestTenant(fresh.doors)];
  const reads = open();
  for (let i = 0; i < 1000; i++) reads.record(one, read('a'));
  reads.record(one, read('b'));
  reads.record(two, read('a'));
  await reads.flush();
  reads.record(two, read('c'));
  await reads.drain();
  expect(await recorded(one)).toEqual([{ object_id: null, detail: { objects: { a: 1000, b: 1 } } }]);
  expect(await recorded(two)).toEqual([
    { object_id: 'a', detail: {} },
    { object_id: 'c', detail: {} },
  ]);
});

test('reads recorded while the database is away are written when it is back, none twice', async () => {
  const tenant = await newTestTenant(fresh.doors);
  let isAway = true;
  const reads = open({ doors: flaky(() => isAway) });
  reads.record(tenant, read('a'));
  await expect(reads.flush()).rejects.toThrow('does not answer');
  reads.record(tenant, read('a'));
  reads.record(tenant, read('b'));
  const tries = await Promise.allSettled([reads.flush(), reads.flush()]);
  expect(tries.map((result) => result.status)).toEqual(['rejected', 'rejected']);
  isAway = false;
  await Promise.all([reads.flush(), reads.flush(), reads.drain()]);
  expect(await recorded(tenant)).toEqual([{ object_id: null, detail: { objects: { a: 2, b: 1 } } }]);
});

test('actors, actions and answers are told apart, and no event names more than 500 objects', async () => {
  const tenant = await newTestTenant(fresh.doors);
  const reads = open();
  const other = { kind: 'service', principalId: null, name: 'another token' } as const;
  for (let i = 0; i < 2; i++) reads.record(tenant, { ...read('a'), actor: other });
  reads.record(tenant, { ...read('a'), result: 'refused' });
  for (let i = 0; i < 501; i++) reads.record(tenant, read(`object-${i}`));
  await reads.drain();
  const rows = await recorded(tenant);
  expect(rows.map((row) => row.object_id)).toEqual(['a', 'a', null, 'object-500']);
  expect(rows[0]?.detail).toEqual({ count: 2 });
  const named = rows.map((row) => Object.keys(Object(row.detail).objects ?? {}).length);
  expect(named).toEqual([0, 0, 500, 0]);
});

test('an event that names many objects has its place in the chain like any other', async () => {
  const tenant = await newTestTenant(fresh.doors);
  const reads = open();
  for (const id of ['zz', 'a', 'longer', 'b']) reads.record(tenant, read(id));
  await reads.drain();
  await fresh.doors.withTenant(tenant, (tx) => chainWaiting(tx, tenant));
  const verdict = await fresh.doors.withTenant(tenant, (tx) => verifyChain(tx, tenant));
  expect(verdict).toMatchObject({ intact: true, links: 1, waiting: 0 });
});

test('a read is refused rather than left unrecorded when too many wait', async () => {
  const tenant = await newTestTenant(fresh.doors);
  let isAway = true;
  const reads = open({ doors: flaky(() => isAway), maxWaiting: 3 });
  for (const id of ['a', 'b', 'c']) reads.record(tenant, read(id));
  expect(() => reads.record(tenant, read('d'))).toThrow('cannot be recorded');
  await expect(reads.flush()).rejects.toThrow();
  expect(() => reads.record(tenant, read('d'))).toThrow('cannot be recorded');
  isAway = false;
  await reads.flush();
  reads.record(tenant, read('d'));
  await reads.drain();
  expect(await recorded(tenant)).toEqual([
    { object_id: null, detail: { objects: { a: 1, b: 1, c: 1 } } },
    { object_id: 'd', detail: {} },
  ]);
});

test.each([
  ['the database became read-only', 'set transaction read only'],
  ['the schema is elsewhere', 'set local search_path = nowhere'],
  ['the server found damage', `do $$ begin raise exception 'damaged' using errcode = 'XX001'; end $$`],
  ['the login is refused', `do $$ begin raise exception 'refused' using errcode = '28P01'; end $$`],
])('reads are not lost while %s', async (_what, statement) => {
  const tenant = await newTestTenant(fresh.doors);
  let isFailing = true;
  const lines: string[] = [];
  const log = { ...silentLog, error: (message: string) => lines.push(message) };
  const reads = open({ doors: failing(() => (isFailing ? statement : null)), log });
  reads.record(tenant, read('a'));
  await expect(reads.flush()).rejects.toThrow();
  reads.record(tenant, read('b'));
  await expect(reads.flush()).rejects.toThrow();
  isFailing = false;
  await reads.drain();
  expect(await recorded(tenant)).toEqual([{ object_id: null, detail: { objects: { a: 1, b: 1 } } }]);
  expect(lines).toEqual([]);
});

test('after a minute without a record nothing more of that tenant is read, until writing works again', async () => {
  const [one, two] = [await newTestTenant(fresh.doors), await newTestTenant(fresh.doors)];
  let nowMs = 0;
  let away: TenantId | null = one;
  const doors: Doors = {
    ...fresh.doors,
    withTenant: async (tenant, work) => {
      if (tenant === away) throw new Fault('unavailable', 'The database does not answer.');
      return fresh.doors.withTenant(tenant, work);
    },
  };
  const reads = open({ doors, clock: { monotonicMs: () => nowMs } });
  reads.record(one, read('a'));
  await expect(reads.flush()).rejects.toThrow();
  nowMs = 60_000;
  reads.record(one, read('b'));
  await expect(reads.flush()).rejects.toThrow();
  nowMs = 60_001;
  expect(() => reads.record(one, read('c'))).toThrow('cannot be recorded');
  reads.record(two, read('c'));
  away = null;
  await reads.flush();
  reads.record(one, read('d'));
  await reads.drain();
  expect(await recorded(one)).toEqual([
    { object_id: null, detail: { objects: { a: 1, b: 1 } } },
    { object_id: 'd', detail: {} },
  ]);
  expect(await recorded(two)).toHaveLength(1);
});

test('a process is not writing when nothing was written for ten seconds, but is while only one tenant is stuck', async () => {
  const [one, two] = [await newTestTenant(fresh.doors), await newTestTenant(fresh.doors)];
  let nowMs = 0;
  let away: readonly TenantId[] = [one];
  const doors: Doors = {
    ...fresh.doors,
    withTenant: async (tenant, work) => {
      if (away.includes(tenant)) throw new Fault('unavailable', 'The database does not answer.');
      return fresh.doors.withTenant(tenant, work);
    },
  };
  const reads = open({ doors, clock: { monotonicMs: () => nowMs } });
  const round = async (): Promise<boolean> => {
    nowMs += 5_001;
    reads.record(one, read('a'));
    reads.record(two, read('a'));
    await reads.flush().catch(() => {});
    return reads.isWriting();
  };
  expect([await round(), await round(), await round(), await round()]).toEqual([true, true, true, true]);
  away = [one, two];
  expect([await round(), await round()]).toEqual([true, false]);
  away = [];
  expect(await round()).toBe(true);
});

test('a tenant whose rows are locked does not hold up the others', async () => {
  const [one, two] = [await newTestTenant(fresh.doors), await newTestTenant(fresh.doors)];
  let release = () => {};
  const locked = new Promise<void>((resolve) => {
    release = resolve;
  });
  const doors: Doors = {
    ...fresh.doors,
    withTenant: async (tenant, work) => {
      if (tenant === one) await locked;
      return fresh.doors.withTenant(tenant, work);
    },
  };
  const reads = open({ doors });
  reads.record(one, read('a'));
  reads.record(two, read('a'));
  const flushed = reads.flush();
  await expect.poll(async () => (await recorded(two)).length).toBe(1);
  release();
  await flushed;
  expect(await recorded(one)).toHaveLength(1);
});

test('what cannot be written at the end is told', async () => {
  const tenant = await newTestTenant(fresh.doors);
  const lines: unknown[] = [];
  const log = {
    ...silentLog,
    error: (message: string, fields: object = {}) => lines.push([message, fields]),
  };
  const reads = open({ doors: flaky(() => true), log });
  reads.record(tenant, read('a'));
  reads.record(tenant, read('b'));
  await expect(reads.drain()).rejects.toThrow();
  expect(lines).toEqual([['audit of reads lost', expect.objectContaining({ events: 2 })]]);
});

test('of a batch with an event that can never be written, all others are', async () => {
  const tenant = await newTestTenant(fresh.doors);
  const lines: string[] = [];
  const reads = open({ log: { ...silentLog, error: (message: string) => lines.push(message) } });
  reads.record(tenant, read('a'));
  reads.record(tenant, { ...read('b'), detail: { note: 'x'.repeat(3000) } });
  reads.record(tenant, { ...read('c'), action: 'credential.revealed' });
  await reads.drain();
  expect(lines).toEqual(['audit of reads lost']);
  expect((await recorded(tenant)).map((event) => event.object_id)).toEqual(['a', 'c']);
});

test('the database goes away while a batch is written one by one: the rest waits, and none is written twice', async () => {
  const tenant = await newTestTenant(fresh.doors);
  // All at once, the first, the second, and then it is away.
  const turns = [false, false, false, true];
  const reads = open({ doors: flaky(() => turns.shift() ?? false) });
  reads.record(tenant, read('a'));
  reads.record(tenant, { ...read('b'), detail: { note: 'x'.repeat(3000) } });
  reads.record(tenant, { ...read('c'), action: 'credential.revealed' });
  await expect(reads.flush()).rejects.toThrow();
  await reads.drain();
  expect((await recorded(tenant)).map((event) => event.object_id)).toEqual(['a', 'c']);
});

test('a batch that can never be written does not hold up later ones', async () => {
  const tenant = await newTestTenant(fresh.doors);
  const lines: string[] = [];
  const log = { ...silentLog, error: (message: string) => lines.push(message) };
  const reads = open({ log });
  reads.record(newId<TenantId>(), { ...read('x'), actor: systemActor });
  reads.record(tenant, read('a'));
  await reads.drain();
  expect(lines).toEqual(['audit of reads lost']);
  expect(await recorded(tenant)).toHaveLength(1);
});
