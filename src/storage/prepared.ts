// Prepared statements of the hot path, with as little between caller and server as the protocol allows: a statement is
// described to nobody (its caller knows the columns), rows come as the texts that the server sent, and connections stay
// at hand. On connections of their own, which can only read: a burst of transactions does not hold reads up.
import type pg from 'pg';
import { translated } from './pool.ts';

/** A statement that the server plans once per connection. `name` must be unique for its text. */
export type PreparedStatement = {
  readonly name: string;
  readonly text: string;
  /** As PostgreSQL writes them. */
  readonly values: readonly (string | null)[];
};

/** The columns in their order, as PostgreSQL writes them. */
export type TextRow = readonly (string | null)[];

export type RunPrepared = (statement: PreparedStatement) => Promise<readonly TextRow[]>;

/** Others go back to the pool, which closes what nobody needs. */
const maxKept = 2;

export function createRunPrepared(pool: pg.Pool): {
  readonly run: RunPrepared;
  /** Gives the connections back, so that the pool can end. */
  readonly close: () => void;
} {
  const kept: pg.PoolClient[] = [];
  let isClosed = false;
  pool.on('connect', (client) => {
    // Lost while it was kept: the next statement would fail on it.
    client.once('end', () => {
      const at = kept.indexOf(client);
      if (at !== -1) kept.splice(at, 1)[0]?.release(true);
    });
  });
  return {
    run: async (statement) => {
      const client = kept.pop() ?? (await translated(pool.connect()));
      try {
        const rows = await translated(send(client, statement));
        if (isClosed || kept.length >= maxKept) client.release();
        else kept.push(client);
        return rows;
      } catch (error) {
        client.release(true);
        throw error;
      }
    },
    close: () => {
      isClosed = true;
      for (const client of kept.splice(0)) client.release();
    },
  };
}

function send(client: pg.PoolClient, statement: PreparedStatement): Promise<readonly TextRow[]> {
  return new Promise((resolve, reject) => {
    client.query(new PreparedQuery(statement, resolve, reject));
  });
}

/** What the driver's own queries use of a connection. */
type Wire = {
  readonly stream: { readonly cork: () => void; readonly uncork: () => void };
  readonly parsedStatements: Readonly<Record<string, string | undefined>>;
  readonly parse: (statement: { readonly name: string; readonly text: string }) => void;
  readonly bind: (bound: { readonly statement: string; readonly values: readonly (string | null)[] }) => void;
  readonly execute: (options: object) => void;
  readonly sync: () => void;
};

/** In the form in which the driver takes queries from outside (as pg-cursor and pg-query-stream do). */
class PreparedQuery {
  /** Read by the driver, which remembers under it that the statement was parsed. */
  readonly name: string;
  readonly text: string;
  readonly #values: PreparedStatement['values'];
  readonly #resolve: (rows: readonly TextRow[]) => void;
  readonly #reject: (error: Error) => void;
  readonly #rows: TextRow[] = [];

  constructor(
    statement: PreparedStatement,
    resolve: (rows: readonly TextRow[]) => void,
    reject: (error: Error) => void,
  ) {
    this.name = statement.name;
    this.text = statement.text;
    this.#values = statement.values;
    this.#resolve = resolve;
    this.#reject = reject;
  }

  submit(connection: pg.Connection): null {
    const wire = connection as unknown as Wire;
    wire.stream.cork();
    if (wire.parsedStatements[this.name] === undefined) wire.parse({ name: this.name, text: this.text });
    wire.bind({ statement: this.name, values: this.#values });
    wire.execute({});
    wire.sync();
    wire.stream.uncork();
    return null;
  }

  handleDataRow(message: { readonly fields: TextRow }): void {
    this.#rows.push(message.fields);
  }

  handleCommandComplete(): void {}

  handleReadyForQuery(): void {
    this.#resolve(this.#rows);
  }

  handleError(error: Error): void {
    this.#reject(error);
  }
}
