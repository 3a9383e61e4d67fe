// Reading a token. A fresh one costs one statement: no lock, no write, no call. One that is too old is refreshed once,
// however many ask; whoever waits does so for seconds at most, and a token that still lives is served when refreshing fails.
import { setTimeout as sleep } from 'node:timers/promises';
import type { StoredTokens } from '../credentials/grant.ts';
import { armGrant } from '../credentials/grant-store.ts';
import type { Clock } from '../kernel/clock.ts';
import { Fault, notFound } from '../kernel/fault.ts';
import { type CredentialId, newId, type TenantId } from '../kernel/ids.ts';
import { errorFields, type Log } from '../kernel/log.ts';
import type { Doors } from '../storage/doors.ts';
import type { GrantReading, ReadCredential, Reading } from './reading.ts';
import { type Armed, attemptDeadlineSeconds, type RefreshResult } from './refresh-one.ts';

/** What a reader gets when it does not say how long the token must live. */
export const defaultMinTtlSeconds = 60;
/** Below this a token counts as gone: it would expire on its way. */
const leastUsefulMs = 5_000;
/** Some clients give up after 10 s; we answer before. */
const maxWaitMs = 9_000;
/** A forced refresh within this time of the last one answers with the token that is already new. */
const freshForMs = 5_000;
const pollMs = [50, 100, 200, 400] as const;

export type ReadOptions = {
  readonly tenant: TenantId;
  readonly credentialId: CredentialId;
  readonly minTtlSeconds?: number;
};

export type TokenReading = Reading & {
  readonly grant: GrantReading & { readonly tokens: StoredTokens };
  /** The token lives, but shorter than asked for, because refreshing does not succeed. */
  readonly isDegraded: boolean;
};

export type TokenReader = {
  /** The credential as it stands; refreshed first only when its token is too old. Never throws for a grant's health. */
  readonly read: (options: ReadOptions) => Promise<Reading & { readonly isDegraded: boolean }>;
  /** A usable token, or a Fault: needs_authorization with the cure, or unavailable with Retry-After. */
  readonly readToken: (options: ReadOptions) => Promise<TokenReading>;
  /** Refreshes now, unless it has just been done or `knownToken` is not the current one any more. */
  readonly forceRefresh: (
    options: ReadOptions & { readonly knownToken?: string | null },
  ) => Promise<TokenReading>;
};

