import { cpSync, mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { addressLocation, folderLocation } from './location.ts';

test('a renamed folder is the same place, a copied one is another', async () => {
  const root = mkdtempSync(join(tmpdir(), 'latchkey-location-'));
  try {
    mkdirSync(join(root, 'one'));
    const before = await folderLocation(join(root, 'one'));
    cpSync(join(root, 'one'), join(root, 'copy'), { recursive: true, preserveTimestamps: true });
    renameSync(join(root, 'one'), join(root, 'two'));
    expect(await folderLocation(join(root, 'two'))).toBe(before);
    expect(await folderLocation(join(root, 'copy'))).not.toBe(before);
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
});

test('an address names host, port and database, and never who signs in', () => {
  const login = { host: 'DB.example', port: 5433, database: 'latchkey', user: 'me', password: 'secret' };
  expect(addressLocation(login)).toBe('db.example:5433/latchkey');
  expect(addressLocation({})).toBe('localhost:5432/');
});
