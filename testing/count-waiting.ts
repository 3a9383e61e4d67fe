// How many sessions of this database wait for a lock. Of `pg_locks`, which shows every role everything; others' sessions are
// hidden in `pg_stat_activity`.
import { sql } from 'kysely';
import type { TestHouse } from './test-house.ts';

/** Each time in a transaction of its own. */
export async function countWaiting(house: Pick<TestHouse, 'doors' | 'tenant'>): Promise<number> {
  const found = await house.doors.withTenant(house.tenant, (tx) =>
    // A lock on a transaction names no database; whoever waits for it holds others that do.
    sql<{ count: number }>`
      select count(distinct w.pid)::int as count from pg_locks w
      join pg_locks held on held.pid = w.pid
      join pg_database d on d.oid = held.database and d.datname = current_database()
      where not w.granted`.execute(tx),
  );
  return found.rows[0]?.count ?? 0;
}
