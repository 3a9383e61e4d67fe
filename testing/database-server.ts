// One database server for a whole run of db tests, with a migrated template that each test file copies. Without
// DATABASE_URL (or TEST_DATABASE_URL) it is the embedded engine in a temporary directory.
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import type { TestProject } from 'vitest/node';
import { silentLog } from '../src/kernel/log.ts';
import { connect, openEmbedded, openExternal, type Role } from '../src/storage/database.ts';
import { doors } from '../src/storage/door-role.ts';
import type { Login } from '../src/storage/embedded.ts';
import { loginOf } from '../src/storage/external.ts';
import { migrate } from '../src/storage/migrate.ts';

/** What test files need to reach the server; it travels from the main process to the workers, so plain data only. */
export type TestServer =
  | {
      readonly engine: 'embedded';
      readonly template: string;
      readonly prefix: string;
      readonly logins: Readonly<Record<Role, Login>>;
      readonly superuser: Login;
    }
  | {
      readonly engine: 'external';
      readonly template: string;
      readonly prefix: string;
      readonly url: string;
    };

declare module 'vitest' {
  export interface ProvidedContext {
    databaseServer: TestServer;
  }
}

/** Called by vitest before the first test file; what it returns runs after the last one. */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const started = await startTestServer();
  project.provide('databaseServer', started.server);
  return started.stop;
}

/** `settings` are for the embedded engine. */
export async function startTestServer(
  settings: Readonly<Record<string, string>> = fastSettings,
): Promise<Started> {
  const url = process.env.TEST_DATABASE_URL ?? process.env.DATABASE_URL;
  return url === undefined || url === '' ? await startOwn(settings) : await useGiven(url);
}

/** Durability traded for speed: nobody needs this data tomorrow. */
const fastSettings = { fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off' };

type Started = { readonly server: TestServer; readonly stop: () => Promise<void> };

/** The engine that users get. */
async function startOwn(settings: Readonly<Record<string, string>>): Promise<Started> {
  const directory = await mkdtemp(join(tmpdir(), 'latchkey-db-tests-'));
  const database = await openEmbedded({
    directory,
    log: silentLog,
    openToSuperuser: true,
    settings: { ...settings, max_connections: '300' },
  });
  const { server } = database;
  if (server.superuser === null) throw new Error('the test server keeps its superuser out');
  // Pools of their own, because a template must have no connections when it is copied.
  const template = connect('embedded', { login: server.login, startup: () => [] }, silentLog);
  await migrate(template);
  await template.close();
  const roles: readonly Role[] = ['owner', ...doors];
  return {
    server: {
      engine: 'embedded',
      template: server.login('owner').database,
      prefix: 'test',
      logins: Object.fromEntries(roles.map((role) => [role, server.login(role)])) as Record<Role, Login>,
      superuser: { ...server.superuser, database: 'postgres' },
    },
    stop: async () => {
      await database.close();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

/** Somebody's cluster: its role needs CREATEDB. Everything that we make there starts with one random prefix. */
async function useGiven(url: string): Promise<Started> {
  const prefix = `latchkey_test_${randomBytes(4).toString('hex')}`;
  const template = `${prefix}_template`;
  await administer(url, (client) =>
    client.query(`create database ${template} template template0 encoding 'UTF8'`),
  );
  const database = await openExternal(withDatabase(url, template), silentLog);
  await migrate(database);
  await database.close();
  return {
    server: { engine: 'external', template, prefix, url },
    stop: () =>
      administer(url, async (client) => {
        const { rows } = await client.query<{ name: string }>(
          'select datname::text as name from pg_database where starts_with(datname, $1)',
          [prefix],
        );
        for (const { name } of rows) await client.query(`drop database if exists ${name} with (force)`);
      }),
  };
}

export function withDatabase(url: string, database: string): string {
  const changed = new URL(url);
  changed.pathname = `/${database}`;
  return changed.href;
}

/** A short session at the database that the URL names. */
export async function administer<T>(url: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const { login } = loginOf(url);
  const client = new pg.Client(login);
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}
