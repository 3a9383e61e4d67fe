// When a token is refreshed: early enough that a reader always finds one with a minute left, not so early that the
// provider refuses, and never all at once.
import type { Plain } from '../kernel/plain.ts';

export type RefreshDueInput = {
  /** When the request was started, not when it was answered: an expiry computed from it errs on the safe side. */
  readonly issuedAt: Date;
  readonly expiresInSeconds: number | null;
  readonly refreshExpiresInSeconds?: number | null;
  /** A refresh token is held, or the grant is client credentials. */
  readonly isRenewable: boolean;
  /** Read only when nothing else tells the lifetime, and only if it is a JWT. */
  readonly accessToken?: Plain | null;
  /** The auth client's own default for answers without `expires_in`. */
  readonly clientDefaultSeconds?: number | null;
  /** What earlier assumed lifetimes turned out to be; it only ever shortens what would be assumed without it. */
  readonly learnedSeconds?: number | null;
  readonly catalogueDefaultSeconds?: number | null;
  /** The auth client's own lead: refresh this long before expiry, not earlier. */
  readonly leadSeconds?: number | null;
  /** The provider refuses earlier refreshes. */
  readonly maxLeadSeconds?: number | null;
  /** In [0, 1). */
  readonly random: () => number;
};

export type RefreshDue = {
  /** Null: lives until revoked, as far as anybody says. */
  readonly expiresAt: Date | null;
  /** Null: never refreshed. */
  readonly refreshDueAt: Date | null;
  /** The lifetime is a default, not the provider's word. */
  readonly expiryAssumed: boolean;
};

const assumedLifetimeSeconds = 3_600;
const shortLifetimeSeconds = 600;
const maxLeadSeconds = 900;
const leadShare = 0.2;
const jitterShare = 0.1;

export function refreshDue(input: RefreshDueInput): RefreshDue {
  const lifetime = lifetimeOf(input);
  if (lifetime === null) return { expiresAt: null, refreshDueAt: null, expiryAssumed: false };
  const at = (seconds: number): Date => new Date(input.issuedAt.getTime() + Math.round(seconds * 1000));
  return {
    expiresAt: at(lifetime.seconds),
    refreshDueAt: input.isRenewable ? at(dueAfter(lifetime.seconds, input)) : null,
    expiryAssumed: lifetime.isAssumed,
  };
}

type Lifetime = { readonly seconds: number; readonly isAssumed: boolean };

function lifetimeOf(input: RefreshDueInput): Lifetime | null {
  if (input.expiresInSeconds !== null && input.expiresInSeconds > 0) {
    return { seconds: input.expiresInSeconds, isAssumed: false };
  }
  const own = jwtLifetimeSeconds(input.accessToken ?? null, input.issuedAt);
  // A default on a token that nothing can renew would only make it look dead while it still works.
  if (!input.isRenewable) return own === null ? null : { seconds: own, isAssumed: false };
  const given = positive(input.clientDefaultSeconds) ?? learnedOrKnown(input, own);
  if (given !== null && (own === null || given <= own)) return { seconds: given, isAssumed: true };
  // The token's own word can only shorten a default.
  if (own !== null) return { seconds: own, isAssumed: false };
  return { seconds: assumedLifetimeSeconds, isAssumed: true };
}

/** What experience says comes before what documentation says, as long as it is the shorter one. */
function learnedOrKnown(input: RefreshDueInput, own: number | null): number | null {
  const known = positive(input.catalogueDefaultSeconds);
  const learned = positive(input.learnedSeconds);
  if (learned === null) return known;
  return learned < (known ?? own ?? assumedLifetimeSeconds) ? learned : known;
}

/**
 * Seconds after issue. Ordinary tokens: a fifth of the life ahead of expiry, at most 15 minutes, spread over a tenth of
 * the life. Short ones (under 10 minutes, where a fifth is less than 2 minutes): around half-life. Never before 45 % of the life, so that no lead,
 * however large, makes a loop of refreshes.
 */
function dueAfter(life: number, input: RefreshDueInput): number {
  const half = (0.45 + jitterShare * input.random()) * life;
  const cap = positive(input.maxLeadSeconds);
  const own = positive(input.leadSeconds);
  const fixed = own === null ? null : Math.min(own, cap ?? own);
  const latest = refreshTokenBound(input, life);
  if (fixed !== null) return Math.min(Math.max(withinLead(life, fixed, input.random), half), latest);
  const ordinary =
    life < shortLifetimeSeconds
      ? half
      : life - Math.min(leadShare * life, maxLeadSeconds) - jitterShare * life * input.random();
  const due = cap !== null && life - ordinary > cap ? withinLead(life, cap, input.random) : ordinary;
  return Math.min(Math.max(due, Math.min(half, life)), latest);
}

/** Inside the last `lead` seconds, spread towards expiry: earlier than that the provider would refuse. */
function withinLead(life: number, lead: number, random: () => number): number {
  return life - lead * (1 - jitterShare * random());
}

/** Where the refresh token dies before the access token, it is used while it lives. */
function refreshTokenBound(input: RefreshDueInput, life: number): number {
  const refreshLife = positive(input.refreshExpiresInSeconds);
  return refreshLife === null ? life : Math.min(life, refreshLife * 0.8);
}

/** `exp` of an unverified JWT, against its own `iat` where it has one, so that the provider's clock may be wrong. */
function jwtLifetimeSeconds(token: Plain | null, issuedAt: Date): number | null {
  const parts = token?.revealText().split('.') ?? [];
  if (parts.length !== 3) return null;
  try {
    const claims: unknown = JSON.parse(Buffer.from(parts[1] ?? '', 'base64url').toString('utf8'));
    if (typeof claims !== 'object' || claims === null || !('exp' in claims)) return null;
    const { exp } = claims;
    if (typeof exp !== 'number') return null;
    const iat = 'iat' in claims && typeof claims.iat === 'number' ? claims.iat : issuedAt.getTime() / 1000;
    const seconds = Math.floor(exp - iat);
    return seconds > 0 && seconds <= 315_360_000 ? seconds : null;
  } catch {
    // Three parts, but not a JWT: an opaque token says nothing about itself.
    return null;
  }
}

function positive(value: number | null | undefined): number | null {
  return value === null || value === undefined || !(value > 0) ? null : value;
}
