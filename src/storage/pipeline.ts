// Hot paths, with as little between caller and server as the protocol allows: all statements are executed in one round trip,
// which the server takes as one transaction; a statement is described to nobody (its caller knows the columns), rows come
// as the texts that the server sent, and connections stay at hand, with the tenant that was set on them last.
import type pg from 'pg';
import { isUuid, type TenantId } from '../kernel/ids.ts';
import { answerLimitMs, cutOffAfter, translate, translated } from './pool.ts';

/** A statement that the server plans once per connection. `name` must be unique for its text. */
export type PreparedStatement = {
  readonly name: string;
  readonly text: string;
  /** As PostgreSQL writes them. */
  readonly values: readonly (string | null)[];
};

/** The columns in their order, as PostgreSQL writes them. */
export type TextRow = readonly (string | null)[];

/** The rows of each statement. Null = no tenant: row-level security shows no tenant's rows. */
export type RunPipeline = (
  tenant: TenantId | null,
  statements: readonly PreparedStatement[],
) => Promise<readonly (readonly TextRow[])[]>;

/**
 * `maxKept` connections stay at hand; others go back to the pool, which closes what nobody needs. Nobody else may take
 * connections of this pool: they have a tenant.
 */
export function createPipeline(
  pool: pg.Pool,
  maxKept: number,
): {
  readonly run: RunPipeline;
  /** Gives the connections back, so that the pool can end. */
  readonly close: () => void;
} {
  const kept: pg.PoolClient[] = [];
  /** Whose rows a connection shows; of a new one nobody knows. */
  const tenants = new WeakMap<pg.PoolClient, TenantId | null>();
  const limitMs = answerLimitMs(pool);
  let isClosed = false;
  pool.on('connect', (client) => {
    // Lost while it was kept: the next statement would fail on it.
    client.once('end', () => {
      const at = kept.indexOf(client);
      if (at !== -1) kept.splice(at, 1)[0]?.release(true);
    });
  });
  return {
    run: async (tenant, statements) => {
      if (tenant !== null && !isUuid(tenant)) throw new TypeError('a pipeline wants the id of a tenant');
      const client = kept.pop() ?? (await translated(pool.connect()));
      const isSet = tenants.get(client) === tenant;
      const cutOff = cutOffAfter(client, limitMs);
      try {
        const results = await send(client, isSet ? statements : [settingTenant(tenant), ...statements]);
        tenants.set(client, tenant);
        if (isClosed || kept.length >= maxKept) client.release();
        else kept.push(client);
        return isSet ? results : results.slice(1);
      } catch (error) {
        // Closed: what is parsed on it, and whose rows it shows, is no longer certain.
        client.release(true);
        throw translate(error);
      } finally {
        clearInterval(cutOff);
      }
    },
    close: () => {
      isClosed = true;
      for (const client of kept.splice(0)) client.release();
    },
  };
}

/** Holds from the next statement on, unless the transaction fails. */
function settingTenant(tenant: TenantId | null): PreparedStatement {
  const text = `select set_config('latchkey.tenant_id', $1, false)`;
  return { name: 'set_tenant', text, values: [tenant ?? ''] };
}

function send(
  client: pg.PoolClient,
  statements: readonly PreparedStatement[],
): Promise<readonly (readonly TextRow[])[]> {
  return new Promise((resolve, reject) => {
    client.query(new Pipeline(statements, resolve, reject));
  });
}

/** What the driver's own queries use of a connection. Each message goes out through `_send`. */
type Wire = pg.Connection & {
  readonly stream: { readonly write: (bytes: Buffer) => boolean };
  readonly parse: (statement: { readonly name: string; readonly text: string }) => void;
  readonly bind: (bound: { readonly statement: string; readonly values: readonly (string | null)[] }) => void;
  readonly execute: (options: object) => void;
  readonly sync: () => void;
};

/** Names of the statements that a connection's server has parsed. Connections on which something failed are closed. */
const parsedOn = new WeakMap<pg.Connection, Set<string>>();

/**
 * In the form in which the driver takes queries from outside (as pg-cursor and pg-query-stream do). Between two Syncs the
 * extended protocol executes any number of statements in one transaction.
 */
class Pipeline {
  readonly #statements: readonly PreparedStatement[];
  readonly #resolve: (results: readonly (readonly TextRow[])[]) => void;
  readonly #reject: (error: Error) => void;
  readonly #results: (readonly TextRow[])[] = [];
  #rows: TextRow[] = [];

  constructor(
    statements: readonly PreparedStatement[],
    resolve: (results: readonly (readonly TextRow[])[]) => void,
    reject: (error: Error) => void,
  ) {
    this.#statements = statements;
    this.#resolve = resolve;
    this.#reject = reject;
  }

  submit(connection: pg.Connection): null {
    const wire = connection as Wire;
    const parsed = parsedOn.get(connection) ?? new Set();
    parsedOn.set(connection, parsed);
    // One write for all messages: each of its own would cost a system call's worth of bookkeeping.
    const messages: Buffer[] = [];
    const gathering = { _send: (message: Buffer) => messages.push(message) };
    for (const { name, text, values } of this.#statements) {
      if (!parsed.has(name)) wire.parse.call(gathering, { name, text });
      parsed.add(name);
      wire.bind.call(gathering, { statement: name, values });
      wire.execute.call(gathering, {});
    }
    wire.sync.call(gathering);
    wire.stream.write(Buffer.concat(messages));
    return null;
  }

  handleDataRow(message: { readonly fields: TextRow }): void {
    this.#rows.push(message.fields);
  }

  handleCommandComplete(): void {
    this.#results.push(this.#rows);
    this.#rows = [];
  }

  handleReadyForQuery(): void {
    this.#resolve(this.#results);
  }

  handleError(error: Error): void {
    this.#reject(error);
  }
}
