// Blows at the database of a chaos run. The embedded engine crashes for real: one of its backends dies by SIGKILL, and the
// server throws everybody out and recovers from its log. A server of somebody else's only loses our connections.
import pg from 'pg';
import type { FreshDatabase } from '../copied-database.ts';
import { administer } from '../database-server.ts';

/** cannot_connect_now */
const startingUp = '57P03';

export async function crashDatabase(database: FreshDatabase): Promise<void> {
  if (database.asSuperuser === null) {
    await administer(database.url ?? '', (client) =>
      client.query(`select pg_terminate_backend(pid) from pg_stat_activity
        where datname = current_database() and pid <> pg_backend_pid()`),
    );
    return;
  }
  const pid = await anyBackend(database.asSuperuser);
  if (pid !== null) process.kill(pid, 'SIGKILL');
}

/** Null while the server is still recovering from the blow before. */
async function anyBackend(asSuperuser: NonNullable<FreshDatabase['asSuperuser']>): Promise<number | null> {
  const asked = asSuperuser(async (client) => {
    const found = await client.query<{ pid: number }>(
      `select pid from pg_stat_activity where backend_type = 'client backend' and pid <> pg_backend_pid() limit 1`,
    );
    return found.rows[0]?.pid ?? null;
  });
  return await asked.catch((error: unknown) => {
    if (error instanceof pg.DatabaseError && error.code === startingUp) return null;
    throw error;
  });
}
