// SQL of what a scrape of the metrics counts: through the scheduler's door, each part bounded and led by a partial index.
// By the time of the statement: an index is not searched with clock_timestamp(), which may change from row to row.
import { sql } from 'kysely';
import type { Tx } from '../storage/doors.ts';

export type RefreshCounts = {
  readonly databaseMs: number;
  readonly due: number;
  /** Null when nothing is due. */
  readonly oldestDueSeconds: number | null;
  readonly armedLong: number;
  readonly degraded: number;
  readonly needsReauth: number;
  readonly refreshTokensEndingIn7Days: number;
  readonly refreshTokensEndingIn1Day: number;
  readonly brokenClients: number;
  readonly processes: number;
  readonly unchained: number;
};

/** More than this many is said as this many. */
const countedAtMost = 100_000;

/** `armedSeconds`: how long an attempt may be armed; `slackSeconds`: what its deadline adds to its start. */
export async function selectRefreshCounts(
  tx: Tx,
  of: { readonly armedSeconds: number; readonly slackSeconds: number; readonly deadAfterSeconds: number },
): Promise<RefreshCounts> {
  const most = sql.raw(String(countedAtMost));
  const due = sql`state in ('active', 'degraded') and refresh_due_at is not null and attempt_id is null
    and refresh_due_at <= statement_timestamp()`;
  const ending = (days: number) => sql`(select count(*) from (select 1 from oauth_grant
    where refresh_expires_at is not null and state in ('active', 'degraded')
      and refresh_expires_at <= statement_timestamp() + make_interval(days => ${days}) limit ${most}) ending)`;
  const found = await sql<RefreshCounts>`
    select extract(epoch from statement_timestamp())::double precision * 1000 as "databaseMs",
      (select count(*) from (select 1 from oauth_grant where ${due} limit ${most}) due) as due,
      (select extract(epoch from statement_timestamp() - min(refresh_due_at))::double precision from oauth_grant
        where ${due}) as "oldestDueSeconds",
      (select count(*) from (select 1 from oauth_grant where attempt_id is not null and attempt_deadline
        < statement_timestamp() - make_interval(secs => ${of.armedSeconds - of.slackSeconds}) limit ${most}) armed) as "armedLong",
      (select count(*) from (select 1 from oauth_grant where state = 'degraded' limit ${most}) unwell) as degraded,
      (select count(*) from (select 1 from oauth_grant where state = 'needs_reauth' limit ${most}) over) as "needsReauth",
      ${ending(7)} as "refreshTokensEndingIn7Days", ${ending(1)} as "refreshTokensEndingIn1Day",
      (select count(*) from (select 1 from auth_client where broken_since is not null limit ${most}) broken) as "brokenClients",
      (select count(*) from process where not drained
        and heartbeat_at > statement_timestamp() - make_interval(secs => ${of.deadAfterSeconds})) as processes,
      (select count(*) from (select 1 from audit_unchained limit ${most}) waiting) as unchained`.execute(tx);
  const row = found.rows[0];
  if (row === undefined) throw new TypeError('one row was asked for');
  return row;
}

export type SoonestExpiry = {
  readonly providerKey: string;
  /** Until the first token of a living grant expires; below zero when it has. */
  readonly minSecondsToExpiry: number;
};

/**
 * Of the grants that are most in danger: those that fail, the soonest end first, and those that wait to be refreshed, the
 * longest wait first. A token that is refreshed in time is in neither, and lives long enough. Parked grants are not meant to
 * have a living token.
 */
export async function selectSoonestExpiries(tx: Tx): Promise<readonly SoonestExpiry[]> {
  const found = await sql<SoonestExpiry>`
    select coalesce(provider_key, '') as "providerKey",
      extract(epoch from min(expires_at) - statement_timestamp())::double precision as "minSecondsToExpiry"
    from ((select provider_key, expires_at from oauth_grant
        where state = 'degraded' and expires_at is not null and refresh_due_at is not null order by expires_at limit 1000)
      union all
      (select provider_key, expires_at from oauth_grant
        where state in ('active', 'degraded') and refresh_due_at is not null and attempt_id is null
          and refresh_due_at <= statement_timestamp() and expires_at > refresh_due_at
        order by refresh_due_at limit 1000)) endangered
    group by 1`.execute(tx);
  return found.rows;
}

export async function selectPausedProviders(tx: Tx): Promise<readonly string[]> {
  const found = await sql<{ providerKey: string }>`
    select provider_key as "providerKey" from provider_gauge where state <> 'closed' or incident_at is not null limit 10000`.execute(
    tx,
  );
  return found.rows.map((row) => row.providerKey);
}
