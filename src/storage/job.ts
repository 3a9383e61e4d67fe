// Queues work in the transaction of the change that wants it: the job commits or vanishes with the change.
import { sql } from 'kysely';
import type { Tx } from './doors.ts';

/** Ids and small facts only: the queue's tables are readable by operators, so nothing secret and no documents. */
export type JobPayload = Readonly<Record<string, string | number>>;

export type JobOptions = {
  /** Not before this time. */
  readonly runAt?: Date;
  /** A waiting job with the same key is replaced; one that runs is left alone and this one runs afterwards. */
  readonly jobKey?: string;
  /** Tries before the job is given up; 25 unless said. */
  readonly maxAttempts?: number;
};

/**
 * Queues a job for the handler called `name`. Within a tenant's transaction the payload's `tenantId` is set to that
 * tenant by the database, so a job cannot be made for another one.
 */
export async function enqueue(
  tx: Tx,
  name: string,
  payload: JobPayload,
  options: JobOptions = {},
): Promise<void> {
  const { runAt = null, jobKey = null, maxAttempts = null } = options;
  await sql`select latchkey_enqueue(${name}, ${JSON.stringify(payload)}::json, ${runAt}::timestamptz,
    ${jobKey}::text, ${maxAttempts}::integer)`.execute(tx);
}
