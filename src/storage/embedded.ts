// The database that comes along: real PostgreSQL as a child process, without TCP, reachable only through a private
// socket with passwords that exist in this process's memory and change at every start.
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { Fault } from '../kernel/fault.ts';
import type { Log } from '../kernel/log.ts';
import { lockDirectory } from './directory-lock.ts';
import { type Door, doorRoles, ownerRole } from './door-role.ts';
import { findEngine } from './engine-files.ts';
import { engineEnvironment, lastWords, runProgram } from './engine-program.ts';
import { chooseEngineUser, type EngineUser, type EngineUserStrategy } from './engine-user.ts';
import { stopOrphans } from './orphan-server.ts';
import { socketFolder, socketPort } from './socket-folder.ts';

export type EmbeddedOptions = {
  /** The data directory (LATCHKEY_DATA). Made when absent; its parent must exist or be makeable. */
  readonly directory: string;
  readonly log: Log;
  /** Server settings over ours; the tests trade durability for speed. */
  readonly settings?: Readonly<Record<string, string>>;
  /** Only for tests: lets the superuser sign in, and everybody into every database. */
  readonly openToSuperuser?: boolean;
  /** Only for tests: which ways of not being root to try. */
  readonly strategies?: readonly EngineUserStrategy[];
};

export type Login = {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
  readonly database: string;
};

export type EmbeddedServer = {
  /** How to sign in at the product's database as the owner or as one of the doors. */
  readonly login: (role: 'owner' | Door) => Login;
  /** Null unless `openToSuperuser`. */
  readonly superuser: Login | null;
  /** The process id of the server, for diagnosis. */
  readonly pid: number;
  /** Where the database files lie. */
  readonly cluster: string;
  /** Resolves when the server has ended, whoever ended it. */
  readonly ended: Promise<void>;
  /** Fast shutdown; resolves when the server has ended and the directory is free. May be called again. */
  readonly stop: () => Promise<void>;
};

type ServerProcess = ChildProcessByStdio<null, null, Readable>;
type Passwords = ReadonlyMap<string, string>;

const databaseName = 'latchkey';
const superuserName = 'postgres';

/** Starts the embedded server on `directory` or throws a `cannot_start` Fault of one line. */
export async function startEmbedded(options: EmbeddedOptions): Promise<EmbeddedServer> {
  const directory = resolve(options.directory);
  await makeDirectory(directory);
  const lock = await lockDirectory(directory);
  try {
    const files = await findEngine(join(directory, 'engine'));
    const user = chooseEngineUser(directory, files, options.strategies);
    user.own(user.cluster);
    await stopOrphans(user.cluster);
    if (!existsSync(join(user.cluster, 'PG_VERSION'))) await createCluster(user);
    await checkVersion(user);
    const passwords = await bootstrap(user, options.openToSuperuser === true);
    const socket = await socketFolder(directory, user);
    const child = await launch(user, socket, options);
    return serve(child, { user, socket, passwords, log: options.log, release: lock.release });
  } catch (error) {
    lock.release();
    throw error;
  }
}

async function makeDirectory(directory: string): Promise<void> {
  try {
    await mkdir(directory, { recursive: true, mode: 0o700 });
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? String(cause.code) : 'unknown error';
    throw new Fault('cannot_start', `The data directory ${directory} cannot be made (${code}).`, {
      cure: 'Choose another one with LATCHKEY_DATA, or give this user write access.',
      cause,
    });
  }
}

