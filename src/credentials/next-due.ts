// When a token set is refreshed next: the one decision behind every scheduled refresh. It is made when tokens are stored,
// from the answer, the client's settings, the mode and the last use, so that finding what is due costs nothing for what
// sleeps.
//
//   eager       ahead of expiry, always
//   when_used   ahead of expiry while somebody has used it within a day; else parked
//   keep_alive  always parked
//
// A parked grant is refreshed by its readers when they need it, and otherwise only so often that its refresh token does
// not die of idleness. It stays due some day: whatever is never due counts as not renewable.

import type { Plain } from '../kernel/plain.ts';
import type { ProviderQuirks } from '../oauth/catalogue/provider-entry.ts';
import { type RefreshDue, refreshDue } from '../oauth/refresh-due.ts';
import type { AuthClientRow } from './auth-client-store.ts';

export type NextDueInput = {
  /** When the request was started. */
  readonly issuedAt: Date;
  readonly answer: {
    readonly accessToken: Plain;
    readonly expiresInSeconds: number | null;
    readonly refreshExpiresInSeconds: number | null;
  };
  /** The refresh token held from now on: of this answer, or from before with the end that is known of it. */
  readonly refreshToken: 'none' | 'new' | { readonly keptUntil: Date | null };
  readonly client: Pick<AuthClientRow, 'tokenExpiresInSeconds' | 'leadSeconds' | 'refreshMode'> | null;
  readonly quirks: Pick<
    ProviderQuirks,
    'defaultLifetimeSeconds' | 'maxLeadSeconds' | 'refreshLifetimeSeconds'
  > | null;
  /** How long assumed lifetimes have turned out to be, see `learned-lifetime.ts`. */
  readonly learnedSeconds: number | null;
  /** Null: never. A consent counts as a use, and so does a reader who waits for this refresh. */
  readonly lastUsedAt: Date | null;
  readonly random: () => number;
};

export type NextDue = RefreshDue & { readonly refreshExpiresAt: Date | null };

const day = 86_400;
const usedWithinMs = day * 1000;
/** Known idle lives start at a week (Google's apps in testing); half of the shortest common one would be too costly. */
const maxParkedSeconds = 7 * day;
const jitterShare = 0.1;

export function nextDue(input: NextDueInput): NextDue {
  const { issuedAt, answer, client, quirks } = input;
  const refreshSeconds = refreshLifeSeconds(input);
  const eager = refreshDue({
    issuedAt,
    expiresInSeconds: answer.expiresInSeconds,
    refreshExpiresInSeconds: refreshSeconds,
    isRenewable: input.refreshToken !== 'none',
    accessToken: answer.accessToken,
    clientDefaultSeconds: client?.tokenExpiresInSeconds ?? null,
    learnedSeconds: input.learnedSeconds,
    catalogueDefaultSeconds: quirks?.defaultLifetimeSeconds ?? null,
    leadSeconds: client?.leadSeconds ?? null,
    maxLeadSeconds: quirks?.maxLeadSeconds ?? null,
    random: input.random,
  });
  return {
    ...eager,
    refreshDueAt: isParked(input) ? parkedUntil(input, eager.refreshDueAt) : eager.refreshDueAt,
    refreshExpiresAt:
      refreshSeconds === null ? keptUntil(input) : new Date(issuedAt.getTime() + refreshSeconds * 1000),
  };
}

/** Of the refresh token that came with the answer, or that the answer speaks about; null when nobody says. */
function refreshLifeSeconds({ answer, refreshToken, quirks }: NextDueInput): number | null {
  if (refreshToken === 'none') return null;
  if (answer.refreshExpiresInSeconds !== null) return answer.refreshExpiresInSeconds;
  return refreshToken === 'new' ? (quirks?.refreshLifetimeSeconds ?? null) : null;
}

function keptUntil({ refreshToken }: NextDueInput): Date | null {
  return typeof refreshToken === 'object' ? refreshToken.keptUntil : null;
}

function isParked({ client, lastUsedAt, issuedAt }: NextDueInput): boolean {
  switch (client?.refreshMode ?? 'eager') {
    case 'eager':
      return false;
    case 'keep_alive':
      return true;
    case 'when_used':
      return lastUsedAt === null || issuedAt.getTime() - lastUsedAt.getTime() > usedWithinMs;
  }
}

/**
 * Half of the refresh token's life, so that one failed week or outage does not cost the grant; a week where the life is
 * not known. Never earlier than an eager refresh: a refresh token in its last hours would be asked for over and over.
 */
function parkedUntil(input: NextDueInput, eagerAt: Date | null): Date | null {
  if (eagerAt === null) return null;
  const { issuedAt, quirks } = input;
  const kept = keptUntil(input);
  const left = kept === null ? null : (kept.getTime() - issuedAt.getTime()) / 1000;
  const life =
    refreshLifeSeconds(input) ??
    (left !== null && left > 0 ? left : (quirks?.refreshLifetimeSeconds ?? null));
  const parked = Math.min(maxParkedSeconds, life === null ? maxParkedSeconds : life / 2);
  const spread = parked * (1 - jitterShare * input.random());
  return new Date(Math.max(eagerAt.getTime(), issuedAt.getTime() + Math.round(spread * 1000)));
}
