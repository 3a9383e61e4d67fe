// What every engine's doors must keep, shown with two tenants and a table that is nothing but a secret per row.
import { sql } from 'kysely';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { FreshDatabase } from '../../testing/copied-database.ts';
import { newId, platformTenantId, type TenantId } from '../kernel/ids.ts';
import { isCheckViolation, isForeignKeyViolation, isUniqueViolation } from './database.ts';
import type { Tx } from './doors.ts';
import { describePreparedReads } from './pipeline.contract.ts';

const probeSchema = `
  create table probe (
    tenant_id uuid not null, id integer not null, secret text not null check (secret <> ''),
    primary key (tenant_id, id), unique (tenant_id, secret));
  create table probe_use (
    tenant_id uuid not null, probe_id integer not null,
    foreign key (tenant_id, probe_id) references probe (tenant_id, id));
  alter table probe enable row level security; alter table probe force row level security;
  alter table probe_use enable row level security; alter table probe_use force row level security;
  create policy tenant_rows on probe to latchkey_app
    using (tenant_id = latchkey_tenant()) with check (tenant_id = latchkey_tenant());
  create policy tenant_rows on probe_use to latchkey_app
    using (tenant_id = latchkey_tenant()) with check (tenant_id = latchkey_tenant());
  create policy every_id on probe for select to latchkey_scheduler, latchkey_locator using (true);
  grant select, insert, update, delete on probe, probe_use to latchkey_app;
  grant select (tenant_id, id) on probe to latchkey_scheduler, latchkey_locator;`;

type Secret = { readonly secret: string };

const readAll = async (tx: Tx): Promise<readonly string[]> => {
  const { rows } = await sql<Secret>`select secret from probe order by id`.execute(tx);
  return rows.map((row) => row.secret);
};

const add = (tx: Tx, tenant: TenantId, id: number, secret: string): Promise<unknown> =>
  sql`insert into probe (tenant_id, id, secret) values (${tenant}, ${id}, ${secret})`.execute(tx);