export function createTokenReader(deps: {
  readonly doors: Doors;
  readonly clock: Clock;
  readonly log: Log;
  readonly processId: string;
  readonly readCredential: ReadCredential;
  readonly refreshOne: (armed: Armed) => Promise<RefreshResult>;
}): TokenReader {
  const { doors, clock, log, readCredential } = deps;
  const flights = new Map<string, Promise<void>>();

  async function load(options: ReadOptions): Promise<Reading> {
    const reading = await readCredential(options.tenant, options.credentialId);
    if (reading === null) throw notFound('Credential');
    return reading;
  }

  const livesForMs = (grant: GrantReading): number =>
    grant.expiresAt === null ? Number.POSITIVE_INFINITY : grant.expiresAt.getTime() - clock.now().getTime();

  // A token that lives 30 s can never have 60 s left: asking for more than half of a life would refresh at every read.
  function isFresh(grant: GrantReading, minTtlSeconds: number): boolean {
    const lifeMs =
      grant.expiresAt === null || grant.issuedAt === null
        ? Number.POSITIVE_INFINITY
        : grant.expiresAt.getTime() - grant.issuedAt.getTime();
    return livesForMs(grant) >= Math.min(minTtlSeconds * 1000, lifeMs / 2);
  }

  /** One refresh per grant and process at a time; the database lets only one process arm it. */
  async function refreshOnce(reading: Reading): Promise<void> {
    const { tenantId: tenant, credentialId } = reading;
    const key = `${tenant}:${credentialId}`;
    const flying = flights.get(key);
    if (flying !== undefined) return await within(flying);
    const flight = arm(tenant, credentialId).finally(() => flights.delete(key));
    flights.set(key, flight);
    await within(flight);
  }

  // The request itself goes on when its reader gives up: its answer must be kept.
  async function within(flight: Promise<void>): Promise<void> {
    const timeout = new AbortController();
    const quiet = flight.catch((error: unknown) => log.warn('a reader’s refresh failed', errorFields(error)));
    await Promise.race([
      quiet,
      sleep(maxWaitMs, undefined, { signal: timeout.signal }).catch(() => undefined),
    ]);
    timeout.abort();
  }

  async function arm(tenant: TenantId, credentialId: CredentialId): Promise<void> {
    const attemptId = newId<never>() as string;
    const armedAtMs = clock.monotonicMs();
    const attempt = { attemptId, processId: deps.processId, deadlineSeconds: attemptDeadlineSeconds };
    const armed = await doors.withTenant(tenant, (tx) => armGrant(tx, credentialId, attempt));
    if (armed !== null) await deps.refreshOne({ tenant, credentialId, attemptId, armedAtMs });
  }

  /** After our own try: waits for somebody else's, while one is under way. */
  async function settle(options: ReadOptions, before: GrantReading, untilMs: number): Promise<Reading> {
    for (let turn = 0; ; turn += 1) {
      const reading = await load(options);
      const { grant } = reading;
      const hasMoved =
        grant === null || grant.tokenNo !== before.tokenNo || grant.consentNo !== before.consentNo;
      if (hasMoved || !grant.isArmed || clock.monotonicMs() >= untilMs) return reading;
      await sleep(pollMs[Math.min(turn, pollMs.length - 1)] ?? 400);
    }
  }

  async function read(options: ReadOptions): Promise<Reading & { readonly isDegraded: boolean }> {
    const minTtlSeconds = options.minTtlSeconds ?? defaultMinTtlSeconds;
    const untilMs = clock.monotonicMs() + maxWaitMs;
    const reading = await load(options);
    const { grant } = reading;
    if (grant === null || grant.tokens === null || isFresh(grant, minTtlSeconds))
      return { ...reading, isDegraded: false };
    if (!mayRefresh(grant)) return { ...reading, isDegraded: true };
    await refreshOnce(reading);
    const after = await settle(options, grant, untilMs);
    return { ...after, isDegraded: after.grant !== null && !isFresh(after.grant, minTtlSeconds) };
  }

  function requireToken(reading: Reading & { readonly isDegraded: boolean }): TokenReading {
    const { grant } = reading;
    if (grant === null) {
      throw new Fault('conflict', 'This credential has no token.', { cure: 'Read its fields instead.' });
    }
    const { tokens } = grant;
    if (tokens === null || grant.state === 'needs_reauth' || grant.state === 'pending_confirmation') {
      if (tokens === null || livesForMs(grant) <= leastUsefulMs) throw needsAuthorization(grant);
    }
    if (livesForMs(grant) > leastUsefulMs) return { ...reading, grant: { ...grant, tokens } };
    if (!grant.isRenewable) throw needsAuthorization(grant);
    throw new Fault('unavailable', 'The token has expired and could not be refreshed yet.', {
      cure: 'Try again shortly; the connection log says why.',
      retryAfterSeconds: Math.min(Math.max(Math.ceil((grant.retryInMs ?? 1000) / 1000), 1), 900),
    });
  }

  async function forceRefresh(
    options: ReadOptions & { readonly knownToken?: string | null },
  ): Promise<TokenReading> {
    const untilMs = clock.monotonicMs() + maxWaitMs;
    const before = await load(options);
    const { grant } = before;
    if (grant === null || grant.tokens === null) return requireToken({ ...before, isDegraded: false });
    const known = options.knownToken ?? null;
    const isKnownOld = known !== null && known !== grant.tokens.accessToken.revealText();
    const isNew = grant.ageMs !== null && grant.ageMs < freshForMs;
    if (isKnownOld || isNew) return requireToken({ ...before, isDegraded: false });
    if (!grant.isRenewable) throw needsAuthorization(grant);
    await refreshOnce(before);
    const after = await settle(options, grant, untilMs);
    if (after.grant !== null && after.grant.tokenNo !== grant.tokenNo)
      return requireToken({ ...after, isDegraded: false });
    throw refusedRefresh(after.grant ?? grant);
  }

  return { read, readToken: async (options) => requireToken(await read(options)), forceRefresh };
}

function mayRefresh(grant: GrantReading): boolean {
  if (!grant.isRenewable || grant.state === 'needs_reauth') return false;
  // Armed by somebody else: worth waiting for. Told to wait after a failure: not before its time.
  return grant.isArmed || !grant.hasFailed || (grant.retryInMs ?? 0) <= 0;
}

function needsAuthorization(grant: GrantReading): Fault {
  const reasons: Partial<Record<GrantReading['state'], string>> = {
    pending: 'Nobody has connected an account yet.',
    pending_confirmation: 'The connected account has not been confirmed yet.',
    disconnected: 'The account was disconnected.',
    needs_reauth: `The provider has ended the connection (${grant.lastErrorCode ?? 'revoked'}).`,
  };
  return new Fault(
    'needs_authorization',
    reasons[grant.state] ?? 'The token has expired and cannot be refreshed.',
    {
      cure: 'Connect the account (again).',
    },
  );
}

/** The provider's own failure is the caller's to know (4xx); a refresh that is still under way is ours (503). */
function refusedRefresh(grant: GrantReading): Fault {
  if (grant.state === 'needs_reauth') return needsAuthorization(grant);
  if (grant.hasFailed) {
    return new Fault(
      'provider_refused',
      `The provider did not refresh the token (${grant.lastErrorCode ?? 'unknown'}).`,
      {
        cure: grant.lastError ?? 'Try again later.',
      },
    );
  }
  return new Fault('unavailable', 'The refresh is still under way.', {
    cure: 'Try again shortly.',
    retryAfterSeconds: 2,
  });
}
