// The database files of the embedded engine: made at once or not at all, checked against the engine's version, and
// given new passwords at every start.
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { Fault } from '../kernel/fault.ts';
import { doorRoles, ownerRole } from './door-role.ts';
import { runProgram } from './engine-program.ts';
import type { EngineUser } from './engine-user.ts';

export type Passwords = ReadonlyMap<string, string>;

export const databaseName = 'latchkey';
export const superuserName = 'postgres';

/** Makes the files if there are none and answers the passwords that hold until the next start. */
export async function prepareCluster(user: EngineUser, openToSuperuser: boolean): Promise<Passwords> {
  if (!existsSync(join(user.cluster, 'PG_VERSION'))) await createCluster(user);
  await checkVersion(user);
  return bootstrap(user, openToSuperuser);
}

/**
 * Everything happens beside the final place; the rename makes it exist at once or not at all. It replaces an empty folder and
 * nothing else: what is removed here is only what an earlier attempt of ours left.
 */
async function createCluster(user: EngineUser): Promise<void> {
  // A name that nobody else gives to a folder: what lies there is removed.
  const draft = join(dirname(user.cluster), '.postgres-unfinished');
  await rm(draft, { recursive: true, force: true });
  await mkdir(draft, { mode: 0o700 });
  user.own(draft);
  await runProgram(user, user.files.initdb, [
    ...['-D', draft, '-U', superuserName, '--encoding=UTF8', '--no-instructions'],
    // Unicode rules that come with the server itself, so that a new libc cannot reorder an index.
    ...['--locale-provider=builtin', '--builtin-locale=C.UTF-8', '--locale=C', '--auth=reject'],
  ]);
  const script = [`create role ${ownerRole};`, `create database ${databaseName} owner ${ownerRole};`];
  await runSingleUser(user, draft, script);
  await putInPlace(draft, user.cluster);
}

/** An empty folder cannot be replaced when another disk is mounted there, or when it is a link. */
async function putInPlace(draft: string, cluster: string): Promise<void> {
  try {
    await rename(draft, cluster);
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? String(cause.code) : 'unknown error';
    throw new Fault('cannot_start', `The new database cannot be put at ${cluster} (${code}).`, {
      cure: 'Let nothing be there: mount or link the data directory as a whole (LATCHKEY_DATA).',
      cause,
    });
  }
}

async function checkVersion(user: EngineUser): Promise<void> {
  const made = (await readFile(join(user.cluster, 'PG_VERSION'), 'utf8')).trim();
  const share = join(user.files.native, 'share', 'postgresql', 'postgres.bki');
  // Its first line is "# PostgreSQL <major>": the catalog that this engine can read.
  const engine = /PostgreSQL (\d+)/.exec((await readFile(share, 'utf8')).slice(0, 40))?.[1];
  if (made !== engine) {
    throw new Fault('cannot_start', `The database was made by PostgreSQL ${made}, this one is ${engine}.`, {
      cure: 'Start the Latchkey release that made it, take a backup there, and restore it here.',
    });
  }
}

/**
 * Sets new passwords with the server in single-user mode: no socket is open while it happens, and the superuser
 * never gets a way in. Also gives an older database the door roles that a newer release needs.
 */
async function bootstrap(user: EngineUser, openToSuperuser: boolean): Promise<Passwords> {
  const roles = [ownerRole, ...Object.values(doorRoles), ...(openToSuperuser ? [superuserName] : [])];
  const passwords = new Map(roles.map((role) => [role, randomBytes(24).toString('base64url')]));
  const plain = roles.filter((role) => role !== superuserName);
  const rights = 'login noinherit nosuperuser nobypassrls nocreaterole nocreatedb noreplication';
  const script = [
    ...plain.map(
      (role) => `do $$ begin if to_regrole('${role}') is null then create role ${role}; end if; end $$;`,
    ),
    ...plain.map((role) => `alter role ${role} ${rights};`),
    ...Object.values(doorRoles).map((role) => `grant ${role} to ${ownerRole} with inherit false, set true;`),
    ...roles.map((role) => `alter role ${role} password '${passwords.get(role)}';`),
  ];
  const who = openToSuperuser ? 'all' : plain.join(',');
  const where = openToSuperuser ? 'all' : databaseName;
  await writeFile(
    join(user.cluster, 'pg_hba.conf'),
    `# Written by Latchkey at every start.\nlocal ${where} ${who} scram-sha-256\n`,
  );
  await runSingleUser(user, user.cluster, script);
  return passwords;
}

/** One statement a line: that is how the single-user mode reads. */
async function runSingleUser(user: EngineUser, cluster: string, script: readonly string[]): Promise<void> {
  const quiet = ['log_min_messages=warning', 'log_statement=none', 'log_min_error_statement=panic'];
  const settings = ['exit_on_error=on', 'password_encryption=scram-sha-256', ...quiet];
  const flags = settings.flatMap((setting) => ['-c', setting]);
  const args = ['--single', '-D', cluster, ...flags, superuserName];
  await runProgram(user, user.files.postgres, args, `${script.join('\n')}\n`);
}
