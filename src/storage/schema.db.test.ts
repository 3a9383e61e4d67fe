// Rules that every table, view and function of the schema keeps, read from the catalog so that a new one cannot escape.
import type pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { FreshDatabase } from '../../testing/copied-database.ts';
import { freshDatabase } from '../../testing/fresh-database.ts';

/** Tables without row-level security, each with the reason why a row of it belongs to no tenant. */
const outsideTenants: Readonly<Record<string, string>> = {
  authority: 'one counter for the whole installation',
  cluster: 'one row: the identity of the installation and a check value of its root key',
  job_worker: 'heartbeats of job workers; only the owner reaches it',
  migration: 'which schema files were applied; only the owner reaches it',
  process: 'heartbeats of processes',
  provider_gauge: 'rates and breakers per provider and client, shared by all tenants on purpose',
  setup_link: 'the first owner’s set-up links, before there is a tenant; only the accounts door reaches it',
};

let fresh: FreshDatabase;
beforeAll(async () => {
  fresh = await freshDatabase();
});
afterAll(() => fresh.drop());

const ask = <Row extends pg.QueryResultRow>(text: string): Promise<readonly Row[]> =>
  fresh.database.ownerSession(async (client) => (await client.query<Row>(text)).rows);

test('every table has row-level security, forced on its owner too, or a written reason not to', async () => {
  const tables = await ask<{ name: string; secured: boolean }>(
    `select relname::text as name, relrowsecurity and relforcerowsecurity as secured
     from pg_class where relnamespace = 'public'::regnamespace and relkind in ('r', 'p')`,
  );
  const open = tables.filter((table) => !table.secured).map((table) => table.name);
  expect(open.sort()).toEqual(Object.keys(outsideTenants).sort());
});

test('a table that has a tenant is never outside of row-level security', async () => {
  const tables = await ask<{ name: string }>(
    `select c.relname::text as name from pg_class c join pg_attribute a on a.attrelid = c.oid
     where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') and a.attname = 'tenant_id'
       and not (c.relrowsecurity and c.relforcerowsecurity)`,
  );
  expect(tables).toEqual([]);
});

test('a policy of the tenants’ door that lets write is tied to the tenant on both sides', async () => {
  const loose = await ask<{ policy: string }>(
    `select tablename || '.' || policyname as policy from pg_policies
     where 'latchkey_app' = any (roles) and cmd <> 'SELECT'
       and not (coalesce(qual, 'latchkey_tenant()') like '%latchkey_tenant()%'
         and coalesce(with_check, qual) like '%latchkey_tenant()%')`,
  );
  expect(loose).toEqual([]);
});

test('no policy is for everyone: each names the doors it opens', async () => {
  const open = await ask<{ policy: string }>(
    `select tablename || '.' || policyname as policy from pg_policies where 'public' = any (roles)`,
  );
  expect(open).toEqual([]);
});

test('a primary key begins with the tenant wherever a table has one', async () => {
  const keys = await ask<{ key: string }>(
    `select k.conrelid::regclass::text as key from pg_constraint k
     join pg_attribute a on a.attrelid = k.conrelid and a.attname = 'tenant_id'
     where k.contype = 'p' and k.connamespace = 'public'::regnamespace and k.conkey[1] <> a.attnum`,
  );
  expect(keys).toEqual([]);
});

test('no door may truncate, refer to or put triggers on a table', async () => {
  const rights = await ask<{ right: string }>(
    `select c.relname || ' ' || a.privilege_type as right
     from pg_class c, aclexplode(c.relacl) a
     where c.relnamespace = 'public'::regnamespace and a.grantee <> c.relowner
       and a.privilege_type in ('TRUNCATE', 'REFERENCES', 'TRIGGER', 'MAINTAIN')`,
  );
  expect(rights).toEqual([]);
});

test('a function with its owner’s rights has a fixed search path and is not for everyone', async () => {
  const unsafe = await ask<{ name: string }>(
    `select f.proname::text as name from pg_proc f
     where f.pronamespace = 'public'::regnamespace and f.prosecdef
       and (not exists (select from unnest(f.proconfig) as c (setting) where setting like 'search\\_path=%')
         or exists (select from aclexplode(coalesce(f.proacl, acldefault('f', f.proowner))) a where a.grantee = 0))`,
  );
  expect(unsafe).toEqual([]);
});

test('a view looks with the eyes of its reader', async () => {
  const views = await ask<{ name: string }>(
    `select relname::text as name from pg_class where relnamespace = 'public'::regnamespace and relkind in ('v', 'm')
       and not coalesce(reloptions @> array['security_invoker=true'] or reloptions @> array['security_invoker=on'], false)`,
  );
  expect(views).toEqual([]);
});

test('no door sees the job queue', async () => {
  const rights = await ask<{ role: string }>(
    `select rolname::text as role from pg_roles
     where rolname in ('latchkey_app', 'latchkey_scheduler', 'latchkey_locator', 'latchkey_accounts')
       and has_schema_privilege(oid, 'graphile_worker', 'usage')`,
  );
  expect(rights).toEqual([]);
});
