// The embedded engine's life among kills, stale files and second starts, with real processes.
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, lstatSync, readdirSync, readFileSync, readlinkSync, statSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest';
import { testWhere } from '../../testing/where.ts';
import { isFault } from '../kernel/fault.ts';
import { newId, type TenantId } from '../kernel/ids.ts';
import { createLog, silentLog } from '../kernel/log.ts';
import { openEmbedded } from './database.ts';
import { createDoors } from './doors.ts';
import type { EngineUserStrategy } from './engine-user.ts';

const isRoot = process.getuid?.() === 0;
const repository = fileURLToPath(new URL('../../', import.meta.url));
let home: string;
let directory: string;
const children: ChildProcess[] = [];

beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'latchkey-embedded-'));
  directory = join(home, 'data');
});
afterEach(() => {
  for (const child of children.splice(0)) if (child.exitCode === null) child.kill('SIGKILL');
});
afterAll(() => rm(home, { recursive: true, force: true }));

const open = (at = directory, strategies?: readonly EngineUserStrategy[]) =>
  openEmbedded({ directory: at, log: silentLog, ...(strategies === undefined ? {} : { strategies }) });

const refusal = async (work: Promise<unknown>): Promise<string> => {
  try {
    await work;
  } catch (error) {
    if (isFault(error, 'cannot_start')) return error.public;
    throw error;
  }
  return 'started';
};

type Said = Readonly<Record<string, unknown>>;
type Host = { readonly child: ChildProcess; readonly lines: AsyncIterator<string>; readonly first: Said };

/** Another process with the database open. Its own process group, as a terminal would give it. */
async function host(at = directory, identity: { uid?: number; gid?: number } = {}): Promise<Host> {
  const program = join(repository, 'testing', 'embedded-host.ts');
  const child = spawn(process.execPath, ['--import', 'tsx', program, at], {
    ...identity,
    cwd: repository,
    detached: true,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  children.push(child);
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return { child, lines, first: await next(lines) };
}

async function next(lines: AsyncIterator<string>): Promise<Said> {
  const { value, done } = await lines.next();
  return done === true ? {} : (JSON.parse(value) as Said);
}

const gone = (child: ChildProcess): Promise<void> =>
  new Promise((resolve) => {
    if (child.exitCode !== null || child.signalCode !== null) resolve();
    else child.once('exit', () => resolve());
  });

/** All processes that a predicate on their folder in /proc picks. */
const processes = (picks: (folder: string) => boolean): readonly number[] =>
  readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((name) => {
      try {
        return picks(`/proc/${name}`);
      } catch {
        return false;
      }
    })
    .map(Number);
const serversOf = (cluster: string) => processes((folder) => readlinkSync(`${folder}/cwd`) === cluster);
const guardOf = (server: unknown) =>
  processes((folder) => readFileSync(`${folder}/cmdline`, 'utf8').includes(`latchkey-guard\0${server}\0`));

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // The death of another one took it along.
  }
}

const snapshot = (folder: string): readonly string[] =>
  readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => !name.endsWith('latchkey.lock') && !name.includes('pg_stat'))
    .map((name) => `${name} ${lstatSync(join(folder, name)).mtimeMs}`)
    .sort();

async function remember(line: string): Promise<void> {
  const database = await open();
  await database.ownerSession(async (client) => {
    await client.query('create table if not exists memory (line text)');
    await client.query('insert into memory values ($1)', [line]);
  });
  await database.close();
}

async function recall(): Promise<readonly string[]> {
  const database = await open();
  try {
    const { rows } = await database.ownerSession((client) =>
      client.query<{ line: string }>('select line from memory order by line'),
    );
    return rows.map((row) => row.line);
  } finally {
    await database.close();
  }
}

test('starts, stores, stops without leaving a process, and starts again with what it stored', async () => {
  await remember('one');
  expect(serversOf(join(directory, 'postgres'))).toEqual([]);
  expect(existsSync(join(directory, 'latchkey.lock'))).toBe(false);
  expect(await recall()).toEqual(['one']);
});

