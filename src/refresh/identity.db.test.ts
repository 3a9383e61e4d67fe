import { sql } from 'kysely';
import { afterAll, beforeAll, beforeEach, expect, inject, test } from 'vitest';
import { type Emulator, startEmulator } from '../../providers/emulator.ts';
import { connectAccount, createOAuthCredential } from '../../testing/connect-account.ts';
import { openStandingProcess, type StandingProcess } from '../../testing/refresh-process.ts';
import { openTestHouse, type TestHouse } from '../../testing/test-house.ts';
import { needsSuperuser, testWhere } from '../../testing/where.ts';
import { platformTenantId } from '../kernel/ids.ts';
import type { Doors } from '../storage/doors.ts';
import { readStanding, rememberIdentity } from './identity-store.ts';
import { takeOver } from './take-over.ts';

const operator = { kind: 'operator', principalId: null, name: 'operator' } as const;
const home = 'db.example:5432/latchkey';
const isEmbedded = inject('databaseServer').engine === 'embedded';

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
  // As if nothing had ever stood on this database.
  await house.doors.asOwner((tx) => sql`update cluster set identity = null, doubt = null`.execute(tx));
  await house.doors.asOwner((tx) => sql`delete from process`.execute(tx));
  await promoteTo(null);
});

const start = (location = home, doors: Doors = house.doors): Promise<StandingProcess> =>
  openStandingProcess(house, emulator, { doors, location });
const refreshes = () => emulator.ledger.records().filter((record) => record.kind === 'refresh').length;
const confirm = (one: StandingProcess, doors: Doors = house.doors) =>
  takeOver({ doors, identity: one.identity, heartbeat: one.heartbeat, actor: operator });
const why = (one: StandingProcess) => {
  const state = one.identity.state();
  return state.kind === 'unconfirmed' ? state.why : state.kind;
};

async function takeOverNo(): Promise<number> {
  const { rows } = await house.doors.asOwner((tx) =>
    sql<{ takeoverNo: number }>`select takeover_no as "takeoverNo" from cluster`.execute(tx),
  );
  return rows[0]?.takeoverNo ?? 0;
}

async function dueCredential(at: TestHouse = house) {
  const credential = await createOAuthCredential(at, emulator);
  const { accessToken } = await connectAccount(at, emulator, credential, {
    expiresInSeconds: 40,
    dueInSeconds: 0,
  });
  return { tenant: at.tenant, credentialId: credential.id, accessToken };
}

/** What every process on this database sees from now on, as after a standby became the primary. Null = the truth. */
async function promoteTo(timeline: number | null): Promise<void> {
  await house.doors.asOwner(async (tx) => {
    await sql`drop function if exists public.pg_walfile_name(pg_lsn)`.execute(tx);
    const path = timeline === null ? 'pg_catalog' : 'public, pg_catalog';
    if (timeline !== null) {
      const file = `${timeline.toString(16).padStart(8, '0')}0000000000000001`;
      await sql`create function public.pg_walfile_name(pg_lsn) returns text language sql
        return ${sql.lit(file)}`.execute(tx);
    }
    await sql`alter function latchkey_standing() set search_path = ${sql.raw(path)}`.execute(tx);
  });
}

test('the doors may see every part of the identity on this server', async () => {
  expect(await house.doors.asScheduler(readStanding)).toEqual({
    system: expect.stringMatching(/^\d{10,}$/),
    timeline: expect.any(Number),
    database: expect.stringMatching(/^\d+$/),
    relation: expect.stringMatching(/^\d+$/),
  });
});

test('a first start is remembered, and every later start on the same database goes on', async () => {
  expect(why(await start())).toBe('confirmed');
  expect(why(await start())).toBe('confirmed');
});

test('two first starts at one moment make one identity and lock nobody out', async () => {
  for (let turn = 0; turn < 5; turn += 1) {
    await house.doors.asOwner((tx) => sql`update cluster set identity = null`.execute(tx));
    const both = await Promise.all([start(), start(home, house.database.again().doors)]);
    expect(both.map(why)).toEqual(['confirmed', 'confirmed']);
  }
});

test('two first starts under two names at one moment remember the one, and then the other', async () => {
  const both = await Promise.all([
    start('db.example:5432/latchkey'),
    start('10.0.0.7:5432/latchkey', house.database.again().doors),
  ]);
  expect(both.map(why).sort()).toEqual(['confirmed', 'location']);
  for (let turn = 0; turn < 3; turn += 1) for (const one of both) await one.heartbeat.beat();
  expect(both.map(why)).toEqual(['confirmed', 'confirmed']);
});

