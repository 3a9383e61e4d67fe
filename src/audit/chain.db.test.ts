import { sql } from 'kysely';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import type { FreshDatabase } from '../../testing/copied-database.ts';
import { freshDatabase } from '../../testing/fresh-database.ts';
import { newTestTenant } from '../../testing/test-vault.ts';
import { needsSuperuser, testWhere } from '../../testing/where.ts';
import { newId, type TenantId } from '../kernel/ids.ts';
import { silentLog } from '../kernel/log.ts';
import { chainWaiting, verifyChain } from './chain.ts';
import { createChainSealer } from './chain-sealer.ts';
import { type AuditEvent, audit, auditAll, systemActor } from './event.ts';

let fresh: FreshDatabase;
beforeAll(async () => {
  fresh = await freshDatabase();
});
afterAll(() => fresh.drop());

const forged = testWhere(inject('databaseServer').engine === 'embedded', needsSuperuser);

const event = (id: string): AuditEvent => ({
  actor: { kind: 'person', principalId: newId<never>(), name: 'Ada' },
  action: 'credential.updated',
  object: { kind: 'credential', id },
  fields: ['api_key', 'label'],
  requestId: 'r-1',
  detail: { reason: 'edited — é', count: 2, again: null, ok: true },
});

const inTenant = <T>(tenant: TenantId, work: Parameters<typeof fresh.doors.withTenant<T>>[1]) =>
  fresh.doors.withTenant(tenant, work);
const verify = (tenant: TenantId) => inTenant(tenant, (tx) => verifyChain(tx, tenant));
const chain = (tenant: TenantId) => inTenant(tenant, (tx) => chainWaiting(tx, tenant));

async function tenantWithEvents(count: number): Promise<{ tenant: TenantId; numbers: readonly number[] }> {
  const tenant = await newTestTenant(fresh.doors);
  for (let i = 0; i < count; i++) await inTenant(tenant, (tx) => audit(tx, event(`c${i}`)));
  await chain(tenant);
  const rows = await inTenant(tenant, (tx) =>
    tx.selectFrom('audit_event').select('seq').orderBy('seq').execute(),
  );
  return { tenant, numbers: rows.map((row) => row.seq) };
}

/** As somebody with full power over the database would. */
async function tamper(statement: string): Promise<void> {
  if (fresh.asSuperuser === null) throw new Error('needs the embedded engine');
  await fresh.asSuperuser(async (client) => {
    await client.query('set session_replication_role = replica');
    const { rowCount } = await client.query(statement);
    expect(rowCount, statement).toBeGreaterThan(0);
  });
}

test('an event is recorded when and only when its change is', async () => {
  const tenant = await newTestTenant(fresh.doors);
  const failed = inTenant(tenant, async (tx) => {
    await audit(tx, event('lost'));
    throw new Error('rolled back');
  });
  await expect(failed).rejects.toThrow('rolled back');
  await inTenant(tenant, (tx) => audit(tx, event('kept')));
  const rows = await inTenant(tenant, (tx) => tx.selectFrom('audit_event').selectAll().execute());
  expect(rows).toHaveLength(1);
  expect(rows[0]).toMatchObject({
    tenant_id: tenant,
    actor_kind: 'person',
    actor_name: 'Ada',
    action: 'credential.updated',
    object_kind: 'credential',
    object_id: 'kept',
    result: 'ok',
    fields: ['api_key', 'label'],
    request_id: 'r-1',
    detail: { reason: 'edited — é', count: 2, again: null, ok: true },
  });
});

test('names that a database cannot hold are recorded with a replacement', async () => {
  const tenant = await newTestTenant(fresh.doors);
  const odd = { ...systemActor, name: 'a\u0000b\ud800' };
  const detail = { text: '\udc00\u0000' };
  await inTenant(tenant, (tx) => audit(tx, { ...event('x\u0000'), actor: odd, requestId: '\ud800', detail }));
  await chain(tenant);
  expect(await verify(tenant)).toMatchObject({ intact: true, links: 1 });
});

