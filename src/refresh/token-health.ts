// How a grant's token stands, in pure functions of what was read and of the time; and the words for it.
import { Fault } from '../kernel/fault.ts';
import type { GrantReading } from './reading.ts';

/** Below this a token counts as gone: it would expire on its way. */
export const leastUsefulMs = 5_000;

export function livesForMs(grant: GrantReading, now: Date): number {
  return grant.expiresAt === null ? Number.POSITIVE_INFINITY : grant.expiresAt.getTime() - now.getTime();
}

/**
 * Whether the token lives for at least `minTtlSeconds`; or for half of its whole life, since a token of 30 s can never have
 * 60 s left, and asking for more would refresh at every read.
 */
export function isFresh(grant: GrantReading, minTtlSeconds: number, now: Date): boolean {
  const lifeMs =
    grant.expiresAt === null || grant.issuedAt === null
      ? Number.POSITIVE_INFINITY
      : grant.expiresAt.getTime() - grant.issuedAt.getTime();
  return livesForMs(grant, now) >= Math.min(minTtlSeconds * 1000, lifeMs / 2);
}

/** Armed by somebody else: worth waiting for. Told to wait after a failure: not before its time. */
export function mayRefresh(grant: GrantReading): boolean {
  if (!grant.isRenewable || grant.state === 'needs_reauth') return false;
  return grant.isArmed || !grant.hasFailed || (grant.retryInMs ?? 0) <= 0;
}

const reasons: Partial<Record<GrantReading['state'], string>> = {
  pending: 'Nobody has connected an account yet.',
  pending_confirmation: 'The connected account has not been confirmed yet.',
  disconnected: 'The account was disconnected.',
};

export function needsAuthorization(grant: GrantReading): Fault {
  const reason =
    grant.state === 'needs_reauth'
      ? `The provider has ended the connection (${grant.lastErrorCode ?? 'revoked'}).`
      : (reasons[grant.state] ?? 'The token has expired and cannot be refreshed.');
  return new Fault('needs_authorization', reason, { cure: 'Connect the account (again).' });
}

/** Asked for by somebody although nothing could be sent. */
export function cannotRefresh(grant: GrantReading, now: Date): Fault {
  if (grant.state === 'needs_reauth' || livesForMs(grant, now) <= leastUsefulMs)
    return needsAuthorization(grant);
  return new Fault('conflict', 'This token cannot be refreshed: the provider gave no refresh token.', {
    cure: 'Use it while it lives; then connect the account again, and ask for offline access.',
  });
}

export function notRefreshedYet(grant: GrantReading): Fault {
  return new Fault('unavailable', 'The token has expired and could not be refreshed yet.', {
    cure: 'Try again shortly; the connection log says why.',
    retryAfterSeconds: Math.min(Math.max(Math.ceil((grant.retryInMs ?? 1000) / 1000), 1), 900),
  });
}

/**
 * The provider's own failure is the caller's to know (4xx). That nobody waits longer for an answer, or asks a provider that is
 * down or wants us slower, is ours (503).
 */
export function refusedRefresh(grant: GrantReading): Fault {
  if (grant.state === 'needs_reauth' || grant.tokens === null) return needsAuthorization(grant);
  if (grant.hasFailed) {
    const code = grant.lastErrorCode ?? 'unknown';
    return new Fault('provider_refused', `The provider did not refresh the token (${code}).`, {
      cure: grant.lastError ?? 'Try again later.',
    });
  }
  const reason = grant.isArmed
    ? 'The refresh is still under way.'
    : 'The provider is not asked now: it does not answer, or wants us slower.';
  return new Fault('unavailable', reason, { cure: 'Try again shortly.', retryAfterSeconds: 2 });
}
