// SQL of grants. Only grant.ts calls it: nobody else writes this table. Every commit compares (consent_no, token_no).
// Leases use clock_timestamp(): now() stands still within a transaction.
import { sql } from 'kysely';
import type { AuthClientId, CredentialId, TenantId, UnitId } from '../kernel/ids.ts';
import type { Tx } from '../storage/doors.ts';
import type { Sealed } from '../vault/sealed.ts';
import { learnedSeconds } from './learned-lifetime-store.ts';
import type { RegistrationId } from './registration-store.ts';

export type GrantState =
  | 'pending'
  | 'pending_confirmation'
  | 'active'
  | 'degraded'
  | 'needs_reauth'
  | 'disconnected'
  | 'static';

export type GrantRow = {
  readonly tenantId: TenantId;
  readonly credentialId: CredentialId;
  readonly registrationId: RegistrationId | null;
  readonly mintedByTenantId: TenantId | null;
  readonly mintedBy: AuthClientId | null;
  readonly providerKey: string | null;
  readonly consentNo: number;
  readonly tokenNo: number;
  readonly state: GrantState;
  readonly ct: Sealed | null;
  readonly issuedAt: Date | null;
  readonly expiresAt: Date | null;
  readonly refreshExpiresAt: Date | null;
  readonly expiryAssumed: boolean;
  readonly refreshDueAt: Date | null;
  readonly refreshedAt: Date | null;
  readonly attemptId: string | null;
  readonly attemptOwner: string | null;
  readonly attemptDeadline: Date | null;
  readonly outcomeUnknown: boolean;
  readonly failCount: number;
  readonly suspectSince: Date | null;
  readonly lastErrorCode: string | null;
  readonly lastError: string | null;
  readonly lastErrorAt: Date | null;
  readonly accountRef: Buffer | null;
  readonly accountLabel: string | null;
  readonly grantedScope: string | null;
  /** To some minutes; null when never. */
  readonly lastUsedAt: Date | null;
  /** See `learned-lifetime.ts`. */
  readonly learnedSeconds: number | null;
};

const grantColumns = sql`
  g.tenant_id as "tenantId", g.credential_id as "credentialId", g.registration_id as "registrationId",
  g.minted_by_tenant_id as "mintedByTenantId", g.minted_by as "mintedBy", g.provider_key as "providerKey",
  g.consent_no as "consentNo", g.token_no as "tokenNo", g.state, g.ct, g.issued_at as "issuedAt",
  g.expires_at as "expiresAt", g.refresh_expires_at as "refreshExpiresAt", g.expiry_assumed as "expiryAssumed",
  g.refresh_due_at as "refreshDueAt", g.refreshed_at as "refreshedAt", g.attempt_id as "attemptId",
  g.attempt_owner as "attemptOwner", g.attempt_deadline as "attemptDeadline", g.outcome_unknown as "outcomeUnknown",
  g.fail_count as "failCount", g.suspect_since as "suspectSince", g.last_error_code as "lastErrorCode",
  g.last_error as "lastError", g.last_error_at as "lastErrorAt", g.account_ref as "accountRef",
  g.account_label as "accountLabel", g.granted_scope as "grantedScope",
  (select u.last_used_at from grant_use u
    where u.tenant_id = g.tenant_id and u.credential_id = g.credential_id) as "lastUsedAt",
  (select ${learnedSeconds} from learned_lifetime l
    where l.tenant_id = g.tenant_id and l.provider_key = g.provider_key) as "learnedSeconds"`;

export async function insertPendingGrant(
  tx: Tx,
  tenantId: TenantId,
  credentialId: CredentialId,
): Promise<void> {
  await sql`
    insert into oauth_grant (tenant_id, credential_id, state) values (${tenantId}, ${credentialId}, 'pending')`.execute(
    tx,
  );
}

export async function selectGrant(tx: Tx, credentialId: CredentialId): Promise<GrantRow | null> {
  const found = await sql<GrantRow>`
    select ${grantColumns} from oauth_grant g
    where g.tenant_id = latchkey_tenant() and g.credential_id = ${credentialId}`.execute(tx);
  return found.rows[0] ?? null;
}

