// The database that comes along: real PostgreSQL as a child process, without TCP, reachable only through a private
// socket with passwords that exist in this process's memory and change at every start.
import { mkdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { Fault } from '../kernel/fault.ts';
import type { Log } from '../kernel/log.ts';
import { refuseUnknownFolder } from './cluster-folder.ts';
import { lockDirectory } from './directory-lock.ts';
import { type Door, doorRoles, ownerRole } from './door-role.ts';
import { databaseName, type Passwords, prepareCluster, superuserName } from './embedded-cluster.ts';
import {
  forwardLog,
  guardAgainstOurDeath,
  launchServer,
  type ServerProcess,
  shutDownServer,
} from './embedded-process.ts';
import { findEngine } from './engine-files.ts';
import { chooseEngineUser, clusterOf, type EngineUser, type EngineUserStrategy } from './engine-user.ts';
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

/** Starts the embedded server on `directory` or throws a `cannot_start` Fault of one line. */
export async function startEmbedded(options: EmbeddedOptions): Promise<EmbeddedServer> {
  const directory = resolve(options.directory);
  await makeDirectory(directory);
  // Before the lock, which is written: where we do not start, nothing of ours is left.
  await refuseUnknownFolder(clusterOf(directory));
  const lock = await lockDirectory(directory);
  try {
    const files = await findEngine(join(directory, 'engine'));
    // Before anything touches the files: choosing a user may move them.
    await stopOrphans(clusterOf(directory));
    const user = chooseEngineUser(directory, files, options.strategies);
    user.own(user.cluster);
    const passwords = await prepareCluster(user, options.openToSuperuser === true);
    const socket = await socketFolder(directory, user);
    const child = await launchServer(user, socket, options.settings ?? {});
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
      if (stopping === null) own.log.error('embedded database ended by itself', { exitCode: code, signal });
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
      stopping ??= shutDownServer(child, ended);
      return stopping;
    },
  };
}
