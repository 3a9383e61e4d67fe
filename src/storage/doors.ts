// The only ways to rows. Each door has its own role and its own pool; row-level security decides what it shows.

import { setTimeout as sleep } from 'node:timers/promises';
import { Kysely, PostgresDialect, sql, type Transaction } from 'kysely';
import pg from 'pg';
import { backoffMs } from '../kernel/backoff.ts';
import { isUuid, type TenantId } from '../kernel/ids.ts';
import type { Database, Role } from './database.ts';
import type { RunPipeline } from './pipeline.ts';
import { kyselyPool } from './pool.ts';
import type { Tables } from './tables.ts';

/** A running transaction. Everything done with it happens together or not at all. */
export type Tx = Transaction<Tables>;

/**
 * `work` runs in one transaction, committed when it resolves and rolled back when it throws. After a serialization
 * failure or a deadlock it runs again from the start, so it must not do anything outside of the database.
 * When the database is away, all of them throw a Fault `unavailable`.
 */
export type Doors = {
  /** Work on one tenant's rows. Rows of other tenants do not exist, except what the platform gives to everyone. */
  readonly withTenant: <T>(tenant: TenantId, work: (tx: Tx) => Promise<T>) => Promise<T>;
  /** Background loops over all tenants; sees scheduling columns only. */
  readonly asScheduler: <T>(work: (tx: Tx) => Promise<T>) => Promise<T>;
  /** Finds the tenant that something belongs to. Read only. */
  readonly locate: <T>(work: (tx: Tx) => Promise<T>) => Promise<T>;
  /** People's sign-in: persons and the schema of the sign-in library. */
  readonly asAccounts: <T>(work: (tx: Tx) => Promise<T>) => Promise<T>;
  /** Operator commands. Owns the tables and sees no tenant's rows, because row-level security is forced. */
  readonly asOwner: <T>(work: (tx: Tx) => Promise<T>) => Promise<T>;
  /** Statements on one tenant's rows in one round trip and one transaction, for the hot path. They cannot write. */
  readonly read: RunPipeline;
  /** The same for changes. */
  readonly write: RunPipeline;
  /** Ends the database with all its connections. */
  readonly close: () => Promise<void>;
};

export type DoorsOptions = {
  /** In [0, 1): spreads the retries of transactions that got in each other's way. */
  readonly random: () => number;
};

const tries = 4;
const retrySteps = { stepsMs: [10, 40, 120], jitter: 0.5 } as const;

export function createDoors(database: Database, { random }: DoorsOptions): Doors {
  const stores = new Map<Role, Kysely<Tables>>();
  const store = (role: Role): Kysely<Tables> => {
    const known = stores.get(role);
    if (known !== undefined) return known;
    const made = new Kysely<Tables>({
      dialect: new PostgresDialect({ pool: kyselyPool(database.pool(role)) }),
    });
    stores.set(role, made);
    return made;
  };
  const through =
    (role: Role) =>
    <T>(work: (tx: Tx) => Promise<T>): Promise<T> =>
      retrying(() => store(role).transaction().execute(work), random);

  return {
    withTenant: (tenant, work) => {
      if (!isUuid(tenant)) throw new TypeError('withTenant wants the id of a tenant');
      return through('app')(async (tx) => {
        await setTenant(tx, tenant);
        return work(tx);
      });
    },
    asScheduler: through('scheduler'),
    locate: through('locator'),
    asAccounts: through('accounts'),
    asOwner: through('owner'),
    read: database.read,
    write: database.write,
    close: database.close,
  };
}

/** Local to the transaction: the next one on the same connection starts without a tenant. */
async function setTenant(tx: Tx, tenant: TenantId): Promise<void> {
  await sql`select set_config('latchkey.tenant_id', ${tenant}, true)`.execute(tx);
}

async function retrying<T>(attempt: () => Promise<T>, random: () => number): Promise<T> {
  for (let failures = 1; ; failures += 1) {
    try {
      return await attempt();
    } catch (error) {
      if (failures >= tries || !isTransactionConflict(error)) throw error;
      await sleep(backoffMs(failures, { ...retrySteps, random }));
    }
  }
}

/** serialization_failure and deadlock_detected: the same work may succeed at once when tried again. */
function isTransactionConflict(error: unknown): boolean {
  return error instanceof pg.DatabaseError && (error.code === '40001' || error.code === '40P01');
}
