// Brings the schema to where this code expects it: numbered files, forward only, each in one transaction, never edited
// once applied. Also installs the job queue's own schema, which our migrations build upon.
import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import type pg from 'pg';
import { Fault, isFault } from '../kernel/fault.ts';
import type { Database } from './database.ts';
import { installJobSchema } from './job-schema.ts';

export type MigrateOptions = {
  /** Where the numbered files are; beside this module unless a test brings its own. */
  readonly directory?: string;
};

export type MigrateResult = {
  /** Names of the files applied now, in order; empty when the schema was current. */
  readonly applied: readonly string[];
};

type Migration = {
  readonly number: number;
  readonly name: string;
  readonly text: string;
  readonly checksum: string;
};
type Applied = { readonly number: number; readonly name: string; readonly checksum: string };

const bundled = fileURLToPath(new URL('./migrations/', import.meta.url));
/** Arbitrary, ours: 'latc' in ASCII. Two processes that start together migrate one after the other. */
const lockKey = 0x6c617463;
const lockTimeoutMs = 120_000;

/** Throws a `cannot_start` Fault when the database is newer than this code or an applied file was changed. */
export async function migrate(database: Database, options: MigrateOptions = {}): Promise<MigrateResult> {
  const migrations = await readMigrations(options.directory ?? bundled);
  try {
    const applied = await database.ownerSession(async (client) => {
      await client.query(`set lock_timeout = ${lockTimeoutMs}`);
      // Held until the session ends, even if this process is killed.
      await client.query('select pg_advisory_lock($1)', [lockKey]);
      await client.query('set lock_timeout = 0');
      return applyPending(client, database, migrations);
    });
    return { applied };
  } catch (cause) {
    if (isFault(cause)) throw cause;
    throw new Fault('cannot_start', 'The database could not be migrated.', {
      cure: 'See the detail in the log.',
      detail: cause instanceof Error ? cause.message : 'unknown error',
      cause,
    });
  }
}

/** Whether the database still has everything that this code expects. A newer release may have added to it meanwhile. */
export async function isSchemaComplete(database: Database): Promise<boolean> {
  const ours = await readMigrations(bundled);
  const { rows } = await database
    .pool('owner')
    .query<{ checksum: string }>('select checksum from migration order by number');
  return ours.every(({ checksum }, index) => rows[index]?.checksum === checksum);
}

async function applyPending(
  client: pg.Client,
  database: Database,
  migrations: readonly Migration[],
): Promise<readonly string[]> {
  // No tenant's data: number, name and checksum of files. The doors have no right to it.
  await client.query(`create table if not exists migration (
    number integer primary key, name text not null, checksum text not null,
    applied_at timestamptz not null default clock_timestamp())`);
  const { rows } = await client.query<Applied>(
    'select number, name, checksum from migration order by number',
  );
  refuseDrift(migrations, rows);
  await installJobSchema(client, database);
  const pending = migrations.slice(rows.length);
  for (const migration of pending) await apply(client, migration);
  return pending.map((migration) => migration.name);
}

/** What was applied must be a prefix of what we have, letter by letter. */
function refuseDrift(migrations: readonly Migration[], applied: readonly Applied[]): void {
  for (const [index, row] of applied.entries()) {
    const ours = migrations[index];
    if (ours === undefined) {
      throw new Fault(
        'cannot_start',
        `The database is newer than this release (it has migration ${row.name}).`,
        {
          cure: 'Start the newer release of Latchkey.',
        },
      );
    }
    if (ours.number !== row.number || ours.name !== row.name) {
      throw new Fault(
        'cannot_start',
        `The migration ${row.name}, applied to this database, is missing here.`,
        {
          cure: 'Start the release that this database was used with, or a newer one.',
        },
      );
    }
    if (ours.checksum !== row.checksum) {
      throw new Fault('cannot_start', `The migration ${row.name} was changed after it was applied.`, {
        cure: 'Restore the file; changes go into a new migration.',
      });
    }
  }
}

async function apply(client: pg.Client, migration: Migration): Promise<void> {
  await client.query('begin');
  try {
    await client.query(migration.text);
    await client.query('insert into migration (number, name, checksum) values ($1, $2, $3)', [
      migration.number,
      migration.name,
      migration.checksum,
    ]);
    await client.query('commit');
  } catch (cause) {
    await client.query('rollback').catch(() => {});
    throw new Fault('cannot_start', `The migration ${migration.name} failed; the database is as before.`, {
      cure: 'Report it with the detail from the log.',
      detail: cause instanceof Error ? cause.message : 'unknown error',
      cause,
    });
  }
}

async function readMigrations(directory: string): Promise<readonly Migration[]> {
  const names = (await readdir(directory)).filter((name) => name.endsWith('.sql')).sort();
  const migrations = await Promise.all(
    names.map(async (name) => {
      const text = await readFile(`${directory}/${name}`, 'utf8');
      const checksum = createHash('sha256').update(text).digest('hex');
      return { number: Number(/^(\d{4})-[a-z0-9-]+\.sql$/.exec(name)?.[1]), name, text, checksum };
    }),
  );
  for (const [index, migration] of migrations.entries()) {
    if (migration.number !== index + 1) {
      throw new Fault('cannot_start', `${migration.name} is not migration number ${index + 1}.`, {
        cure: 'Reinstall Latchkey: its files are incomplete.',
      });
    }
  }
  return migrations;
}