export function doorsContract(open: () => Promise<Omit<FreshDatabase, 'copy'>>): void {
  const a = newId<TenantId>();
  const b = newId<TenantId>();
  let fresh: Omit<FreshDatabase, 'copy'>;

  beforeAll(async () => {
    fresh = await open();
    await fresh.database.ownerSession((client) => client.query(probeSchema));
    await fresh.doors.withTenant(a, (tx) => add(tx, a, 1, 'of A'));
    await fresh.doors.withTenant(b, (tx) => add(tx, b, 1, 'of B'));
  });
  afterAll(() => fresh.drop());

  /** What a session without any tenant sees on each of the pool's connections. */
  const seenWithoutTenant = async (): Promise<readonly string[]> => {
    const pool = fresh.database.pool('app');
    const clients = await Promise.all(Array.from({ length: 5 }, () => pool.connect()));
    const seen = await Promise.all(clients.map((client) => client.query<Secret>('select secret from probe')));
    for (const client of clients) client.release();
    return seen.flatMap(({ rows }) => rows.map((row) => row.secret));
  };

  describe('a tenant', () => {
    test('sees its own rows and no others, also when many take turns on the same connections', async () => {
      const turns = Array.from({ length: 60 }, (_, turn) => (turn % 2 === 0 ? a : b));
      const seen = await Promise.all(turns.map((tenant) => fresh.doors.withTenant(tenant, readAll)));
      expect(seen).toEqual(turns.map((tenant) => [tenant === a ? 'of A' : 'of B']));
    });

    test('leaves nothing behind on a connection: the next one without a tenant sees no row and no error', async () => {
      await Promise.all(Array.from({ length: 20 }, () => fresh.doors.withTenant(a, readAll)));
      expect(await seenWithoutTenant()).toEqual([]);
    });

    test('leaves nothing behind after a rollback', async () => {
      const work = fresh.doors.withTenant(a, async (tx) => {
        await add(tx, a, 2, 'never stored');
        throw new Error('changed my mind');
      });
      await expect(work).rejects.toThrow('changed my mind');
      expect(await seenWithoutTenant()).toEqual([]);
      expect(await fresh.doors.withTenant(a, readAll)).toEqual(['of A']);
    });

    test('cannot write a row of another tenant, nor give its own away', async () => {
      await expect(fresh.doors.withTenant(a, (tx) => add(tx, b, 9, 'planted'))).rejects.toMatchObject({
        code: '42501',
      });
      const giveAway = fresh.doors.withTenant(a, (tx) => sql`update probe set tenant_id = ${b}`.execute(tx));
      await expect(giveAway).rejects.toMatchObject({ code: '42501' });
    });

    test('changes and deletes nothing of another tenant', async () => {
      const { numAffectedRows } = await fresh.doors.withTenant(a, (tx) =>
        sql`update probe set secret = 'overwritten' where tenant_id = ${b}`.execute(tx),
      );
      await fresh.doors.withTenant(a, (tx) => sql`delete from probe where tenant_id = ${b}`.execute(tx));
      expect(numAffectedRows).toBe(0n);
      expect(await fresh.doors.withTenant(b, readAll)).toEqual(['of B']);
    });

    test('is never taken from a setting that an earlier session left on the connection', async () => {
      const other = fresh.again();
      const pool = other.database.pool('app');
      const clients = await Promise.all(Array.from({ length: 5 }, () => pool.connect()));
      await Promise.all(clients.map((client) => client.query(`set latchkey.tenant_id = '${a}'`)));
      for (const client of clients) client.release();
      const seen = await Promise.all(Array.from({ length: 10 }, () => other.doors.withTenant(b, readAll)));
      expect(new Set(seen.flat())).toEqual(new Set(['of B']));
      await other.doors.close();
    });

    test('reads what the platform gives to everyone and cannot change it', async () => {
      const types = await fresh.doors.withTenant(a, (tx) =>
        tx.selectFrom('connection_type').select(['key', 'tenant_id']).orderBy('position').execute(),
      );
      expect(types.map((type) => type.key)).toContain('oauth2');
      expect(new Set(types.map((type) => type.tenant_id))).toEqual(new Set([platformTenantId]));
      const changed = await fresh.doors.withTenant(a, (tx) =>
        tx.updateTable('connection_type').set({ label: 'mine now' }).executeTakeFirstOrThrow(),
      );
      expect(changed.numUpdatedRows).toBe(0n);
    });

    test('must be an id', () => {
      expect(() => fresh.doors.withTenant('' as TenantId, readAll)).toThrow(TypeError);
      expect(() => fresh.doors.withTenant(`${a}' or true --` as TenantId, readAll)).toThrow(TypeError);
    });
  });

  describePreparedReads(() => ({ ...fresh, a, b, readAll, seenWithoutTenant }));

  describe('the other doors', () => {
    test('the owner of the tables sees no row of any tenant', async () => {
      expect(await fresh.doors.asOwner(readAll)).toEqual([]);
    });

    test('the scheduler sees every tenant, but only the columns it was given', async () => {
      const ids = await fresh.doors.asScheduler((tx) =>
        sql<{ tenant_id: string }>`select tenant_id, id from probe`.execute(tx),
      );
      expect(new Set(ids.rows.map((row) => row.tenant_id))).toEqual(new Set([a, b]));
      await expect(fresh.doors.asScheduler(readAll)).rejects.toMatchObject({ code: '42501' });
    });

    test('the scheduler cannot read sealed tokens', async () => {
      const read = fresh.doors.asScheduler((tx) => sql`select * from oauth_grant`.execute(tx));
      await expect(read).rejects.toMatchObject({ code: '42501' });
    });

    test('the locator writes nothing', async () => {
      const write = fresh.doors.locate((tx) => sql`create temporary table note (line text)`.execute(tx));
      await expect(write).rejects.toMatchObject({ code: '25006' });
    });

    test('the door of sign-in sees no credentials', async () => {
      const read = fresh.doors.asAccounts((tx) =>
        tx.selectFrom('credential_value').select('sealed').execute(),
      );
      await expect(read).rejects.toMatchObject({ code: '42501' });
    });
  });

  describe('a session of the tenants’ door', () => {
    let client: pg.Client;
    beforeAll(async () => {
      client = new pg.Client(fresh.login('app'));
      await client.connect();
    });
    afterAll(() => client.end());
    const whoAmI = async (): Promise<string> =>
      (await client.query<{ role: string }>('select current_user::text as role')).rows[0]?.role ?? '';

    test('is the door’s role and comes back to it by RESET ROLE, RESET ALL and DISCARD ALL', async () => {
      for (const statement of ['reset role', 'reset all', 'discard all']) {
        await client.query(statement);
        expect(await whoAmI()).toBe('latchkey_app');
      }
    });

    test('sees no tenant’s rows whatever role it asks for', async () => {
      for (const statement of [
        'set role none',
        'set role latchkey_owner',
        'set session authorization default',
      ]) {
        await client.query(statement).catch(() => {});
        const { rows } = await client.query('select secret from probe').catch(() => ({ rows: [] }));
        expect(rows).toEqual([]);
        await client.query('reset role');
      }
    });

    test('cannot become another door or the owner at all where each door signs in by itself', async () => {
      if (fresh.engine === 'external') return; // One login for all doors: see the note in SECURITY.md.
      for (const role of ['latchkey_owner', 'latchkey_scheduler', 'latchkey_accounts', 'postgres']) {
        await expect(client.query(`set role ${role}`)).rejects.toMatchObject({ code: '42501' });
      }
      await client.query('set role none');
      expect(await whoAmI()).toBe('latchkey_app');
    });
  });

  describe('a transaction', () => {
    test('runs again after a serialization failure', async () => {
      await fresh.database.ownerSession((client) =>
        client.query('create table counter (no integer not null); insert into counter values (0)'),
      );
      let tries = 0;
      await fresh.doors.asOwner(async (tx) => {
        tries += 1;
        await sql`set transaction isolation level repeatable read`.execute(tx);
        await sql`select no from counter`.execute(tx);
        if (tries === 1)
          await fresh.doors.asOwner((other) => sql`update counter set no = no + 10`.execute(other));
        await sql`update counter set no = no + 1`.execute(tx);
      });
      const { rows } = await fresh.doors.asOwner((tx) =>
        sql<{ no: number }>`select no from counter`.execute(tx),
      );
      expect({ tries, no: rows[0]?.no }).toEqual({ tries: 2, no: 11 });
    });

    test('that always conflicts is given up after a few tries', async () => {
      let tries = 0;
      const hopeless = fresh.doors.asOwner(async (tx) => {
        tries += 1;
        await sql`do $$ begin raise exception 'busy' using errcode = '40001'; end $$`.execute(tx);
      });
      await expect(hopeless).rejects.toMatchObject({ code: '40001' });
      expect(tries).toBe(4);
    });

    test('with a swallowed error is not reported as stored', async () => {
      const work = fresh.doors.withTenant(a, async (tx) => {
        await add(tx, a, 3, 'lost');
        await sql`select 1 / 0`.execute(tx).catch(() => {});
      });
      await expect(work).rejects.toThrow('nothing was stored');
      expect(await fresh.doors.withTenant(a, readAll)).toEqual(['of A']);
    });

    test('whose connection dies ends in the Fault unavailable, and the next one works', async () => {
      const killed = fresh.doors.withTenant(a, async (tx) => {
        // Only who signed in may end the session.
        await sql`set local role none`.execute(tx);
        await sql`select pg_terminate_backend(pg_backend_pid())`.execute(tx);
      });
      await expect(killed).rejects.toMatchObject({ code: 'unavailable', status: 503 });
      expect(await fresh.doors.withTenant(a, readAll)).toEqual(['of A']);
    });

    test('that takes too long ends in the Fault unavailable', async () => {
      const slow = fresh.doors.withTenant(a, async (tx) => {
        await sql`set local statement_timeout = 1`.execute(tx);
        await sql`select count(*) from generate_series(1, 1e9)`.execute(tx);
      });
      await expect(slow).rejects.toMatchObject({ code: 'unavailable' });
    });
  });

  describe('callers’ mistakes', () => {
    test('are told apart: a duplicate, a row in use, a forbidden value', async () => {
      const caught = async (work: (tx: Tx) => Promise<unknown>): Promise<unknown> => {
        try {
          await fresh.doors.withTenant(a, work);
          return null;
        } catch (error) {
          return error;
        }
      };
      const duplicate = await caught((tx) => add(tx, a, 4, 'of A'));
      expect(isUniqueViolation(duplicate)).toBe(true);
      expect(isUniqueViolation(duplicate, 'probe_tenant_id_secret_key')).toBe(true);
      expect(isUniqueViolation(duplicate, 'probe_pkey')).toBe(false);
      const used = await caught(async (tx) => {
        await sql`insert into probe_use values (${a}, 1)`.execute(tx);
        await sql`delete from probe where id = 1`.execute(tx);
      });
      expect(isForeignKeyViolation(used)).toBe(true);
      const forbidden = await caught((tx) => add(tx, a, 5, ''));
      expect(isCheckViolation(forbidden)).toBe(true);
      expect(isUniqueViolation(forbidden)).toBe(false);
      expect(isUniqueViolation(new Error('duplicate key'))).toBe(false);
    });

    test('a reference to another tenant’s row is refused as if it were absent', async () => {
      await fresh.doors.withTenant(b, (tx) => add(tx, b, 77, 'only B has 77'));
      const refer = fresh.doors.withTenant(a, (tx) =>
        sql`insert into probe_use values (${a}, 77)`.execute(tx),
      );
      await expect(refer).rejects.toMatchObject({ code: '23503' });
    });
  });

  test('values come back as numbers, dates and bytes, and a number that does not fit is an error', async () => {
    const one = await fresh.doors.asOwner((tx) =>
      sql`select 9007199254740991::bigint as big, '2030-01-02T03:04:05Z'::timestamptz as at, '\\x00ff'::bytea as bytes`.execute(
        tx,
      ),
    );
    expect(one.rows).toEqual([
      { big: 9007199254740991, at: new Date('2030-01-02T03:04:05Z'), bytes: Buffer.from([0, 255]) },
    ]);
    const huge = fresh.doors.asOwner((tx) => sql`select 9007199254740993::bigint as big`.execute(tx));
    await expect(huge).rejects.toThrow(RangeError);
  });
}