test('who remembers on the ground of what has changed meanwhile remembers nothing', async () => {
  const seen = { identity: null, takeoverNo: await takeOverNo() };
  const remember = (text: string) => house.doors.asScheduler((tx) => rememberIdentity(tx, seen, text));
  expect([await remember('first'), await remember('second')]).toEqual([true, false]);
});

test('a dump restored over the very same database locks it', async () => {
  await start();
  // What pg_restore --clean does to each table.
  await house.doors.asOwner(async (tx) => {
    await sql`create table restored (like cluster including all)`.execute(tx);
    await sql`insert into restored select * from cluster`.execute(tx);
    await sql`grant select, update on restored to latchkey_app, latchkey_scheduler`.execute(tx);
    await sql`grant select on restored to latchkey_locator`.execute(tx);
    await sql`drop table cluster`.execute(tx);
    await sql`alter table restored rename to cluster`.execute(tx);
  });
  const one = await start();
  expect(why(one)).toBe('database');
  await confirm(one);
  expect(why(await start())).toBe('confirmed');
});

test('a copy serves living tokens and sends nothing, until an operator says that it takes over', async () => {
  // A house of its own: copying a database ends the connections to it.
  const original = await openTestHouse();
  try {
    const due = await dueCredential(original);
    const expired = await createOAuthCredential(original, emulator);
    await connectAccount(original, emulator, expired, { expiresInSeconds: -10, dueInSeconds: 0 });
    const expiredKey = { tenant: original.tenant, credentialId: expired.id };
    await openStandingProcess(original, emulator, { doors: original.doors, location: home });
    const copy = await original.database.copy();
    try {
      const count = refreshes();
      const { doors } = copy;
      // The very same address: a restored dump often gets it.
      const one = await openStandingProcess(original, emulator, { doors, location: home });
      expect(why(one)).toBe('database');
      expect(await one.refresher.runOnce()).toBe(0);
      const read = await one.reader.readToken(due);
      expect(read.grant.tokens.accessToken.revealText()).toBe(due.accessToken);
      expect(read.isDegraded).toBe(true);
      for (const asked of [one.reader.readToken(expiredKey), one.reader.forceRefresh(due)]) {
        await expect(asked).rejects.toMatchObject({
          code: 'unavailable',
          cure: expect.stringContaining('latchkey takeover --i-have-stopped-the-old-one'),
        });
      }
      expect(refreshes()).toBe(count);
      expect(await confirm(one, doors)).toMatchObject({ changed: true, takeoverNo: 1 });
      expect(why(one)).toBe('confirmed');
      expect(await one.refresher.runOnce()).toBe(2);
      expect(refreshes()).toBe(count + 2);
      // The original knows nothing of it; that is what the operator has vouched for.
      const back = original.database.again().doors;
      const old = await openStandingProcess(original, emulator, { doors: back, location: home });
      expect(why(old)).toBe('confirmed');
    } finally {
      await copy.drop();
    }
  } finally {
    await original.close();
  }
});

test('a take-over is in the audit trail, is said once, and holds for later starts', async () => {
  await start();
  const one = await start('other.example:5432/latchkey');
  expect(why(one)).toBe('location');
  const first = await confirm(one);
  expect(first.changed).toBe(true);
  expect(await confirm(one)).toEqual({
    changed: false,
    takeoverNo: first.takeoverNo,
    said: expect.stringContaining('nothing was changed'),
  });
  expect(why(await start('other.example:5432/latchkey'))).toBe('confirmed');
  const { rows } = await house.doors.withTenant(platformTenantId, (tx) =>
    sql<{ detail: { takeoverNo: number; why: string } }>`
        select detail from audit_event where action = 'takeover.confirmed'`.execute(tx),
  );
  const told = rows.filter(({ detail }) => detail.takeoverNo === first.takeoverNo);
  expect(told.map(({ detail }) => detail.why)).toEqual(['location']);
});

test('a process alive across a promotion vouches for it, and a start before it has done so waits for that', async () => {
  const alive = await start();
  await promoteTo(7);
  const early = await start();
  expect(why(early)).toBe('timeline');
  await alive.heartbeat.beat();
  expect(why(alive)).toBe('confirmed');
  await early.heartbeat.beat();
  expect(why(early)).toBe('confirmed');
  expect(why(await start())).toBe('confirmed');
});

