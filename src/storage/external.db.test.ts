// A PostgreSQL of somebody else's: what is refused, in words that say what to do, and the doors through one login.
// Needs a superuser who makes the cases, so it runs on the embedded engine, reached as if by DATABASE_URL.
import { randomBytes } from 'node:crypto';
import type pg from 'pg';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import type { FreshDatabase } from '../../testing/copied-database.ts';
import { freshDatabase } from '../../testing/fresh-database.ts';
import { describeWhere, needsSuperuser } from '../../testing/where.ts';
import { isFault } from '../kernel/fault.ts';
import { silentLog } from '../kernel/log.ts';
import { connect, externalLogins, openExternal } from './database.ts';
import { doorsContract } from './doors.contract.ts';
import { createDoors } from './doors.ts';
import { loginOf } from './external.ts';
import { migrate } from './migrate.ts';

const refusal = async (work: Promise<unknown>): Promise<string> => {
  try {
    await work;
  } catch (error) {
    if (isFault(error, 'cannot_start')) return error.public;
    throw error;
  }
  return 'accepted';
};

describe('DATABASE_URL', () => {
  test.each(['mysql://root:hunter2@localhost/db', 'postgres', 'postgres://user:hunter2@host:port/db'])(
    'that cannot be read is refused without repeating it (%#)',
    (url) => {
      expect(() => loginOf(url)).toThrow(/^DATABASE_URL is not a PostgreSQL URL\.$/);
    },
  );

  test('with options keeps them for every session', () => {
    const url =
      'postgres://u:p@db.example:6000/main?sslmode=disable&options=-c%20work_mem%3D8MB%20-c+jit%3Doff';
    expect(loginOf(url)).toMatchObject({
      login: { host: 'db.example', port: 6000, user: 'u', password: 'p', database: 'main' },
      startup: ['work_mem=8MB', 'jit=off'],
    });
  });

  test('where nobody listens is refused with the address and without the password', async () => {
    const message = await refusal(
      openExternal('postgres://latchkey:hunter2@127.0.0.1:1/latchkey', silentLog),
    );
    expect(message).toBe(
      'The database at 127.0.0.1:1 cannot be used (ECONNREFUSED). Check DATABASE_URL and that the server is running.',
    );
  });
});

const server = inject('databaseServer');

describeWhere(server.engine === 'embedded', needsSuperuser)('an external server', () => {
  let fresh: FreshDatabase;
  const suffix = randomBytes(4).toString('hex');
  beforeAll(async () => {
    fresh = await freshDatabase({ migrated: false });
  });
  afterAll(async () => {
    await fresh.drop();
  });

  const asSuperuser = <T>(work: (client: pg.Client) => Promise<T>): Promise<T> => {
    if (fresh.asSuperuser === null) throw new Error('the embedded engine has a superuser');
    return fresh.asSuperuser(work);
  };
  const urlOf = (user: string, database = fresh.name): string => {
    if (server.engine !== 'embedded') return '';
    return `postgres://${user}:pw@${encodeURIComponent(server.superuser.host)}:${server.superuser.port}/${database}`;
  };
  const run = (...statements: readonly string[]): Promise<void> =>
    asSuperuser(async (client) => {
      for (const statement of statements) await client.query(statement);
    });

  test('is refused as superuser, and as a role that may bypass row-level security', async () => {
    await run(`create role super_${suffix} login superuser password 'pw'`);
    await run(`create role bypass_${suffix} login bypassrls password 'pw'`);
    await run(`create role member_${suffix} login password 'pw' in role bypass_${suffix}`);
    for (const user of ['super', 'bypass', 'member']) {
      const named = user === 'member' ? 'bypass' : user;
      expect(await refusal(openExternal(urlOf(`${user}_${suffix}`), silentLog))).toMatch(
        `DATABASE_URL signs in as a role that may bypass row-level security (${named}_${suffix}).`,
      );
    }
  });

  test('is refused with a wrong password or a database that is not there', async () => {
    const user = `login_${suffix}`;
    await run(`create role ${user} login password 'pw'`);
    expect(await refusal(openExternal(urlOf(user).replace(':pw@', ':wrong@'), silentLog))).toMatch(
      '(28P01). Check user and password in DATABASE_URL.',
    );
    expect(await refusal(openExternal(urlOf(user, 'absent'), silentLog))).toMatch(
      '(3D000). Create the database absent first.',
    );
  });

  test('is refused when it is not encoded in UTF8', async () => {
    const name = `latin_${suffix}`;
    await run(
      `create role ${name} login password 'pw'`,
      `create database ${name} owner ${name} encoding 'LATIN1' locale_provider libc locale 'C' template template0`,
    );
    expect(await refusal(openExternal(urlOf(name, name), silentLog))).toBe(
      `The database ${name} is encoded in LATIN1. Make one with encoding UTF8.`,
    );
    await run(`drop database ${name}`);
  });

  test('that lacks roles or rights is refused with the very statements that make it good', async () => {
    const user = `plain_${suffix}`;
    const name = `plain_${suffix}`;
    await run(
      `create role ${user} login password 'pw'`,
      `create database ${name} owner ${user} template template0`,
    );
    const message = await refusal(openExternal(urlOf(user, name), silentLog));
    const statements = message.split(`to run, in ${name}: `)[1] ?? '';
    expect(statements).toContain(`grant latchkey_app to "${user}" with inherit false, set true;`);
    await run(statements);
    const database = await openExternal(urlOf(user, name), silentLog);
    await migrate(database);
    await database.close();
    await run(`drop database ${name} with (force)`);
  });

  describe('with one login for all doors', () => {
    doorsContract(async () => {
      const name = `contract_${suffix}`;
      const grants = ['owner', 'app', 'scheduler', 'locator', 'accounts'].map(
        (role) => `grant latchkey_${role} to ${name} with inherit false, set true`,
      );
      await run(
        `create role ${name} login password 'pw'`,
        `create database ${name} owner ${name} template template0`,
        ...grants,
      );
      const url = urlOf(name, name);
      const opened = await openExternal(url, silentLog);
      await migrate(opened);
      await opened.close();
      const logins = externalLogins(url);
      const again = () => {
        const database = connect('external', logins, silentLog);
        return { database, doors: createDoors(database, { random: Math.random }) };
      };
      return {
        ...again(),
        engine: 'external',
        name,
        url,
        login: (role) => ({ ...logins.login(role), options: `-c ${logins.startup(role).join(' -c ')}` }),
        asSuperuser: null,
        again,
        drop: () => run(`drop database ${name} with (force)`),
      };
    });
  });
});
