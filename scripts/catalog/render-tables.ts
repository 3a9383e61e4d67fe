// Writes the types of all tables from the catalog of a migrated database, so that no query can name a column that is
// not there. Strings that a CHECK limits to a list become unions.
import type pg from 'pg';

type Column = {
  readonly schema: string;
  readonly table: string;
  readonly column: string;
  readonly type: string;
  readonly nullable: boolean;
  readonly defaulted: boolean;
  readonly always: boolean;
  readonly choices: readonly string[] | null;
};

const scalars: Readonly<Record<string, string>> = {
  // As PostgreSQL writes it: `storage/pool.ts` leaves days alone.
  date: 'string',
  bool: 'boolean',
  bytea: 'Buffer',
  float8: 'number',
  int2: 'number',
  int4: 'number',
  int8: 'number',
  text: 'string',
  uuid: 'string',
  varchar: 'string',
  timestamptz: 'Date',
};

const banner =
  '// Generated from the catalog by `npm run generate:tables`; a test fails when it is stale. Do not edit.';

/** Written in front of the tables when a column uses them. */
const aliases: readonly (readonly [string, string])[] = [
  [
    'Defaulted<',
    `/** May be left out of an insert: the column has a default. */
type Defaulted<T> = ColumnType<T, T | undefined, T>;`,
  ],
  [
    ': Json;',
    `/** Comes back parsed; goes in as text made by JSON.stringify: the driver would turn arrays into SQL arrays. */
type Json = ColumnType<unknown, string, string>;`,
  ],
  [
    ': JsonOrNull;',
    `/** As Json; null and left out are the same. */
type JsonOrNull = ColumnType<unknown, string | null | undefined, string | null>;`,
  ],
  [
    ': DefaultedJson;',
    `/** As Json, with a default. */
type DefaultedJson = ColumnType<unknown, string | undefined, string>;`,
  ],
];

export async function renderTables(client: pg.ClientBase): Promise<string> {
  const columns = await readColumns(client);
  const tables = new Map<string, Column[]>();
  for (const column of columns) {
    const list = tables.get(tableKey(column)) ?? [];
    list.push(column);
    tables.set(tableKey(column), list);
  }
  const interfaces = [...tables].map(([key, list]) => {
    const lines = list.map((column) => `  ${column.column}: ${typeOf(column)};`);
    return `export interface ${pascal(key)} {\n${lines.join('\n')}\n}\n`;
  });
  const index = [...tables.keys()].map((key) => `  ${key.includes('.') ? `'${key}'` : key}: ${pascal(key)};`);
  const body = interfaces.join('\n');
  const used = aliases.filter(([sign]) => body.includes(sign)).map(([, text]) => text);
  const imports = ['ColumnType', 'GeneratedAlways'].filter((name) =>
    [...used, body].join().includes(`${name}<`),
  );
  const head = [banner, `import type { ${imports.join(', ')} } from 'kysely';`, '', ...used].join('\n');
  return `${head}\n\n${body}\nexport interface Tables {\n${index.join('\n')}\n}\n`;
}

async function readColumns(client: pg.ClientBase): Promise<readonly Column[]> {
  const { rows } = await client.query<Column>(`
    select n.nspname::text as schema, c.relname::text as table, a.attname::text as column, t.typname::text as type,
      not a.attnotnull as nullable,
      a.atthasdef or a.attidentity <> '' as defaulted,
      a.attidentity = 'a' or a.attgenerated <> '' as always,
      (select array_agg(choice[1] order by position)
         from pg_constraint k,
           regexp_matches(pg_get_constraintdef(k.oid), '''([^'']*)''::text', 'g') with ordinality as m (choice, position)
         where k.conrelid = c.oid and k.contype = 'c' and k.conkey = array[a.attnum]
           and pg_get_constraintdef(k.oid) ~ ('^CHECK \\(\\(' || a.attname || ' = ANY \\(ARRAY\\[[^\\]]*\\]\\)\\)\\)$')
      ) as choices
    from pg_attribute a
    join pg_class c on c.oid = a.attrelid and c.relkind in ('r', 'p', 'v')
    join pg_namespace n on n.oid = c.relnamespace
    join pg_type t on t.oid = a.atttypid
    where a.attnum > 0 and not a.attisdropped
      and n.nspname not like 'pg\\_%' and n.nspname not in ('information_schema', 'graphile_worker')
    order by n.nspname <> 'public', n.nspname collate "C", c.relname collate "C", a.attnum`);
  return rows;
}

function typeOf(column: Column): string {
  if (column.type === 'jsonb' || column.type === 'json') {
    return column.nullable ? 'JsonOrNull' : column.defaulted ? 'DefaultedJson' : 'Json';
  }
  const array = column.type.startsWith('_');
  const scalar = scalars[array ? column.type.slice(1) : column.type];
  if (scalar === undefined) {
    throw new Error(`${tableKey(column)}.${column.column}: no TypeScript type is chosen for ${column.type}`);
  }
  const single = column.choices?.map((choice) => `'${choice}'`).join(' | ') ?? scalar;
  const value = array ? `readonly ${single.includes('|') ? `(${single})` : single}[]` : single;
  const nullable = column.nullable ? `${value} | null` : value;
  if (column.always) return `GeneratedAlways<${nullable}>`;
  // A nullable column may be left out of an insert without being told so.
  return column.defaulted ? `Defaulted<${nullable}>` : nullable;
}

const tableKey = (column: Column): string =>
  column.schema === 'public' ? column.table : `${column.schema}.${column.table}`;

const pascal = (key: string): string =>
  `${key
    .split(/[._]/)
    .map((word) => word.charAt(0).toUpperCase() + word.slice(1))
    .join('')}Table`;
