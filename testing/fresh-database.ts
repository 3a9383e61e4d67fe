// A database of its own for a test file, on the server of the run.
import { inject } from 'vitest';
import { copyDatabase, type FreshDatabase, type FreshDatabaseOptions } from './copied-database.ts';

export async function freshDatabase(options: FreshDatabaseOptions = {}): Promise<FreshDatabase> {
  return await copyDatabase(inject('databaseServer'), options);
}
