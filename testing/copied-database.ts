// A database of its own: a copy of the server's migrated template, made in a fraction of a second. Knows no test runner.
import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { silentLog } from '../src/kernel/log.ts';
import { connect, type Database, externalLogins, type Logins, type Role } from '../src/storage/database.ts';
import { createDoors, type Doors } from '../src/storage/doors.ts';
import { loginOf, prepareServer } from '../src/storage/external.ts';
import { administer, type TestServer, withDatabase } from './database-server.ts';

export type FreshDatabase = {
  readonly doors: Doors;
  readonly database: Database;
  readonly engine: Database['engine'];
  readonly name: string;
  /** How to sign in as the owner, for processes that a test starts. Null on the embedded engine (its socket is private). */
  readonly url: string | null;
  /** How to sign in as a role, for tests that want a connection without our pools. */
  readonly login: (role: Role) => pg.ClientConfig;
  /** A session that sees everything, for looking at stored bytes. Null on servers of somebody else's. */
  readonly asSuperuser: (<T>(work: (client: pg.Client) => Promise<T>) => Promise<T>) | null;
  /** Opens a second set of pools on the same database, as another process would have. */
  readonly again: () => { readonly doors: Doors; readonly database: Database };
  /** Ends all connections, and answers a copy: another database with the same rows. `again` opens this one anew. */
  readonly copy: () => Promise<FreshDatabase>;
  /** Ends the connections and removes the database. */
  readonly drop: () => Promise<void>;
};

export type FreshDatabaseOptions = {
  /** False = without our schema, for tests of migrating. */
  readonly migrated?: boolean;
};

export async function copyDatabase(
  server: TestServer,
  options: FreshDatabaseOptions = {},
): Promise<FreshDatabase> {
  const name = `${server.prefix}_${randomBytes(5).toString('hex')}`;
  const template = options.migrated === false ? 'template0' : server.template;
  return await openCopy(server, name, template);
}

async function openCopy(server: TestServer, name: string, template: string): Promise<FreshDatabase> {
  await asAdministrator(server, (client) => client.query(createStatement(server, name, template)));
  if (server.engine === 'external') {
    // Rights on a database are not copied with its template.
    const { login, startup } = loginOf(withDatabase(server.url, name));
    await prepareServer(login, startup);
  }
  const logins = loginsAt(server, name);
  const opened: Database[] = [];
  const again = () => {
    const database = connect(server.engine, logins, silentLog);
    opened.push(database);
    return { database, doors: createDoors(database, { random: Math.random }) };
  };
  const first = again();
  return {
    ...first,
    engine: server.engine,
    name,
    url: server.engine === 'external' ? withDatabase(server.url, name) : null,
    login: (role) => ({
      ...logins.login(role),
      options: logins
        .startup(role)
        .map((setting) => `-c ${setting}`)
        .join(' '),
    }),
    asSuperuser:
      server.engine === 'embedded'
        ? (work) => inSession({ ...server.superuser, database: name }, work)
        : null,
    again,
    copy: async () => {
      await Promise.all(opened.map((database) => database.close()));
      return await openCopy(server, `${name}_copy${randomBytes(2).toString('hex')}`, name);
    },
    drop: async () => {
      await Promise.all(opened.map((database) => database.close()));
      await asAdministrator(server, (client) => dropDatabase(client, name));
    },
  };
}

const insufficientPrivilege = '42501';

/** Autovacuum may be at work in it, whom only a superuser may send away: it leaves by itself. */
async function dropDatabase(client: pg.Client, name: string): Promise<void> {
  for (let left = 100; ; left -= 1) {
    try {
      await client.query(`drop database if exists ${name} with (force)`);
      return;
    } catch (error) {
      const isBusy = error instanceof pg.DatabaseError && error.code === insufficientPrivilege;
      if (left === 0 || !isBusy) throw error;
      await sleep(100);
    }
  }
}

function createStatement(server: TestServer, name: string, template: string): string {
  const owner = server.engine === 'embedded' ? `owner ${server.logins.owner.user}` : '';
  return `create database ${name} template ${template} ${owner}`;
}

function loginsAt(server: TestServer, name: string): Logins {
  if (server.engine === 'embedded') {
    return { login: (role) => ({ ...server.logins[role], database: name }), startup: () => [] };
  }
  return externalLogins(withDatabase(server.url, name));
}

function asAdministrator<T>(server: TestServer, work: (client: pg.Client) => Promise<T>): Promise<T> {
  return server.engine === 'embedded' ? inSession(server.superuser, work) : administer(server.url, work);
}

async function inSession<T>(login: pg.ClientConfig, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client(login);
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}