test('listens on no port, is durable, and keeps parameters and statements out of its log', async () => {
  const database = await open();
  const show = async (name: string): Promise<unknown> =>
    (await database.pool('owner').query(`select current_setting($1) as value`, [name])).rows[0]?.value;
  expect({
    listen_addresses: await show('listen_addresses'),
    fsync: await show('fsync'),
    synchronous_commit: await show('synchronous_commit'),
    full_page_writes: await show('full_page_writes'),
    log_parameter_max_length: await show('log_parameter_max_length'),
    log_parameter_max_length_on_error: await show('log_parameter_max_length_on_error'),
    log_statement: await show('log_statement'),
    server_encoding: await show('server_encoding'),
  }).toEqual({
    listen_addresses: '',
    fsync: 'on',
    synchronous_commit: 'on',
    full_page_writes: 'on',
    log_parameter_max_length: '0',
    log_parameter_max_length_on_error: '0',
    log_statement: 'none',
    server_encoding: 'UTF8',
  });
  await database.close();
});

test('no password of an earlier start opens it, and the superuser has no way in', async () => {
  const before = await open();
  const old = before.server.login('app');
  await before.close();
  const database = await open();
  const attempt = async (login: pg.ClientConfig): Promise<unknown> => {
    const client = new pg.Client(login);
    try {
      await client.connect();
      return 'signed in';
    } catch (error) {
      return error instanceof pg.DatabaseError ? error.code : error;
    } finally {
      await client.end().catch(() => {});
    }
  };
  const current = database.server.login('app');
  expect(await attempt(current)).toBe('signed in');
  expect(await attempt({ ...current, password: old.password })).toBe('28P01');
  expect(await attempt({ ...current, user: 'postgres' })).toBe('28000');
  expect(await attempt({ ...current, user: 'postgres', database: 'postgres' })).toBe('28000');
  expect(database.server.superuser).toBeNull();
  await database.close();
});

test('a second start on the same directory is refused in one line and writes nothing', async () => {
  const database = await open();
  const before = snapshot(directory);
  const message = await refusal(open());
  const other = await host();
  expect(message).toBe(
    `Another Latchkey is using ${directory} (process ${process.pid} on ${JSON.parse(readFileSync(join(directory, 'latchkey.lock'), 'utf8')).host}). Stop it first, or choose another directory with LATCHKEY_DATA.`,
  );
  expect(other.first).toEqual({ up: false, refused: message });
  await gone(other.child);
  expect(other.child.exitCode).toBe(1);
  expect(snapshot(directory)).toEqual(before);
  expect((await database.pool('app').query('select 1 as one')).rows).toEqual([{ one: 1 }]);
  await database.close();
});

test('after kill -9 of Latchkey the server ends by itself and the next start works', async () => {
  await remember('before the kill');
  const { child, first } = await host();
  expect(first.up).toBe(true);
  child.kill('SIGKILL');
  await gone(child);
  await vi.waitFor(() => expect(serversOf(join(directory, 'postgres'))).toEqual([]), 10_000);
  expect(await recall()).toContain('before the kill');
});

test('an orphaned server without its guard is found and stopped by the next start', async () => {
  const { child, first } = await host();
  const guards = guardOf(first.server);
  expect(guards).toHaveLength(1);
  for (const pid of guards) process.kill(pid, 'SIGKILL');
  child.kill('SIGKILL');
  await gone(child);
  expect(serversOf(join(directory, 'postgres'))).toContain(first.server);
  expect(await recall()).toContain('before the kill');
  expect(serversOf(join(directory, 'postgres'))).toEqual([]);
});

test('after kill -9 of everything the next start recovers what was committed', async () => {
  const { child, first } = await host();
  for (const pid of [child.pid ?? 0, ...guardOf(first.server), ...serversOf(join(directory, 'postgres'))]) {
    kill(pid);
  }
  await gone(child);
  expect(existsSync(join(directory, 'postgres', 'postmaster.pid'))).toBe(true);
  expect(existsSync(join(directory, 'latchkey.lock'))).toBe(true);
  expect(await recall()).toEqual(['before the kill', 'one']);
});

test('stale files that name a living stranger do not stop a start', async () => {
  await writeFile(join(directory, 'postgres', 'postmaster.pid'), `${process.ppid}\n${directory}/postgres\n`);
  const lock = { nonce: 'stale', pid: process.ppid, started: '1', place: 'unknown', host: 'elsewhere' };
  const database = await open();
  const ours = JSON.parse(await readFile(join(directory, 'latchkey.lock'), 'utf8')) as typeof lock;
  await database.close();
  await writeFile(join(directory, 'latchkey.lock'), JSON.stringify({ ...lock, place: ours.place }));
  expect(await recall()).toContain('one');
});

