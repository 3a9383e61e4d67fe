// Connections of one door: how values come back, how long a statement may take, and which errors mean "the database
// is away" (a Fault `unavailable`) rather than something about the statement.
import type { PostgresPool, PostgresPoolClient } from 'kysely';
import pg from 'pg';
import { Fault } from '../kernel/fault.ts';
import { errorFields, type Log } from '../kernel/log.ts';

export type PoolOptions = {
  readonly max: number;
  readonly statementTimeoutMs: number;
  readonly readOnly: boolean;
  /** What the server shows in pg_stat_activity. */
  readonly name: string;
  readonly log: Log;
};

const parsers: Readonly<Record<number, (text: string) => unknown>> = {
  // Our counters stay far below 2^53; a string where a number is meant breaks comparisons silently.
  [pg.types.builtins.INT8]: (text) => {
    const value = Number(text);
    if (!Number.isSafeInteger(value)) throw new RangeError(`bigint ${text} is too large for a number`);
    return value;
  },
  // A day is a day; as a point in time it would be another one in every zone.
  [pg.types.builtins.DATE]: (text) => text,
};

const types: pg.CustomTypesConfig = {
  getTypeParser: (oid: number, format?: 'text' | 'binary') =>
    format !== 'binary' && parsers[oid] !== undefined
      ? parsers[oid]
      : pg.types.getTypeParser(oid, format === 'binary' ? 'binary' : 'text'),
};

/** Beyond what the server allows a statement. Then it, or the way to it, is gone without a word, and only we can end the wait. */
const graceMs = 2_000;
const answerLimits = new WeakMap<pg.Pool, number>();

/** How long a statement of this pool may go unanswered, in milliseconds. */
export function answerLimitMs(pool: pg.Pool): number {
  return answerLimits.get(pool) ?? 60_000;
}

/**
 * Cuts the connection off after `limitMs`, which fails whatever waits on it. Whoever got an answer clears the timer. Looks
 * twice: when we ourselves stood still, the answer is read in between.
 */
export function cutOffAfter(client: pg.ClientBase, limitMs: number): NodeJS.Timeout {
  let isSecondLook = false;
  return setInterval(() => {
    const { connection } = client as pg.ClientBase & { readonly connection: pg.Connection };
    if (isSecondLook) connection.stream.destroy(new Error('The database did not answer in time.'));
    isSecondLook = true;
  }, limitMs / 2);
}

/** Whoever asks, the job queue included. Pipelines, which are handed in as objects, limit themselves. */
function limitAnswers(client: pg.PoolClient, limitMs: number): void {
  const query: (...args: unknown[]) => unknown = client.query.bind(client);
  const limited = (...args: unknown[]): unknown => {
    if (isPipeline(args[0])) return query(...args);
    const cutOff = cutOffAfter(client, limitMs);
    const callback = args.at(-1);
    if (typeof callback === 'function') {
      args[args.length - 1] = (...answer: unknown[]) => {
        clearInterval(cutOff);
        callback(...answer);
      };
    }
    const answer = query(...args);
    if (answer instanceof Promise) {
      const done = () => clearInterval(cutOff);
      answer.then(done, done);
    }
    return answer;
  };
  client.query = limited as typeof client.query;
}

/** As the driver tells what comes from outside. */
function isPipeline(query: unknown): boolean {
  return typeof query === 'object' && query !== null && 'submit' in query;
}

/** `login` must not carry `options`; `startup` holds settings that the session starts with and RESET returns to. */
export function createPool(
  login: pg.ClientConfig,
  startup: readonly string[],
  options: PoolOptions,
): pg.Pool {
  const settings = [
    `statement_timeout=${options.statementTimeoutMs}`,
    'lock_timeout=5000',
    'idle_in_transaction_session_timeout=30000',
    'timezone=UTC',
    // The forms in which reads expect what they take as text.
    'datestyle=ISO',
    'bytea_output=hex',
    'search_path=public',
    'client_min_messages=warning',
    ...(options.readOnly ? ['default_transaction_read_only=on'] : []),
    ...startup,
  ];
  const pool = new pg.Pool({
    ...login,
    options: settings.map((setting) => `-c ${setting}`).join(' '),
    application_name: `latchkey ${options.name}`,
    types,
    max: options.max,
    connectionTimeoutMillis: 5_000,
    idleTimeoutMillis: 30_000,
    allowExitOnIdle: false,
    keepAlive: true,
    keepAliveInitialDelayMillis: 10_000,
  });
  answerLimits.set(pool, options.statementTimeoutMs + graceMs);
  // Without these two a lost connection would end the process: Node throws unheard 'error' events.
  pool.on('error', (error) => options.log.warn('database connection lost', errorFields(error)));
  pool.on('connect', (client) => {
    client.on('error', () => {});
    limitAnswers(client, answerLimitMs(pool));
  });
  return pool;
}

/** The pool as kysely sees it: errors translated, and a COMMIT that rolled back is an error, not a success. */
export function kyselyPool(pool: pg.Pool): PostgresPool {
  const wrapped = new WeakMap<pg.PoolClient, PostgresPoolClient>();
  return {
    connect: async () => {
      const client = await translated(pool.connect());
      const known = wrapped.get(client) ?? wrapClient(client);
      wrapped.set(client, known);
      return known;
    },
    end: async () => {},
  };
}

function wrapClient(client: pg.PoolClient): PostgresPoolClient {
  const query = async (text: string, values: readonly unknown[]): Promise<unknown> => {
    const result = await translated(client.query(text, [...values]));
    // PostgreSQL answers COMMIT of a failed transaction with a polite ROLLBACK: some caller swallowed an error.
    if (text === 'commit' && result.command === 'ROLLBACK') {
      throw new Error('The transaction had failed before its commit; nothing was stored.');
    }
    return result;
  };
  return { query, release: () => client.release() } as PostgresPoolClient;
}

/** Passes the answer on; errors are translated. */
export async function translated<T>(answer: Promise<T>): Promise<T> {
  try {
    return await answer;
  } catch (error) {
    throw translate(error);
  }
}

// Classes of SQLSTATE that say nothing about the statement: connection exceptions, insufficient resources, operator
// intervention (shutdown, statement_timeout), and a lock that was not free in time.
const awayStates = /^(08...|53...|57P0[1-5]|57014|55P03|25P03|58030)$/;

/** What to throw instead of an error of the driver. */
export function translate(error: unknown): unknown {
  if (error instanceof pg.DatabaseError) {
    return awayStates.test(error.code ?? '') ? away(error, error.code ?? '') : error;
  }
  // The driver reports lost connections as plain Errors or with the socket's errno; its TypeErrors are our bugs.
  if (error instanceof Error && !(error instanceof Fault)) {
    const errno = 'code' in error && typeof error.code === 'string' ? error.code : null;
    if (errno !== null || error.constructor === Error || error instanceof AggregateError) {
      return away(error, errno ?? 'connection lost');
    }
  }
  return error;
}

function away(cause: Error, detail: string): Fault {
  return new Fault('unavailable', 'The database does not answer.', {
    cure: 'Try again in a moment.',
    detail: `database: ${detail}`,
    retryAfterSeconds: 2,
    cause,
  });
}
