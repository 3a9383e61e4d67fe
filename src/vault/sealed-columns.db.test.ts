import { randomBytes, randomUUID } from 'node:crypto';
import { sql } from 'kysely';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { FreshDatabase } from '../../testing/copied-database.ts';
import { freshDatabase } from '../../testing/fresh-database.ts';
import { newTestTenant, openTestVault, type TestVault } from '../../testing/test-vault.ts';
import { systemActor } from '../audit/event.ts';
import type { TenantId } from '../kernel/ids.ts';
import { Plain } from '../kernel/plain.ts';
import { destroyUnusedKeys, rotateTenantKey } from './rotate-tenant-key.ts';
import { parse, sealedFromColumn } from './sealed.ts';
import { placeOfRow, type SealedColumn, sealedColumns } from './sealed-columns.ts';

let fresh: FreshDatabase;
let kit: TestVault;
beforeAll(async () => {
  fresh = await freshDatabase();
  kit = await openTestVault(fresh.doors);
});
afterAll(async () => {
  await kit.remove();
  await fresh.drop();
});

const columns: readonly SealedColumn[] = Object.values(sealedColumns);
const nameOf = ({ table, column }: SealedColumn) => `${table}.${column}`;

/** Bytes that are no sealed values: hashes, checks, packages, and keys under the root key. */
const otherBytes = [
  'api_token.hash',
  'audit_checkpoint.hash',
  'audit_link.hash',
  'cluster.root_key_check',
  'component_version.package',
  'invitation.token_hash',
  'oauth_authorization.account_ref',
  'oauth_authorization.browser_hash',
  'oauth_authorization.state_hash',
  'oauth_grant.account_ref',
  'password_reset_link.hash',
  'revocation.account_ref',
  'setup_link.hash',
  'step_ticket.hash',
  'tenant_key.wrapped',
];

test('every column of bytes in the schema is either registered as sealed or known to be something else', async () => {
  const { rows } = await fresh.doors.asOwner((tx) =>
    sql<{ name: string }>`
      select table_name || '.' || column_name as name from information_schema.columns
      where table_schema = 'public' and data_type = 'bytea' order by name`.execute(tx),
  );
  expect(rows.map((row) => row.name)).toEqual([...columns.map(nameOf), ...otherBytes].sort());
});

test('every registered column is found by its primary key', async () => {
  const { rows } = await fresh.doors.asOwner((tx) =>
    sql<{ name: string; key: string[] }>`
      select c.relname as name, array_agg(a.attname::text order by k.position) as key
      from pg_index i join pg_class c on c.oid = i.indrelid
      cross join unnest(i.indkey) with ordinality as k(attnum, position)
      join pg_attribute a on a.attrelid = c.oid and a.attnum = k.attnum
      where i.indisprimary and c.relnamespace = 'public'::regnamespace group by c.relname`.execute(tx),
  );
  const keys = new Map(rows.map((row) => [row.name, row.key]));
  for (const column of columns)
    expect(keys.get(column.table), nameOf(column)).toEqual(['tenant_id', ...column.key]);
});

type Column = { readonly table: string; readonly column: string; readonly type: string };

/** A row of made-up values; on this throw-away database nothing but NOT NULL is left to satisfy. */
async function insertRow(
  tenant: TenantId,
  sealed: readonly [SealedColumn, ...SealedColumn[]],
  catalogue: readonly Column[],
): Promise<void> {
  const values = new Map<string, unknown>();
  const inTable = sealed[0].table;
  for (const { table, column: name, type } of catalogue) {
    if (table !== inTable) continue;
    const made: Record<string, unknown> = {
      uuid: randomUUID(),
      text: `text-${randomUUID().slice(0, 8)}`,
      'timestamp with time zone': '2026-01-01T00:00:00Z',
      jsonb: '{}',
      boolean: true,
      bytea: randomBytes(16),
    };
    values.set(name, made[type] ?? 3);
  }
  values.set('tenant_id', tenant);
  for (const { counter } of sealed) if (counter !== null) values.set(counter, 5);
  await fresh.doors.withTenant(tenant, async (tx) => {
    const row = Object.fromEntries(values);
    for (const column of sealed) {
      const plain = Plain.fromText(`secret of ${nameOf(column)}`);
      values.set(column.column, await kit.vault.seal(tx, placeOfRow(column, row), plain));
    }
    const names = [...values.keys()].map((name) => sql.ref(name));
    await sql`insert into ${sql.table(inTable)} (${sql.join(names)})
      values (${sql.join([...values.values()])})`.execute(tx);
  });
}

test('a rotation reaches every registered column, and each value opens afterwards in the place of its row', async () => {
  const tenant = await newTestTenant(fresh.doors);
  const catalogue = await fresh.doors.asOwner(async (tx) => {
    await sql`do $$ declare c record; begin
      for c in select conrelid::regclass as t, conname from pg_constraint
        where contype in ('f', 'c') and connamespace = 'public'::regnamespace order by contype desc
      loop execute format('alter table %s drop constraint %I', c.t, c.conname); end loop; end $$`.execute(tx);
    const { rows } = await sql<Column>`
      select table_name as "table", column_name as "column", data_type as type from information_schema.columns
      where table_schema = 'public' and is_nullable = 'NO' and column_default is null and is_identity = 'NO'
        and is_generated = 'NEVER'`.execute(tx);
    return rows;
  });
  for (const table of new Set(columns.map((column) => column.table))) {
    const [first, ...more] = columns.filter((column) => column.table === table);
    if (first !== undefined) await insertRow(tenant, [first, ...more], catalogue);
  }

  const sweep = await rotateTenantKey({ doors: fresh.doors, vault: kit.vault, tenant, actor: systemActor });
  expect(sweep).toEqual({ resealed: columns.length, unreadable: 0 });
  const work = { doors: fresh.doors, vault: kit.vault, tenant, actor: systemActor };
  expect(await destroyUnusedKeys({ ...work, minAgeSeconds: 0 })).toEqual([1]);

  for (const column of columns) {
    await fresh.doors.withTenant(tenant, async (tx) => {
      const { rows } = await sql<Record<string, unknown>>`
        select * from ${sql.table(column.table)}
        where tenant_id = ${tenant} and ${sql.ref(column.column)} is not null
          and length(${sql.ref(column.column)}) > 100`.execute(tx);
      const row = rows[0] ?? {};
      const sealed = sealedFromColumn(row[column.column] as Buffer);
      expect(parse(sealed).keyNo, nameOf(column)).toBe(2);
      const opened = await kit.again().open(tx, placeOfRow(column, row), sealed);
      expect(opened.revealText()).toBe(`secret of ${nameOf(column)}`);
    });
  }
});