test('a whole trail verifies, over several batches, with what waits counted', async () => {
  const tenant = await newTestTenant(fresh.doors);
  const many = Array.from({ length: 2300 }, (_, i) => event(`c${i}`));
  await inTenant(tenant, (tx) => auditAll(tx, many));
  expect(await verify(tenant)).toEqual({ intact: true, links: 0, waiting: 2300, head: null });
  expect([await chain(tenant), await chain(tenant), await chain(tenant), await chain(tenant)]).toEqual([
    1000, 1000, 300, 0,
  ]);
  await inTenant(tenant, (tx) => audit(tx, event('late')));
  const verdict = await verify(tenant);
  expect(verdict).toMatchObject({ intact: true, links: 2300, waiting: 1 });
});

test('the role behind the tenants door can add events and links but neither change nor remove them', async () => {
  const { tenant } = await tenantWithEvents(2);
  for (const table of ['audit_event', 'audit_link', 'audit_checkpoint']) {
    for (const statement of [
      `update ${table} set tenant_id = tenant_id`,
      `delete from ${table}`,
      `truncate ${table}`,
    ]) {
      const denied = inTenant(tenant, (tx) => sql.raw(statement).execute(tx));
      await expect(denied, statement).rejects.toThrow('permission denied');
    }
  }
});

const columns: readonly (readonly [string, string])[] = [
  ['at', `at + interval '1 microsecond'`],
  ['actor_kind', `'system'`],
  ['actor_id', `'00000000-0000-4000-8000-00000000000a'`],
  ['actor_id', 'null'],
  ['actor_name', `'Eve'`],
  ['actor_name', 'null'],
  ['action', `'credential.deleted'`],
  ['object_kind', `'grant'`],
  ['object_id', `''`],
  ['object_id', 'null'],
  ['result', `'failed'`],
  ['fields', `'{label,api_key}'`],
  ['fields', `'{}'`],
  ['request_id', 'null'],
  ['detail', `'{}'`],
  ['detail', `'{"reason": "edited — é", "count": "2", "again": null, "ok": true}'`],
];

forged('a change of any column of any event is found at that event', async () => {
  for (const [column, value] of columns) {
    const { tenant, numbers } = await tenantWithEvents(3);
    await tamper(
      `update audit_event set ${column} = ${value} where tenant_id = '${tenant}' and seq = ${numbers[1]}`,
    );
    expect(await verify(tenant), `${column} = ${value}`).toEqual({
      intact: false,
      seq: numbers[1],
      problem: 'changed',
    });
  }
});

forged('a removed event, first, middle or last, is named', async () => {
  for (const index of [0, 2, 4]) {
    const { tenant, numbers } = await tenantWithEvents(5);
    await tamper(`delete from audit_event where tenant_id = '${tenant}' and seq = ${numbers[index]}`);
    expect(await verify(tenant)).toEqual({ intact: false, seq: numbers[index], problem: 'missing_event' });
  }
});

forged('events that changed places are found at the first of them', async () => {
  const { tenant, numbers } = await tenantWithEvents(5);
  const [, second, third] = numbers;
  await tamper(`update audit_event e set at = o.at, object_id = o.object_id from audit_event o
    where e.tenant_id = '${tenant}' and o.tenant_id = e.tenant_id
      and e.seq in (${second}, ${third}) and o.seq = ${second} + ${third} - e.seq`);
  expect(await verify(tenant)).toEqual({ intact: false, seq: second, problem: 'changed' });

  const links = await tenantWithEvents(3);
  await tamper(`update audit_link set seq = -link_no where tenant_id = '${links.tenant}'`);
  await tamper(`update audit_link set seq = case seq when -1 then ${links.numbers[1]} when -2 then ${links.numbers[0]}
    else ${links.numbers[2]} end where tenant_id = '${links.tenant}'`);
  expect(await verify(links.tenant)).toEqual({ intact: false, seq: links.numbers[1], problem: 'changed' });
});

