// Writes src/storage/tables.ts and src/storage/schema.snapshot.txt from a freshly migrated database.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLog } from '../src/kernel/log.ts';
import { openEmbedded } from '../src/storage/database.ts';
import { migrate } from '../src/storage/migrate.ts';
import { renderSnapshot } from './catalog/render-snapshot.ts';
import { renderTables } from './catalog/render-tables.ts';

const directory = await mkdtemp(join(tmpdir(), 'latchkey-tables-'));
const storage = new URL('../src/storage/', import.meta.url);
try {
  const settings = { fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off' };
  const database = await openEmbedded({ directory, log: silentLog, settings });
  try {
    await migrate(database);
    await database.ownerSession(async (client) => {
      await writeFile(new URL('tables.ts', storage), await renderTables(client));
      await writeFile(new URL('schema.snapshot.txt', storage), await renderSnapshot(client));
    });
  } finally {
    await database.close();
  }
} finally {
  await rm(directory, { recursive: true, force: true });
}