test('without a process alive across it, a promoted database waits for the operator', async () => {
  await start();
  const { credentialId } = await dueCredential();
  await promoteTo(8);
  const count = refreshes();
  const late = await start();
  for (let turn = 0; turn < 3; turn += 1) await late.refresher.runOnce();
  expect(why(late)).toBe('timeline');
  expect(refreshes()).toBe(count);
  await confirm(late);
  await late.refresher.runOnce();
  expect(refreshes()).toBe(count + 1);
  expect(credentialId).toBeTruthy();
});

test('a process does not vouch for a database that lacks its last heartbeats, nor does its restart', async () => {
  const alive = await start();
  const restore = (back: string) =>
    house.doors.asScheduler((tx) =>
      sql`update process set heartbeat_at = heartbeat_at - ${sql.lit(back)}::interval`.execute(tx),
    );
  // A standby may lack some seconds.
  await restore('20 seconds');
  await promoteTo(9);
  await alive.heartbeat.beat();
  expect(why(alive)).toBe('confirmed');
  await restore('2 hours');
  await alive.heartbeat.beat();
  expect(why(alive)).toBe('went_back');
  expect(why(await start())).toBe('went_back');
  await confirm(alive);
  expect(why(alive)).toBe('confirmed');
});

test('a row that is gone soon after its heartbeat is data gone back too', async () => {
  const alive = await start();
  await house.doors.asScheduler((tx) => sql`delete from process`.execute(tx));
  await alive.heartbeat.beat();
  expect(why(alive)).toBe('went_back');
});

test('another name of the same database is believed when a confirmed process is seen beating there', async () => {
  const one = await start('db.example:5432/latchkey');
  const other = await start('10.0.0.7:5432/latchkey');
  expect(why(other)).toBe('location');
  // Its row is fresh, but a copy has that row as well.
  await other.heartbeat.beat();
  expect(why(other)).toBe('location');
  await one.heartbeat.beat();
  await other.heartbeat.beat();
  expect(why(other)).toBe('confirmed');
  expect(why(await start('10.0.0.7:5432/latchkey'))).toBe('confirmed');
});

test('unconfirmed processes do not vouch for each other', async () => {
  await start('db.example:5432/latchkey');
  const both = [await start('copy.example:5432/latchkey'), await start('copy.example:5432/latchkey')];
  for (let turn = 0; turn < 4; turn += 1) for (const one of both) await one.heartbeat.beat();
  expect(both.map(why)).toEqual(['location', 'location']);
});

test('a restart of the database under a running process does not lock it', async () => {
  const alive = await start();
  const session = house.database.asSuperuser ?? house.database.database.ownerSession;
  const ended = await session(async (client) => {
    await client.query('set role none');
    return await client.query(`select pg_terminate_backend(pid) from pg_stat_activity
      where datname = current_database() and application_name like 'latchkey %' and pid <> pg_backend_pid()`);
  });
  expect(ended.rowCount).toBeGreaterThan(0);
  await expect
    .poll(() => alive.heartbeat.beat().then(() => why(alive)), { timeout: 10_000 })
    .toBe('confirmed');
});

testWhere(isEmbedded, needsSuperuser)(
  'without the right to see the system identifier the other parts decide, and nobody is locked out',
  async () => {
    const asSuperuser = house.database.asSuperuser;
    if (asSuperuser === null) return;
    const right = (verb: string) =>
      asSuperuser((client) =>
        client.query(
          `${verb.replace('@', 'execute on function pg_control_system(), pg_control_checkpoint(), pg_walfile_name(pg_lsn)')}`,
        ),
      );
    await start();
    await right('revoke @ from public');
    try {
      expect(await house.doors.asScheduler(readStanding)).toEqual({
        system: null,
        timeline: null,
        database: expect.any(String),
        relation: expect.any(String),
      });
      expect(why(await start())).toBe('confirmed');
      expect(why(await start('copy.example:5432/latchkey'))).toBe('location');
      // What is remembered is not forgotten because it cannot be seen for a while.
      const { rows } = await house.doors.asOwner((tx) =>
        sql<{ identity: string }>`select identity from cluster`.execute(tx),
      );
      expect(JSON.parse(rows[0]?.identity ?? '{}').system).toMatch(/^\d+$/);
    } finally {
      await right('grant @ to public');
    }
  },
);

test('a damaged memory locks, and says so', async () => {
  await house.doors.asOwner((tx) => sql`update cluster set identity = 'what?'`.execute(tx));
  const one = await start();
  expect(why(one)).toBe('unreadable');
  await confirm(one);
  expect(why(one)).toBe('confirmed');
});
