// The job queue brings its own schema (graphile_worker) and its own migrations; they run as our owner, before ours.
import { Logger, runMigrations } from 'graphile-worker';
import type pg from 'pg';
import type { Database } from './database.ts';

/** The newest migration of the queue's version that this code was written for; saves loading it at every start. */
const newestJobMigration = 19;

/** Idempotent. The caller holds the migration lock. */
export async function installJobSchema(client: pg.Client, database: Database): Promise<void> {
  if ((await jobSchemaVersion(client)) >= newestJobMigration) return;
  await runMigrations({ pgPool: database.pool('owner'), logger: silentLogger });
}

async function jobSchemaVersion(client: pg.Client): Promise<number> {
  const { rows } = await client.query<{ known: boolean }>(
    `select to_regclass('graphile_worker.migrations') is not null as known`,
  );
  if (rows[0]?.known !== true) return 0;
  const newest = await client.query<{ id: number | null }>(
    'select max(id) as id from graphile_worker.migrations',
  );
  return newest.rows[0]?.id ?? 0;
}

const silentLogger = new Logger(() => () => {});
