// Opens the database, embedded or by DATABASE_URL; everything after that is the same for both. Also tells callers'
// mistakes that only the database can see (a duplicate, a row still in use) from trouble.
import pg from 'pg';
import type { Log } from '../kernel/log.ts';
import { type Door, doorRoles, ownerRole } from './door-role.ts';
import { type EmbeddedOptions, type EmbeddedServer, startEmbedded } from './embedded.ts';
import { loginOf, prepareServer } from './external.ts';
import { addressLocation, folderLocation } from './location.ts';
import { createPipeline, type RunPipeline } from './pipeline.ts';
import { createPool, type PoolOptions, translated } from './pool.ts';

export type DatabaseOptions = {
  /** DATABASE_URL; null starts the embedded engine in `directory`. */
  readonly url: string | null;
  readonly directory: string;
  readonly log: Log;
};

export type Role = 'owner' | Door;

export type Database = {
  readonly engine: 'embedded' | 'external';
  /** Where it lies or how it is reached, in one line without a secret. A copy of the database has another one. */
  readonly location: string;
  /** The pool of a role, made at first use and shared. Most callers want `Doors` instead. */
  readonly pool: (role: Role) => pg.Pool;
  /** Reads through the tenants' door on connections that can only read. */
  readonly read: RunPipeline;
  /** Writes through the tenants' door in one round trip. */
  readonly write: RunPipeline;
  /** A connection of its own as the owner, without statement timeout: for migrations and other long work. */
  readonly ownerSession: <T>(work: (client: pg.Client) => Promise<T>) => Promise<T>;
  /** Resolves when the embedded server ended without being asked; never for an external one. */
  readonly lost: Promise<void>;
  /** Ends all connections, then stops the embedded server. May be called again. */
  readonly close: () => Promise<void>;
};

/** How to sign in as each role. `startup` are settings that the session begins with. */
export type Logins = {
  readonly login: (role: Role) => pg.ClientConfig;
  readonly startup: (role: Role) => readonly string[];
};

const sizes: Record<Role, Pick<PoolOptions, 'max' | 'statementTimeoutMs' | 'readOnly'>> = {
  app: { max: 20, statementTimeoutMs: 15_000, readOnly: false },
  scheduler: { max: 6, statementTimeoutMs: 15_000, readOnly: false },
  locator: { max: 6, statementTimeoutMs: 5_000, readOnly: true },
  accounts: { max: 6, statementTimeoutMs: 15_000, readOnly: false },
  owner: { max: 8, statementTimeoutMs: 60_000, readOnly: false },
};

const readerSize: Pick<PoolOptions, 'max' | 'statementTimeoutMs' | 'readOnly'> = {
  max: 8,
  statementTimeoutMs: 5_000,
  readOnly: true,
};

// Plans for the very values would be made anew each time and cost more than the statement.
const planOnce = ['plan_cache_mode=force_generic_plan', 'jit=off'] as const;

const writerSize: Pick<PoolOptions, 'max' | 'statementTimeoutMs' | 'readOnly'> = {
  max: 8,
  statementTimeoutMs: 15_000,
  readOnly: false,
};

/** Throws a `cannot_start` Fault of one line when this database cannot serve. */
export async function openDatabase(options: DatabaseOptions): Promise<Database> {
  return options.url === null
    ? openEmbedded({ directory: options.directory, log: options.log })
    : openExternal(options.url, options.log);
}

export async function openEmbedded(options: EmbeddedOptions): Promise<Database & { server: EmbeddedServer }> {
  const server = await startEmbedded(options);
  const logins: Logins = { login: server.login, startup: () => [] };
  const location = await folderLocation(server.cluster).catch(async (error: unknown) => {
    await server.stop();
    throw error;
  });
  const pools = connect('embedded', logins, options.log);
  let closing: Promise<void> | null = null;
  const close = async (): Promise<void> => {
    try {
      await pools.close();
    } finally {
      await server.stop();
    }
  };
  const lost = new Promise<void>((resolve) => {
    void server.ended.then(() => {
      if (closing === null) resolve();
    });
  });
  return {
    ...pools,
    location,
    server,
    lost,
    close: () => {
      closing ??= close();
      return closing;
    },
  };
}

