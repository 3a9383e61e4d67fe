import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { FreshDatabase } from '../testing/copied-database.ts';
import { freshDatabase } from '../testing/fresh-database.ts';
import { renderSnapshot } from './catalog/render-snapshot.ts';
import { renderTables } from './catalog/render-tables.ts';

let fresh: FreshDatabase;
beforeAll(async () => {
  fresh = await freshDatabase();
});
afterAll(() => fresh.drop());

const committed = (name: string): Promise<string> =>
  readFile(new URL(`../src/storage/${name}`, import.meta.url), 'utf8');

test('the types of the tables are those of the migrated database (npm run generate:tables)', async () => {
  expect(await fresh.database.ownerSession(renderTables)).toBe(await committed('tables.ts'));
});

test('the schema snapshot is that of the migrated database (npm run generate:tables)', async () => {
  expect(await fresh.database.ownerSession(renderSnapshot)).toBe(await committed('schema.snapshot.txt'));
});