/** Everything happens beside the final place; the rename makes it exist at once or not at all. */
async function createCluster(user: EngineUser): Promise<void> {
  const draft = `${user.cluster}.new`;
  await rm(draft, { recursive: true, force: true });
  await rm(user.cluster, { recursive: true, force: true });
  await mkdir(draft, { mode: 0o700 });
  user.own(draft);
  await runProgram(user, user.files.initdb, [
    ...['-D', draft, '-U', superuserName, '--encoding=UTF8', '--no-instructions'],
    // Unicode rules that come with the server itself, so that a new libc cannot reorder an index.
    ...['--locale-provider=builtin', '--builtin-locale=C.UTF-8', '--locale=C', '--auth=reject'],
  ]);
  const script = [`create role ${ownerRole};`, `create database ${databaseName} owner ${ownerRole};`];
  await runSingleUser(user, draft, script);
  await rename(draft, user.cluster);
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

function serverSettings(socket: string): Readonly<Record<string, string>> {
  return {
    listen_addresses: '',
    port: String(socketPort),
    unix_socket_directories: socket,
    unix_socket_permissions: '0700',
    fsync: 'on',
    synchronous_commit: 'on',
    full_page_writes: 'on',
    // Parameters and statements may carry what must not be on disk; they stay out of every log line.
    log_parameter_max_length: '0',
    log_parameter_max_length_on_error: '0',
    log_min_error_statement: 'panic',
    log_statement: 'none',
    log_checkpoints: 'off',
    logging_collector: 'off',
    log_destination: 'stderr',
    lc_messages: 'C',
    timezone: 'UTC',
    max_connections: '100',
    shared_buffers: '64MB',
    max_parallel_workers_per_gather: '0',
    jit: 'off',
    // One process less per worker; a small store reads from memory anyway.
    io_method: 'sync',
    wal_level: 'minimal',
    max_wal_senders: '0',
    max_wal_size: '256MB',
    idle_in_transaction_session_timeout: '60s',
  };
}

function launch(user: EngineUser, socket: string, options: EmbeddedOptions): Promise<ServerProcess> {
  const settings = Object.entries({ ...serverSettings(socket), ...options.settings });
  const flags = settings.flatMap(([name, value]) => ['-c', `${name}=${value}`]);
  const [file, args] = user.command(user.files.postgres, ['-D', user.cluster, ...flags]);
  return new Promise((ready, refuse) => {
    const child: ServerProcess = spawn(file, args, {
      ...user.identity,
      cwd: '/',
      // A session of its own: Ctrl-C in the terminal must reach us first, so that work drains before the database goes.
      detached: true,
      env: engineEnvironment(user),
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    let words = '';
    const fail = (cause?: Error): void =>
      refuse(
        new Fault('cannot_start', 'The embedded PostgreSQL did not start.', {
          cure: 'See the detail, or set DATABASE_URL.',
          detail: lastWords(words),
          cause,
        }),
      );
    const listen = (chunk: Buffer): void => {
      words = (words + chunk.toString('utf8')).slice(-8_000);
      if (!words.includes('database system is ready to accept connections')) return;
      child.stderr.off('data', listen);
      child.off('error', fail).off('exit', exited);
      ready(child);
    };
    const exited = (): void => fail();
    child.stderr.on('data', listen);
    child.once('error', fail).once('exit', exited);
  });
}

function serve(
  child: ServerProcess,
  own: {
    readonly user: EngineUser;
    readonly socket: string;
    readonly passwords: Passwords;
    readonly log: Log;
    readonly release: () => void;
  },
): EmbeddedServer {
  const pid = child.pid ?? 0;
  let stopping: Promise<void> | null = null;
  forwardLog(child.stderr, own.log);
  const dismissGuard = guardAgainstOurDeath(pid, own.user.cluster);
  const ended = new Promise<void>((resolve) => {
    child.once('exit', (code, signal) => {
      dismissGuard();
      own.release();
      if (stopping === null) own.log.error('embedded database ended by itself', { code, signal });
      resolve();
    });
  });
  const loginAs = (user: string, database: string): Login => ({
    host: own.socket,
    port: socketPort,
    user,
    password: own.passwords.get(user) ?? '',
    database,
  });
  return {
    login: (role) => loginAs(role === 'owner' ? ownerRole : doorRoles[role], databaseName),
    superuser: own.passwords.has(superuserName) ? loginAs(superuserName, databaseName) : null,
    pid,
    cluster: own.user.cluster,
    ended,
    stop: () => {
      stopping ??= shutDown(child, ended);
      return stopping;
    },
  };
}

/** Fast shutdown first; if a session hangs, an immediate one, from which the next start recovers. */
async function shutDown(child: ServerProcess, ended: Promise<void>): Promise<void> {
  for (const [signal, waitMs] of [
    ['SIGINT', 20_000],
    ['SIGQUIT', 5_000],
    ['SIGKILL', 5_000],
  ] as const) {
    if (child.exitCode !== null || child.signalCode !== null) break;
    child.kill(signal);
    const patience = new AbortController();
    const late = sleep(waitMs, 'late', { signal: patience.signal }).catch(() => 'over');
    const outcome = await Promise.race([ended, late]);
    patience.abort();
    if (outcome !== 'late') break;
  }
  await ended;
}

/**
 * A shell that waits for our end of a pipe to close. The kernel closes it even on kill -9, and then the shell asks the
 * server for a fast shutdown. It makes sure first that the pid still is the server of these files.
 */
function guardAgainstOurDeath(pid: number, cluster: string): () => void {
  const script =
    'read -r word; read -r now < "$2/postmaster.pid" && [ "$now" = "$1" ] && kill -INT "$1"; exit 0';
  const guard = spawn('/bin/sh', ['-c', script, 'latchkey-guard', String(pid), cluster], {
    cwd: '/',
    detached: true,
    env: {},
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  guard.on('error', () => {
    // Without a shell the next start still finds and stops an orphan.
  });
  guard.stdin.on('error', () => {});
  guard.unref();
  if ('unref' in guard.stdin && typeof guard.stdin.unref === 'function') guard.stdin.unref();
  return () => guard.stdin.end();
}

/** The server's own words, a line each, at the level they deserve. */
function forwardLog(stream: Readable, log: Log): void {
  let rest = '';
  stream.setEncoding('utf8');
  stream.on('data', (chunk: string) => {
    const lines = (rest + chunk).split('\n');
    rest = (lines.pop() ?? '').slice(-8_000);
    for (const line of lines) {
      const said = /\b(LOG|WARNING|ERROR|FATAL|PANIC):\s+(.*)$/.exec(line);
      if (said === null) continue;
      const write = said[1] === 'PANIC' || said[1] === 'FATAL' ? log.warn : log.debug;
      write('database', { level: said[1], said: said[2] });
    }
  });
}