test('a start that was killed while it made the files leaves nothing in the way', async () => {
  const broken = join(home, 'half-made');
  await mkdir(join(broken, '.postgres-unfinished', 'base'), { recursive: true });
  await mkdir(join(broken, 'postgres'), { recursive: true });
  await mkdir(join(broken, 'postgres.new', 'a backup'), { recursive: true });
  const database = await open(broken);
  expect((await database.pool('app').query('select 1 as one')).rows).toEqual([{ one: 1 }]);
  await database.close();
  expect(existsSync(join(broken, '.postgres-unfinished'))).toBe(false);
  expect(existsSync(join(broken, 'postgres.new', 'a backup'))).toBe(true);
});

test('files of another PostgreSQL version are refused with the way out', async () => {
  const version = join(directory, 'postgres', 'PG_VERSION');
  await rename(version, `${version}.kept`);
  await writeFile(version, '14\n');
  expect(await refusal(open())).toMatch(
    /^The database was made by PostgreSQL 14, this one is \d+\. Start the/,
  );
  await rename(`${version}.kept`, version);
  expect(await recall()).toContain('one');
});

test('a directory that cannot be made or written is refused in one line', async () => {
  const file = join(home, 'file');
  await writeFile(file, '');
  expect(await refusal(open(join(file, 'data')))).toBe(
    `The data directory ${join(file, 'data')} cannot be made (ENOTDIR). Choose another one with LATCHKEY_DATA, or give this user write access.`,
  );
  const closed = join(home, 'closed');
  await mkdir(closed, { mode: 0o555 });
  await chmod(home, 0o755);
  // Nothing is closed to root, so another user tries.
  const { first } = isRoot
    ? await host(closed, { uid: 65_534, gid: 65_534 })
    : { first: { up: false, refused: await refusal(open(closed)) } };
  expect(first).toEqual({
    up: false,
    refused: `The data directory cannot be written (EACCES). Give this user write access to ${closed}/ or choose another one with LATCHKEY_DATA.`,
  });
  expect(readdirSync(closed)).toEqual([]);
});

test('a path too long for a socket gets a private folder elsewhere', async () => {
  const long = join(home, 'a'.repeat(60), 'b'.repeat(60));
  const database = await open(long);
  const { host: folder } = database.server.login('app');
  expect((await readFile(join(long, 'postgres.socket'), 'utf8')).trim()).toBe(folder);
  expect(Buffer.byteLength(`${folder}/.s.PGSQL.5432`)).toBeLessThanOrEqual(107);
  expect(statSync(folder).mode & 0o777).toBe(0o700);
  expect((await database.pool('app').query('select 1 as one')).rows).toEqual([{ one: 1 }]);
  await database.close();
  await rm(folder, { recursive: true });
});

test('Ctrl-C in the terminal reaches Latchkey, not the database, which answers until work has drained', async () => {
  const { child, lines } = await host();
  process.kill(-(child.pid ?? 0), 'SIGINT');
  expect(await next(lines)).toEqual({ alive: true });
  await gone(child);
  expect(child.exitCode).toBe(0);
  expect(serversOf(join(directory, 'postgres'))).toEqual([]);
});

test('when the server dies, the doors say unavailable, the process is told, and the log says how', async () => {
  const lines: string[] = [];
  const log = createLog({ level: 'error', stream: { write: (line) => void lines.push(line) } });
  const database = await openEmbedded({ directory, log });
  const doors = createDoors(database, { random: Math.random });
  const tenant = newId<TenantId>();
  await doors.withTenant(tenant, async () => {});
  process.kill(database.server.pid, 'SIGKILL');
  await database.lost;
  // Sessions notice the death of their postmaster by themselves, a moment later.
  await vi.waitFor(() => expect(serversOf(database.server.cluster)).toEqual([]));
  await expect(doors.withTenant(tenant, async () => {})).rejects.toMatchObject({ code: 'unavailable' });
  await doors.close();
  const told = { msg: 'embedded database ended by itself', exitCode: null, signal: 'SIGKILL' };
  expect(lines.map((line) => JSON.parse(line))).toContainEqual(expect.objectContaining(told));
  expect(await recall()).toContain('one');
});

testWhere(isRoot, 'needs root, which the engine refuses')(
  'as root without user namespaces it runs as another user, and comes back',
  async () => {
    const database = await open(directory, ['drop']);
    expect(statSync(`/proc/${database.server.pid}`).uid).not.toBe(0);
    await database.close();
    expect(await recall()).toContain('one');
  },
);