/** An attempt ended without anybody knowing what came of it, and the provider may still be at it. */
export async function mayBeExecuting(tx: Tx, credentialId: CredentialId): Promise<boolean> {
  const found = await sql`
    select 1 from oauth_grant where tenant_id = latchkey_tenant() and credential_id = ${credentialId}
      and outcome_unknown and refresh_due_at > clock_timestamp()`.execute(tx);
  return found.rows.length > 0;
}

export async function selectGrantForUpdate(tx: Tx, credentialId: CredentialId): Promise<GrantRow | null> {
  const found = await sql<GrantRow>`
    select ${grantColumns} from oauth_grant g
    where g.tenant_id = latchkey_tenant() and g.credential_id = ${credentialId} for update`.execute(tx);
  return found.rows[0] ?? null;
}

export type ConsentWrite = {
  readonly expectedConsentNo: number;
  readonly ct: Sealed;
  readonly state: 'active' | 'static';
  readonly registrationId: RegistrationId | null;
  readonly mintedByTenantId: TenantId | null;
  readonly mintedBy: AuthClientId | null;
  readonly providerKey: string | null;
  readonly issuedAt: Date;
  readonly expiresAt: Date | null;
  readonly refreshExpiresAt: Date | null;
  readonly expiryAssumed: boolean;
  readonly refreshDueAt: Date | null;
  readonly accountRef: Buffer | null;
  readonly accountLabel: string | null;
  readonly grantedScope: string | null;
};

/** Replaces the token set. False when another consent or a disconnect came first. */
export async function writeConsent(
  tx: Tx,
  credentialId: CredentialId,
  write: ConsentWrite,
): Promise<boolean> {
  const changed = await sql`
    update oauth_grant set consent_no = consent_no + 1, token_no = token_no + 1, state = ${write.state}, ct = ${write.ct},
      registration_id = ${write.registrationId}, minted_by_tenant_id = ${write.mintedByTenantId}, minted_by = ${write.mintedBy},
      provider_key = ${write.providerKey}, issued_at = ${write.issuedAt}, expires_at = ${write.expiresAt},
      refresh_expires_at = ${write.refreshExpiresAt}, expiry_assumed = ${write.expiryAssumed},
      refresh_due_at = ${write.refreshDueAt}, refreshed_at = null, attempt_id = null, attempt_owner = null,
      attempt_deadline = null, outcome_unknown = false, fail_count = 0, suspect_since = null, last_error_code = null,
      last_error = null, last_error_at = null, account_ref = ${write.accountRef}, account_label = ${write.accountLabel},
      granted_scope = ${write.grantedScope}
    where tenant_id = latchkey_tenant() and credential_id = ${credentialId} and consent_no = ${write.expectedConsentNo}`.execute(
    tx,
  );
  return changed.numAffectedRows === 1n;
}

/** Marks that a consent awaits confirmation; only a grant without tokens shows it. */
export async function markAwaitingConfirmation(
  tx: Tx,
  credentialId: CredentialId,
  awaiting: boolean,
): Promise<void> {
  const [from, to] = awaiting ? ['pending', 'pending_confirmation'] : ['pending_confirmation', 'pending'];
  await sql`
    update oauth_grant set state = ${to}
    where tenant_id = latchkey_tenant() and credential_id = ${credentialId} and state = ${from}`.execute(tx);
}

export async function writeDisconnect(tx: Tx, credentialId: CredentialId): Promise<boolean> {
  const changed = await sql`
    update oauth_grant set consent_no = consent_no + 1, state = 'disconnected', ct = null, issued_at = null,
      expires_at = null, refresh_expires_at = null, refresh_due_at = null, attempt_id = null, attempt_owner = null,
      attempt_deadline = null, outcome_unknown = false, fail_count = 0, suspect_since = null, account_ref = null,
      account_label = null, granted_scope = null, expiry_assumed = false, refreshed_at = null, last_error_code = null,
      last_error = null, last_error_at = null
    where tenant_id = latchkey_tenant() and credential_id = ${credentialId} and state <> 'disconnected'`.execute(
    tx,
  );
  return changed.numAffectedRows === 1n;
}

export type Attempt = {
  readonly attemptId: string;
  readonly processId: string;
  readonly deadlineSeconds: number;
};

/**
 * Arms one grant before anything is sent. Null when it is armed already, not refreshable, told to wait
 * (a failure’s backoff, or an unknown outcome that may not have settled), or no longer as it was `seen`:
 * whoever asks on the ground of an older token has got a newer one in the meantime.
 */
