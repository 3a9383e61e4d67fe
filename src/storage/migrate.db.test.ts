import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { FreshDatabase } from '../../testing/copied-database.ts';
import { freshDatabase } from '../../testing/fresh-database.ts';
import { migrate } from './migrate.ts';

let fresh: FreshDatabase;
let directory: string;
beforeEach(async () => {
  fresh = await freshDatabase({ migrated: false });
  directory = await mkdtemp(join(tmpdir(), 'latchkey-migrations-'));
  await put('0001-first.sql', 'create table first (id integer primary key);');
  await put('0002-second.sql', 'create table second (id integer primary key references first);');
});
afterEach(async () => {
  await fresh.drop();
  await rm(directory, { recursive: true, force: true });
});

const put = (name: string, text: string): Promise<void> => writeFile(join(directory, name), text);
const run = () => migrate(fresh.database, { directory });
const tables = async (): Promise<readonly string[]> => {
  const { rows } = await fresh.database
    .pool('owner')
    .query<{ name: string }>(
      `select relname::text as name from pg_class where relnamespace = 'public'::regnamespace and relkind = 'r' order by 1`,
    );
  return rows.map((row) => row.name);
};

test('applies each file once, in order', async () => {
  expect(await run()).toEqual({ applied: ['0001-first.sql', '0002-second.sql'] });
  expect(await run()).toEqual({ applied: [] });
  await put('0003-third.sql', 'create table third (id integer);');
  expect(await run()).toEqual({ applied: ['0003-third.sql'] });
  expect(await tables()).toEqual(['first', 'migration', 'second', 'third']);
});

test('two processes that start together apply each file once', async () => {
  const other = fresh.again();
  const results = await Promise.all([run(), migrate(other.database, { directory })]);
  expect(results.flatMap((result) => result.applied)).toEqual(['0001-first.sql', '0002-second.sql']);
});

test('a file that fails leaves the database as before it and says which one it was', async () => {
  await put('0003-half.sql', 'create table half (id integer); select 1 / 0;');
  await expect(run()).rejects.toMatchObject({
    code: 'cannot_start',
    message: 'The migration 0003-half.sql failed; the database is as before.',
  });
  expect(await tables()).toEqual(['first', 'migration', 'second']);
});

test('an applied file that was changed is refused', async () => {
  await run();
  await put('0001-first.sql', 'create table first (id bigint primary key);');
  await expect(run()).rejects.toMatchObject({
    code: 'cannot_start',
    message: 'The migration 0001-first.sql was changed after it was applied.',
  });
});

test('an applied file that is missing is refused', async () => {
  await run();
  await rename(join(directory, '0002-second.sql'), join(directory, '0002-other.sql'));
  await expect(run()).rejects.toMatchObject({
    code: 'cannot_start',
    message: 'The migration 0002-second.sql, applied to this database, is missing here.',
  });
});

test('a database that is newer than this release is refused, and nothing is written', async () => {
  await run();
  await rm(join(directory, '0002-second.sql'));
  await expect(run()).rejects.toMatchObject({
    code: 'cannot_start',
    message: 'The database is newer than this release (it has migration 0002-second.sql).',
  });
});

test('a gap in the numbers is refused before anything is applied', async () => {
  await put('0004-late.sql', 'create table late (id integer);');
  await expect(run()).rejects.toMatchObject({
    code: 'cannot_start',
    message: '0004-late.sql is not migration number 3.',
  });
  expect(await tables()).toEqual([]);
});