export async function openExternal(url: string, log: Log): Promise<Database> {
  const { login, startup } = loginOf(url);
  await prepareServer(login, startup);
  return connect('external', externalLogins(url), log);
}

/** One login for all; each session becomes its role before its first statement, and RESET ROLE returns to it. */
export function externalLogins(url: string): Logins {
  const { login, startup } = loginOf(url);
  return {
    login: () => login,
    startup: (role) => [...startup, `role=${role === 'owner' ? ownerRole : doorRoles[role]}`],
  };
}

/** The pools over given logins; the tests' databases come in here. */
export function connect(engine: Database['engine'], logins: Logins, log: Log): Database {
  const pools = new Map<Role, pg.Pool>();
  let closing: Promise<void> | null = null;
  const readers = createPool(logins.login('app'), [...logins.startup('app'), ...planOnce], {
    ...readerSize,
    name: 'reads',
    log,
  });
  const writers = createPool(logins.login('app'), [...logins.startup('app'), ...planOnce], {
    ...writerSize,
    name: 'writes',
    log,
  });
  const reads = createPipeline(readers, 2);
  const writes = createPipeline(writers, 2);
  const close = async (): Promise<void> => {
    reads.close();
    writes.close();
    await Promise.all([readers, writers, ...pools.values()].map((pool) => pool.end()));
  };
  return {
    engine,
    location: addressLocation(logins.login('owner')),
    pool: (role) => {
      const known = pools.get(role);
      if (known !== undefined) return known;
      const options = { ...sizes[role], name: role, log };
      const pool = createPool(logins.login(role), logins.startup(role), options);
      pools.set(role, pool);
      return pool;
    },
    read: reads.run,
    write: writes.run,
    ownerSession: (work) => ownerSession(logins, work),
    lost: new Promise(() => {}),
    close: () => {
      closing ??= close();
      return closing;
    },
  };
}

async function ownerSession<T>(logins: Logins, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const settings = [
    ...logins.startup('owner'),
    'timezone=UTC',
    'search_path=public',
    'client_min_messages=warning',
  ];
  const client = new pg.Client({
    ...logins.login('owner'),
    options: settings.map((setting) => `-c ${setting}`).join(' '),
    application_name: 'latchkey owner',
    connectionTimeoutMillis: 10_000,
  });
  // A lost connection fails the running query; unheard, the event would end the process as well.
  client.on('error', () => {});
  try {
    await translated(client.connect());
    return await work(client);
  } finally {
    await client.end().catch(() => {});
  }
}

/** A row with this key exists already; `constraint` narrows to one constraint or unique index. */
export function isUniqueViolation(error: unknown, constraint?: string): boolean {
  return violates(error, '23505', constraint);
}

/** A row that is referred to is missing, or a row still referred to would go. */
export function isForeignKeyViolation(error: unknown, constraint?: string): boolean {
  return violates(error, '23503', constraint) || violates(error, '23001', constraint);
}

/** A value that a CHECK forbids. */
export function isCheckViolation(error: unknown, constraint?: string): boolean {
  return violates(error, '23514', constraint);
}

/** The rows themselves are at fault (SQLSTATE classes 22, data exception, and 23, integrity constraint violation). */
export function isDataRefused(error: unknown): boolean {
  return error instanceof pg.DatabaseError && /^2[23]/.test(error.code ?? '');
}

function violates(error: unknown, state: string, constraint: string | undefined): boolean {
  return (
    error instanceof pg.DatabaseError &&
    error.code === state &&
    (constraint === undefined || error.constraint === constraint)
  );
}
