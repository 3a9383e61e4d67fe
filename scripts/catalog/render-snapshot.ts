// The schema as one text that a reviewer can diff: no pg_dump comes with the embedded engine, so the catalog is asked.
import type pg from 'pg';

const ours = `n.nspname not like 'pg\\_%' and n.nspname not in ('information_schema', 'graphile_worker')`;

/** Each query answers lines that are already sorted by the byte order of their text. */
const sections: readonly (readonly [string, string])[] = [
  [
    'Tables (rls = row-level security enabled, forced = on the owner too)',
    `select format('%s.%s%s%s', n.nspname, c.relname, case when c.relrowsecurity then ' rls' end,
        case when c.relforcerowsecurity then ' forced' end) as line
     from pg_class c join pg_namespace n on n.oid = c.relnamespace where c.relkind in ('r', 'p') and ${ours}`,
  ],
  [
    'Columns',
    `select format('%s.%s %s %s%s%s%s', n.nspname, c.relname, lpad(a.attnum::text, 3, '0') || ' ' || a.attname,
        format_type(a.atttypid, a.atttypmod), case when a.attnotnull then ' not null' end,
        case when a.attidentity = 'a' then ' identity always' when a.attidentity = 'd' then ' identity' end,
        ' default ' || pg_get_expr(d.adbin, d.adrelid)) as line
     from pg_attribute a join pg_class c on c.oid = a.attrelid join pg_namespace n on n.oid = c.relnamespace
     left join pg_attrdef d on d.adrelid = c.oid and d.adnum = a.attnum
     where a.attnum > 0 and not a.attisdropped and c.relkind in ('r', 'p', 'v') and ${ours}`,
  ],
  [
    'Constraints',
    // NOT NULL has rows of its own since PostgreSQL 18; the columns above tell it on every version.
    `select format('%s.%s %s %s', n.nspname, c.relname, k.conname, pg_get_constraintdef(k.oid)) as line
     from pg_constraint k join pg_class c on c.oid = k.conrelid join pg_namespace n on n.oid = c.relnamespace
     where k.contype <> 'n' and ${ours}`,
  ],
  [
    'Indexes',
    `select pg_get_indexdef(i.indexrelid) as line
     from pg_index i join pg_class c on c.oid = i.indrelid join pg_namespace n on n.oid = c.relnamespace
     where ${ours}`,
  ],
  [
    'Policies',
    `select format('%s.%s %s %s %s to %s%s%s', p.schemaname, p.tablename, p.policyname, lower(p.permissive),
        lower(p.cmd), array_to_string(p.roles, ','), ' using ' || p.qual, ' with check ' || p.with_check) as line
     from pg_policies p where p.schemaname not in ('graphile_worker')`,
  ],
  [
    'Views',
    `select format('%s.%s %s%s', n.nspname, c.relname, coalesce(array_to_string(c.reloptions, ',') || ' ', ''),
        regexp_replace(pg_get_viewdef(c.oid), '\\s+', ' ', 'g')) as line
     from pg_class c join pg_namespace n on n.oid = c.relnamespace where c.relkind in ('v', 'm') and ${ours}`,
  ],
  [
    'Functions (the hash is that of the body)',
    `select format('%s.%s(%s) returns %s %s%s%s md5 %s', n.nspname, f.proname, pg_get_function_arguments(f.oid),
        pg_get_function_result(f.oid), case f.provolatile when 'i' then 'immutable' when 's' then 'stable' else 'volatile' end,
        case when f.prosecdef then ' security definer' end, ' ' || array_to_string(f.proconfig, ','), md5(f.prosrc)) as line
     from pg_proc f join pg_namespace n on n.oid = f.pronamespace where f.prokind in ('f', 'p') and ${ours}`,
  ],
  [
    'Triggers',
    `select pg_get_triggerdef(t.oid) as line from pg_trigger t join pg_class c on c.oid = t.tgrelid
     join pg_namespace n on n.oid = c.relnamespace where not t.tgisinternal and ${ours}`,
  ],
  [
    'Grants on tables',
    `select format('%s.%s to %s: %s', n.nspname, c.relname, ${grantee('a')}, string_agg(lower(a.privilege_type), ' '
        order by a.privilege_type)) as line
     from pg_class c join pg_namespace n on n.oid = c.relnamespace, aclexplode(c.relacl) a
     where c.relkind in ('r', 'p', 'v', 'm') and a.grantee <> c.relowner and ${ours}
     group by n.nspname, c.relname, a.grantee`,
  ],
  [
    'Grants on columns',
    `select format('%s.%s to %s: %s (%s)', n.nspname, c.relname, ${grantee('g')}, lower(g.privilege_type),
        string_agg(a.attname, ' ' order by a.attnum)) as line
     from pg_attribute a join pg_class c on c.oid = a.attrelid join pg_namespace n on n.oid = c.relnamespace,
       aclexplode(a.attacl) g
     where ${ours} group by n.nspname, c.relname, g.grantee, g.privilege_type`,
  ],
  [
    'Grants on functions and schemas',
    `select format('function %s.%s to %s', n.nspname, f.proname, ${grantee('a')}) as line
     from pg_proc f join pg_namespace n on n.oid = f.pronamespace,
       aclexplode(coalesce(f.proacl, acldefault('f', f.proowner))) a
     where a.grantee <> f.proowner and ${ours}
     union select format('schema %s to %s: %s', n.nspname, ${grantee('a')}, lower(a.privilege_type))
     from pg_namespace n, aclexplode(n.nspacl) a where a.grantee <> n.nspowner and n.nspname <> 'public' and ${ours}`,
  ],
];

export async function renderSnapshot(client: pg.ClientBase): Promise<string> {
  const parts: string[] = [
    '-- Generated from the catalog by `npm run generate:tables`; a test fails when it is stale.',
  ];
  for (const [title, query] of sections) {
    const { rows } = await client.query<{ line: string }>(query);
    const lines = rows.map((row) => row.line.replaceAll('\n', ' ')).sort((a, b) => (a < b ? -1 : 1));
    parts.push(`\n## ${title}`, ...lines);
  }
  return `${parts.join('\n')}\n`;
}

function grantee(alias: string): string {
  return `case ${alias}.grantee when 0 then 'public' else ${alias}.grantee::regrole::text end`;
}