forged('removed with its link, moved or slipped in: an event is found out', async () => {
  const cut = await tenantWithEvents(5);
  await tamper(`delete from audit_event where tenant_id = '${cut.tenant}' and seq = ${cut.numbers[2]}`);
  await tamper(`delete from audit_link where tenant_id = '${cut.tenant}' and seq = ${cut.numbers[2]}`);
  expect(await verify(cut.tenant)).toEqual({ intact: false, seq: cut.numbers[1], problem: 'missing_link' });

  const closed = await tenantWithEvents(5);
  await tamper(`delete from audit_event where tenant_id = '${closed.tenant}' and seq = ${closed.numbers[2]}`);
  await tamper(`delete from audit_link where tenant_id = '${closed.tenant}' and seq = ${closed.numbers[2]}`);
  for (const no of [4, 5]) {
    await tamper(
      `update audit_link set link_no = ${no - 1} where tenant_id = '${closed.tenant}' and link_no = ${no}`,
    );
  }
  expect(await verify(closed.tenant)).toEqual({ intact: false, seq: closed.numbers[3], problem: 'changed' });

  const added = await tenantWithEvents(2);
  await tamper(
    `insert into audit_event (tenant_id, actor_kind, action) values ('${added.tenant}', 'system', 'x')`,
  );
  expect(await verify(added.tenant)).toMatchObject({ intact: false, problem: 'stray' });
});

forged('a trail cut back behind a copy of its head is found out', async () => {
  const { tenant, numbers } = await tenantWithEvents(3);
  await tamper(`delete from audit_event where tenant_id = '${tenant}' and seq = ${numbers[2]}`);
  await tamper(`delete from audit_link where tenant_id = '${tenant}' and seq = ${numbers[2]}`);
  expect(await verify(tenant)).toEqual({ intact: false, seq: numbers[1], problem: 'rewritten' });
});

forged("another tenant's trail cannot be passed off as one's own", async () => {
  const { tenant, numbers } = await tenantWithEvents(2);
  const thief = await newTestTenant(fresh.doors);
  for (const table of ['audit_event', 'audit_link', 'audit_checkpoint']) {
    await tamper(`update ${table} set tenant_id = '${thief}' where tenant_id = '${tenant}'`);
  }
  expect(await verify(thief)).toEqual({ intact: false, seq: numbers[0], problem: 'changed' });
});

test('a writer that began first and commits last is chained all the same, and does not hold up others', async () => {
  const tenant = await newTestTenant(fresh.doors);
  let release = (): void => {};
  const held = new Promise<void>((resolve) => {
    release = resolve;
  });
  let written = (): void => {};
  const early = new Promise<void>((resolve) => {
    written = resolve;
  });
  const slow = inTenant(tenant, async (tx) => {
    await audit(tx, event('slow'));
    written();
    await held;
  });
  await early;
  await inTenant(tenant, (tx) => audit(tx, event('quick')));
  expect(await chain(tenant)).toBe(1);
  release();
  await slow;
  expect(await chain(tenant)).toBe(1);
  expect(await verify(tenant)).toMatchObject({ intact: true, links: 2, waiting: 0 });
});

test('sealers in several processes make one chain for each tenant', async () => {
  const tenants = await Promise.all([1, 2, 3].map(() => newTestTenant(fresh.doors)));
  const sealers = [fresh.doors, fresh.again().doors, fresh.again().doors].map((doors) =>
    createChainSealer({ doors, log: silentLog }),
  );
  const writers = tenants.map(async (tenant) => {
    for (let i = 0; i < 60; i++) await inTenant(tenant, (tx) => audit(tx, event(`c${i}`)));
  });
  const rounds = sealers.map(async (sealer) => {
    for (let i = 0; i < 20; i++) await sealer.sealWaiting();
  });
  await Promise.all([...writers, ...rounds]);
  await sealers[0]?.drain();
  for (const tenant of tenants)
    expect(await verify(tenant)).toMatchObject({ intact: true, links: 60, waiting: 0 });
});
