// What round trips of prepared statements keep, on every engine. Two tenants, with one secret each in the table `probe`.
import pg from 'pg';
import { beforeAll, describe, expect, test } from 'vitest';
import type { FreshDatabase } from '../../testing/copied-database.ts';
import type { TenantId } from '../kernel/ids.ts';
import type { Tx } from './doors.ts';

export type TwoTenants = Omit<FreshDatabase, 'copy'> & {
  /** Its secret is 'of A'. */
  readonly a: TenantId;
  /** Its secret is 'of B'. */
  readonly b: TenantId;
  readonly readAll: (tx: Tx) => Promise<readonly string[]>;
  /** What a session without any tenant sees on each of the pool's connections. */
  readonly seenWithoutTenant: () => Promise<readonly string[]>;
};

/** `two` answers once the tests run. */
export function describePreparedReads(two: () => TwoTenants): void {
  describe('a prepared read', () => {
    let a: TenantId;
    let b: TenantId;
    beforeAll(() => {
      ({ a, b } = two());
    });

    const secret = { name: 'read-probe', text: 'select secret from probe where id = $1', values: ['1'] };
    const read = async (tenant: TenantId) => (await two().doors.read(tenant, [secret]))[0] ?? [];
    const ask = async (name: string, text: string) =>
      (await two().doors.read(null, [{ name, text, values: [] }]))[0]?.[0]?.[0];

    /** Ends the connections of reads, as the user who opened them: a role that is taken on may not. Answers how many. */
    const endReads = async (): Promise<number> => {
      const client = new pg.Client({ ...two().login('app'), options: '' });
      await client.connect();
      try {
        const ended = await client.query(
          `select pg_terminate_backend(pid, 5000) from pg_stat_activity
           where application_name = 'latchkey reads' and datname = current_database()`,
        );
        return ended.rows.length;
      } finally {
        await client.end();
      }
    };

    test('reads the tenant that is asked for, whichever went before', async () => {
      const turns = Array.from({ length: 40 }, (_, turn) => (turn % 2 === 0 ? a : b));
      const seen = await Promise.all(turns.map(read));
      expect(seen.map((rows) => rows[0]?.[0])).toEqual(turns.map((t) => (t === a ? 'of A' : 'of B')));
    });

    test('leaves no tenant behind', async () => {
      await Promise.all(Array.from({ length: 20 }, () => read(a)));
      expect(await two().seenWithoutTenant()).toEqual([]);
      expect(await ask('tenant', `select nullif(current_setting('latchkey.tenant_id', true), '')`)).toBe(
        null,
      );
    });

    test('after a failed one is of the tenant that is asked for, and so is one after nobody’s', async () => {
      const seen: unknown[] = [];
      for (const tenant of [a, b, null, a, null, b, b, a] as const) {
        const failing = [{ name: 'fail', text: 'select 1 / 0', values: [] }, secret];
        await expect(two().doors.read(tenant === a ? b : a, failing)).rejects.toMatchObject({
          code: '22012',
        });
        seen.push((await two().doors.read(tenant, [secret]))[0]?.[0]?.[0] ?? null);
      }
      expect(seen).toEqual(['of A', 'of B', null, 'of A', null, 'of B', 'of B', 'of A']);
    });

    test('names the tenant once, as long as it stays the same', async () => {
      const one = two().again();
      const text = `select generic_plans + custom_plans from pg_prepared_statements where name = 'set_tenant'`;
      const calls = async (tenant: TenantId) =>
        (await one.doors.read(tenant, [{ name: 'calls', text, values: [] }]))[0]?.[0]?.[0];
      const first = Number(await calls(a));
      expect(first).toBe(1);
      await one.doors.read(a, [secret]);
      expect(Number(await calls(a))).toBe(first);
      expect(Number(await calls(b))).toBe(first + 1);
      await one.doors.close();
    });

    test('cannot write', async () => {
      const write = { name: 'write', text: 'delete from probe', values: [] };
      await expect(two().doors.read(a, [write])).rejects.toMatchObject({ code: '25006' });
    });

    test('that fails takes no other along', async () => {
      const failing = () =>
        two().doors.read(a, [secret, { name: 'fail', text: 'select 1 / 0', values: [] }, secret]);
      const mixed = await Promise.allSettled(
        Array.from({ length: 20 }, (_, turn) => (turn % 2 === 0 ? failing() : read(a))),
      );
      expect(mixed.map(({ status }) => status)).toEqual(
        Array.from({ length: 20 }, (_, turn) => (turn % 2 === 0 ? 'rejected' : 'fulfilled')),
      );
    });

    test('may write through the door of changes, all of it or nothing', async () => {
      const rename = (to: string) => ({
        name: 'rename',
        text: 'update probe set secret = $1 where id = 1',
        values: [to],
      });
      expect(await two().doors.write(b, [rename('changed'), secret])).toEqual([[], [['changed']]]);
      const fail = { name: 'fail', text: 'select 1 / 0', values: [] };
      await expect(two().doors.write(b, [rename('half'), fail])).rejects.toMatchObject({ code: '22012' });
      expect(await two().doors.write(b, [rename('of B'), secret])).toEqual([[], [['of B']]]);
      expect(await two().doors.read(a, [secret])).toEqual([[['of A']]]);
      expect(await two().doors.write(null, [rename('nobody')])).toEqual([[]]);
    });

    test('finds another connection when its own was lost between two statements', async () => {
      await Promise.all(Array.from({ length: 20 }, () => read(a)));
      expect(await endReads()).toBeGreaterThan(0);
      // They are gone by now; the event loop has yet to say so.
      for (let turn = 0; turn < 3; turn += 1) await new Promise(setImmediate);
      expect((await read(a))[0]?.[0]).toBe('of A');
    });

    test('sees no row without a tenant, and takes none but an id', async () => {
      await two().doors.withTenant(a, two().readAll);
      await read(a);
      expect(await two().doors.read(null, [secret])).toEqual([[]]);
      await expect(two().doors.read('' as TenantId, [secret])).rejects.toThrow(TypeError);
    });

    test('answers each statement of a round trip by itself, also one without rows', async () => {
      const none = { name: 'none', text: 'select secret from probe where id = $1', values: ['99'] };
      expect(await two().doors.read(a, [secret, none, secret])).toEqual([[['of A']], [], [['of A']]]);
      expect(await two().doors.read(b, [none, secret])).toEqual([[], [['of B']]]);
    });
  });
}