export async function armGrant(
  tx: Tx,
  credentialId: CredentialId,
  attempt: Attempt,
  seen: Pick<GrantRow, 'consentNo' | 'tokenNo'>,
): Promise<GrantRow | null> {
  const armed = await sql<GrantRow>`
    update oauth_grant g set attempt_id = ${attempt.attemptId}, attempt_owner = ${attempt.processId},
      attempt_deadline = clock_timestamp() + make_interval(secs => ${attempt.deadlineSeconds})
    where g.tenant_id = latchkey_tenant() and g.credential_id = ${credentialId} and g.attempt_id is null
      and g.consent_no = ${seen.consentNo} and g.token_no = ${seen.tokenNo}
      and g.state in ('active', 'degraded') and g.ct is not null and g.refresh_due_at is not null
      and (g.refresh_due_at <= clock_timestamp() or (g.fail_count = 0 and not g.outcome_unknown))
    returning ${grantColumns}`.execute(tx);
  return armed.rows[0] ?? null;
}

/** The armed grants of these claims; those that no longer stand (consent, disconnect, take-over) are missing. */
export async function selectArmedGrants(
  tx: Tx,
  claims: readonly { readonly credentialId: CredentialId; readonly attemptId: string }[],
): Promise<readonly GrantRow[]> {
  const found = await sql<GrantRow>`
    select ${grantColumns} from oauth_grant g
    where g.tenant_id = latchkey_tenant() and g.credential_id = any(${claims.map((one) => one.credentialId)}::uuid[])
      and g.attempt_id = any(${claims.map((one) => one.attemptId)}::uuid[])`.execute(tx);
  return found.rows;
}

export type FailureWrite = {
  readonly attemptId: string;
  readonly consentNo: number;
  readonly tokenNo: number;
  readonly state: 'active' | 'degraded' | 'needs_reauth';
  /** Seconds from now, or null = never again by itself. */
  readonly retryAfterSeconds: number | null;
  /** True: the request may have been executed; the retry waits until the deadline and `settleSeconds` are over. */
  readonly outcomeUnknown: boolean;
  readonly settleSeconds: number;
  readonly isSuspect: boolean;
  readonly errorCode: string;
  readonly errorText: string;
};

export async function failRefresh(tx: Tx, credentialId: CredentialId, write: FailureWrite): Promise<boolean> {
  const delay = sql`clock_timestamp() + make_interval(secs => ${write.retryAfterSeconds}::double precision)`;
  const dueAt =
    write.retryAfterSeconds === null
      ? sql`null::timestamptz`
      : write.outcomeUnknown
        ? sql`greatest(attempt_deadline + make_interval(secs => ${write.settleSeconds}), ${delay})`
        : delay;
  const changed = await sql`
    update oauth_grant set state = ${write.state}, refresh_due_at = ${dueAt}, fail_count = fail_count + 1,
      outcome_unknown = outcome_unknown or ${write.outcomeUnknown},
      suspect_since = case when ${write.isSuspect} then coalesce(suspect_since, clock_timestamp()) else suspect_since end,
      last_error_code = ${write.errorCode}, last_error = ${write.errorText}, last_error_at = clock_timestamp(),
      attempt_id = null, attempt_owner = null, attempt_deadline = null
    where tenant_id = latchkey_tenant() and credential_id = ${credentialId} and attempt_id = ${write.attemptId}
      and consent_no = ${write.consentNo} and token_no = ${write.tokenNo}`.execute(tx);
  return changed.numAffectedRows === 1n;
}

/** Gives an attempt back of which nothing was sent. */
export async function releaseAttempt(
  tx: Tx,
  credentialId: CredentialId,
  attemptId: string,
  retryAfterSeconds: number,
): Promise<void> {
  await sql`
    update oauth_grant set attempt_id = null, attempt_owner = null, attempt_deadline = null,
      refresh_due_at = clock_timestamp() + make_interval(secs => ${retryAfterSeconds})
    where tenant_id = latchkey_tenant() and credential_id = ${credentialId} and attempt_id = ${attemptId}`.execute(
    tx,
  );
}

