// PostgreSQL refuses to run as root. As root we run it in a user namespace of its own, where the kernel shows it as
// nobody while its files stay root's; where namespaces are forbidden (most containers) we become another user.
import { type SpawnSyncReturns, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  chownSync,
  cpSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { Fault } from '../kernel/fault.ts';
import type { EngineFiles } from './engine-files.ts';

export type EngineUser = {
  /** Where the database files live: inside the data directory, except when that user cannot reach it. */
  readonly cluster: string;
  readonly files: EngineFiles;
  /** Puts what is needed in front of a program so that it runs as the engine's user. */
  readonly command: (program: string, args: readonly string[]) => readonly [string, readonly string[]];
  readonly identity: { readonly uid?: number; readonly gid?: number };
  /** Gives a path made by us to the engine's user. */
  readonly own: (path: string) => void;
};

export type EngineUserStrategy = 'direct' | 'namespace' | 'drop';

/** Whom root's server becomes, the first that exists; PostgreSQL insists on an entry in the user database. */
const spareUsers = ['latchkey', 'postgres', 'nobody'] as const;
/** For root's data directories that no other user may enter (below /root, for instance). */
const outsideRoot = '/var/lib/latchkey';

/** `strategies` is tried in order; tests narrow it. */
export function chooseEngineUser(
  directory: string,
  files: EngineFiles,
  strategies: readonly EngineUserStrategy[] = process.getuid?.() === 0 ? ['namespace', 'drop'] : ['direct'],
): EngineUser {
  for (const strategy of strategies) {
    const user = candidates[strategy](directory, files);
    if (user !== null) return user;
  }
  throw new Fault('cannot_start', 'The embedded PostgreSQL cannot run as root here.', {
    cure: 'Start Latchkey as another user, or set DATABASE_URL.',
  });
}

const candidates: Record<EngineUserStrategy, (directory: string, files: EngineFiles) => EngineUser | null> = {
  direct: (directory, files) => ({
    cluster: clusterOf(directory),
    files,
    command: (program, args) => [program, args],
    identity: {},
    own: () => {},
  }),

  namespace: (directory, files) => {
    const home = recordedHome(directory);
    const user: EngineUser = {
      cluster: join(home, 'postgres'),
      files,
      command: (program, args) => ['unshare', ['-U', '--', program, ...args]],
      identity: {},
      own: (path) => chownTree(path, 0, 0),
    };
    return canWork(user, home) ? user : null;
  },

  drop: (directory, files) => {
    const owner = lstatSync(directory).uid;
    const identity = spareIdentity(owner);
    if (identity === null) return null;
    // Root's directory stays closed for reading; the engine's user may only pass through to its own folder.
    if (owner !== identity.uid) chmodSync(directory, lstatSync(directory).mode | 0o011);
    const recorded = recordedHome(directory);
    const reachable = runAs(identity, 'sh', ['-c', 'test -x "$1"', 'sh', recorded]).status === 0;
    const home = reachable ? recorded : moveOutside(directory);
    const runnable = runAs(identity, files.postgres, ['-V']).status === 0;
    const user: EngineUser = {
      cluster: join(home, 'postgres'),
      files: runnable ? files : copyEngine(files),
      command: (program, args) => [program, args],
      identity,
      own: (path) => chownTree(path, identity.uid, identity.gid),
    };
    return runAs(identity, user.files.postgres, ['-V'], user.files.environment).status === 0 ? user : null;
  },
};

/** The owner of the data directory (sudo in somebody's home), or a user who has nothing else of ours. */
function spareIdentity(owner: number): { readonly uid: number; readonly gid: number } | null {
  const users = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .map((line) => line.split(':'))
    .map(([name = '', , uid, gid]) => ({ name, uid: Number(uid), gid: Number(gid) }))
    .filter((user) => user.uid > 0 && Number.isInteger(user.gid));
  const chosen = [
    users.find((user) => user.uid === owner),
    ...spareUsers.map((name) => users.find((user) => user.name === name)),
  ].find((user) => user !== undefined);
  return chosen === undefined ? null : { uid: chosen.uid, gid: chosen.gid };
}

function canWork(user: EngineUser, directory: string): boolean {
  const test = 'test -w "$1" && exec "$2" -V';
  const [program, args] = user.command('sh', ['-c', test, 'sh', directory, user.files.postgres]);
  return runAs(user.identity, program, args, user.files.environment).status === 0;
}

function runAs(
  identity: { readonly uid?: number; readonly gid?: number },
  program: string,
  args: readonly string[],
  environment: Readonly<Record<string, string>> = {},
): SpawnSyncReturns<Buffer> {
  return spawnSync(program, args, {
    ...identity,
    cwd: '/',
    stdio: 'ignore',
    env: { PATH: process.env.PATH, LC_ALL: 'C', ...environment },
    timeout: 20_000,
  });
}

const locationNote = 'postgres.location';

/** Where the database files are now, if there are any. */
export function clusterOf(directory: string): string {
  return join(recordedHome(directory), 'postgres');
}

/** The note wins for good: whatever the kernel allows next time, the files are where they were put. */
function recordedHome(directory: string): string {
  try {
    return readFileSync(join(directory, locationNote), 'utf8').trim();
  } catch {
    return directory;
  }
}

/**
 * Moves the database files, if there are any, to where another user can reach them. The note is written last; what already
 * lies there under our name is only passed over when it is the copy of a move that broke off, and never removed.
 */
function moveOutside(directory: string): string {
  const name = createHash('sha256').update(directory).digest('hex').slice(0, 16);
  const home = join(outsideRoot, name);
  mkdirSync(home, { recursive: true, mode: 0o711 });
  const [from, to] = [join(directory, 'postgres'), join(home, 'postgres')];
  if (existsSync(from) && !isCopy(from, to)) {
    refuseOccupied(from, to);
    // A name that nobody else gives to a folder.
    const draft = join(home, '.postgres-unfinished');
    rmSync(draft, { recursive: true, force: true });
    cpSync(from, draft, { recursive: true, verbatimSymlinks: true });
    renameSync(draft, to);
  }
  writeFileSync(join(directory, locationNote), `${home}\n`);
  rmSync(from, { recursive: true, force: true });
  return home;
}

/** The control file changes with every start and stop of a database. */
function isCopy(from: string, to: string): boolean {
  const [one, other] = [from, to].map((cluster) => join(cluster, 'global', 'pg_control'));
  if (one === undefined || other === undefined || !existsSync(one) || !existsSync(other)) return false;
  return readFileSync(one).equals(readFileSync(other));
}

function refuseOccupied(from: string, to: string): void {
  if (!existsSync(to) || readdirSync(to).length === 0) return;
  throw new Fault('cannot_start', `Both ${from} and ${to} exist, and only one can be the database.`, {
    cure: 'Move the other one away.',
  });
}

function copyEngine(files: EngineFiles): EngineFiles {
  const stamp = createHash('sha256').update(files.native).digest('hex').slice(0, 16);
  const native = join(outsideRoot, `engine-${stamp}`);
  if (!existsSync(join(native, 'complete'))) {
    mkdirSync(outsideRoot, { recursive: true, mode: 0o711 });
    cpSync(files.native, native, { recursive: true, verbatimSymlinks: true });
    writeFileSync(join(native, 'complete'), '');
  }
  return {
    native,
    initdb: join(native, 'bin', 'initdb'),
    postgres: join(native, 'bin', 'postgres'),
    environment: files.environment,
  };
}

/** Whole trees change hands only when the kernel's abilities changed between two starts, so the top tells. */
function chownTree(path: string, uid: number, gid: number): void {
  if (!existsSync(path) || lstatSync(path).uid === uid) return;
  const visit = (entry: string): void => {
    const stat = lstatSync(entry);
    if (stat.isSymbolicLink()) return;
    if (stat.isDirectory()) for (const name of readdirSync(entry)) visit(join(entry, name));
    chownSync(entry, uid, gid);
  };
  visit(path);
}