/**
 * Takes over attempts whose owner's heartbeat is gone, never by time alone: a paused process may still hold the
 * provider's answer. The retry waits until the deadline and `settleSeconds` have passed. Our own attempts are taken back when they are
 * so old that nothing of ours can still be working on them. Through the scheduler's door.
 */
export async function recoverArmedGrants(
  tx: Tx,
  by: {
    readonly processId: string;
    /** Attempts of ours whose answer is still to be committed. */
    readonly held: readonly string[];
    readonly settleSeconds: number;
    readonly heartbeatSeconds: number;
    readonly ownAfterSeconds: number;
    readonly spreadSeconds: number;
  },
): Promise<number> {
  const recovered = await sql`
    with recovered as (
      update oauth_grant g set attempt_id = null, attempt_owner = null, attempt_deadline = null, outcome_unknown = true,
        refresh_due_at = clock_timestamp() + random() * make_interval(secs => ${by.spreadSeconds})
      where g.attempt_deadline < clock_timestamp() - make_interval(secs => ${by.settleSeconds})
        and (not exists (select 1 from process p where p.id = g.attempt_owner
            and p.heartbeat_at > clock_timestamp() - make_interval(secs => ${by.heartbeatSeconds}))
          or (g.attempt_owner = ${by.processId} and g.attempt_id <> all(${[...by.held]}::uuid[])
            and g.attempt_deadline < clock_timestamp() - make_interval(secs => ${by.ownAfterSeconds})))
      returning g.tenant_id, g.credential_id)
    insert into grant_day as d (tenant_id, credential_id, day, taken_over, last_taken_over_at)
    select tenant_id, credential_id, (clock_timestamp() at time zone 'UTC')::date, 1, clock_timestamp() from recovered
    on conflict (tenant_id, credential_id, day) do update
      set taken_over = d.taken_over + 1, last_taken_over_at = excluded.last_taken_over_at`.execute(tx);
  return Number(recovered.numAffectedRows ?? 0n);
}

export type AccountKey = { readonly registrationId: RegistrationId; readonly accountRef: Buffer };

/**
 * Until the end of the transaction nobody else counts or ends grants of this account: two that end together would each
 * see the other alive, and the provider would be told of neither.
 */
export async function lockAccount(tx: Tx, { registrationId, accountRef }: AccountKey): Promise<void> {
  const key = `${registrationId}:${accountRef.toString('hex')}`;
  await sql`select pg_advisory_xact_lock(hashtextextended(${key}, 0))`.execute(tx);
}

/** Other live grants of the same registration and provider account: revoking one may end them all. */
export async function countLiveSiblings(
  tx: Tx,
  grant: AccountKey & { readonly credentialId: CredentialId },
): Promise<number> {
  const found = await sql<{ total: number }>`
    select count(*) as total from oauth_grant
    where tenant_id = latchkey_tenant() and registration_id = ${grant.registrationId}
      and account_ref = ${grant.accountRef} and credential_id <> ${grant.credentialId}
      and state in ('active', 'degraded', 'static')`.execute(tx);
  return found.rows[0]?.total ?? 0;
}

/** What waits because its client was refused is tried again soon; who waits for another reason goes on waiting. */
export async function hastenGrants(tx: Tx, mintedBy: AuthClientId, spreadSeconds: number): Promise<void> {
  await sql`
    update oauth_grant set refresh_due_at = clock_timestamp() + random() * make_interval(secs => ${spreadSeconds})
    where tenant_id = latchkey_tenant() and minted_by = ${mintedBy} and state = 'degraded' and attempt_id is null
      and not outcome_unknown and refresh_due_at > clock_timestamp() + make_interval(secs => ${spreadSeconds})`.execute(
    tx,
  );
}

/** Credentials of a unit and of the units beneath it that hold tokens. */
export async function selectConnectedWithin(tx: Tx, unitId: UnitId): Promise<readonly CredentialId[]> {
  const found = await sql<{ id: CredentialId }>`
    select c.id from oauth_grant g
    join credential c on c.tenant_id = g.tenant_id and c.id = g.credential_id
    join unit u on u.tenant_id = c.tenant_id and u.id = c.unit_id
    where g.tenant_id = latchkey_tenant() and g.ct is not null and (u.id = ${unitId} or u.parent_id = ${unitId})
    order by c.id`.execute(tx);
  return found.rows.map((row) => row.id);
}
