// Reading a token. A fresh one costs one statement: no lock, no write, no call. One that is too old is refreshed once,
// however many ask; whoever waits does so for seconds at most, and a token that still lives is served when refreshing fails.
import type { StoredTokens } from '../credentials/grant.ts';
import type { Clock } from '../kernel/clock.ts';
import { Fault, notFound } from '../kernel/fault.ts';
import type { CredentialId, TenantId } from '../kernel/ids.ts';
import type { GrantReading, ReadCredential, Reading } from './reading.ts';
import type { RefreshFlight } from './refresh-flight.ts';
import type { RefreshGate } from './refresh-gate.ts';
import {
  cannotRefresh,
  isFresh,
  leastUsefulMs,
  livesForMs,
  mayRefresh,
  needsAuthorization,
  notRefreshedYet,
  refusedRefresh,
} from './token-health.ts';

/** What a reader gets when it does not say how long the token must live. */
const defaultMinTtlSeconds = 60;
/** A forced refresh within this time of the last one answers with the token that is already new. */
const freshForMs = 5_000;

export type ReadOptions = {
  readonly tenant: TenantId;
  readonly credentialId: CredentialId;
  readonly minTtlSeconds?: number;
};

/** `isDegraded`: the token lives shorter than asked for, because refreshing does not succeed. */
export type CredentialReading = Reading & { readonly isDegraded: boolean };

export type TokenReading = CredentialReading & {
  readonly grant: GrantReading & { readonly tokens: StoredTokens };
};

export type TokenReader = {
  /** The credential as it is stored; nothing is refreshed. Null when the tenant has none of that id. */
  readonly find: (options: Pick<ReadOptions, 'tenant' | 'credentialId'>) => Promise<Reading | null>;
  /** The credential as it stands; refreshed first only when its token is too old. Never throws for a grant's health. */
  readonly read: (options: ReadOptions) => Promise<CredentialReading>;
  /** A usable token, or a Fault: needs_authorization with the cure, or unavailable with Retry-After. */
  readonly readToken: (options: ReadOptions) => Promise<TokenReading>;
  /** Refreshes now, unless it has just been done or `knownToken` is not the current one any more. */
  readonly forceRefresh: (
    options: ReadOptions & { readonly knownToken?: string | null },
  ) => Promise<TokenReading>;
};

export function createTokenReader(deps: {
  readonly clock: Clock;
  readonly readCredential: ReadCredential;
  readonly fly: RefreshFlight['fly'];
  readonly gate: Pick<RefreshGate, 'refusal'>;
}): TokenReader {
  const { clock, fly, gate } = deps;

  async function load(options: ReadOptions): Promise<Reading> {
    const reading = await deps.readCredential(options.tenant, options.credentialId);
    if (reading === null) throw notFound('Credential');
    return reading;
  }

  async function read(options: ReadOptions): Promise<CredentialReading> {
    const { minTtlSeconds = defaultMinTtlSeconds } = options;
    const reading = await load(options);
    const { grant } = reading;
    if (grant === null || grant.tokens === null || isFresh(grant, minTtlSeconds, clock.now())) {
      return { ...reading, isDegraded: false };
    }
    // Nobody on this database refreshes now, so waiting for it would be for nothing.
    if (!mayRefresh(grant) || gate.refusal() !== null) return { ...reading, isDegraded: true };
    const after = await fly(options, grant, () => load(options));
    return {
      ...after,
      isDegraded: after.grant !== null && !isFresh(after.grant, minTtlSeconds, clock.now()),
    };
  }

  async function forceRefresh(
    options: ReadOptions & { readonly knownToken?: string | null },
  ): Promise<TokenReading> {
    const before = await load(options);
    const { grant } = before;
    if (grant === null || grant.tokens === null)
      return requireToken({ ...before, isDegraded: false }, clock.now());
    const known = options.knownToken ?? null;
    const isKnownOld = known !== null && known !== grant.tokens.accessToken.revealText();
    const isNew = grant.ageMs !== null && grant.ageMs < freshForMs;
    if (isKnownOld || isNew) return requireToken({ ...before, isDegraded: false }, clock.now());
    if (!grant.isRenewable) throw cannotRefresh(grant, clock.now());
    const refusal = gate.refusal();
    if (refusal !== null) throw refusal;
    const after = await fly(options, grant, () => load(options));
    if (after.grant === null || after.grant.tokenNo === grant.tokenNo)
      throw refusedRefresh(after.grant ?? grant);
    return requireToken({ ...after, isDegraded: false }, clock.now());
  }

  return {
    find: ({ tenant, credentialId }) => deps.readCredential(tenant, credentialId),
    read,
    readToken: async (options) => requireToken(await read(options), clock.now(), gate.refusal()),
    forceRefresh,
  };
}

function requireToken(reading: CredentialReading, now: Date, refusal: Fault | null = null): TokenReading {
  const { grant } = reading;
  if (grant === null) {
    throw new Fault('conflict', 'This credential has no token.', { cure: 'Read its fields instead.' });
  }
  const { tokens } = grant;
  if (tokens === null) throw needsAuthorization(grant);
  // Even a grant that is over serves its last token while that lives.
  if (livesForMs(grant, now) > leastUsefulMs) return { ...reading, grant: { ...grant, tokens } };
  if (!grant.isRenewable || grant.state === 'needs_reauth') throw needsAuthorization(grant);
  throw refusal ?? notRefreshedYet(grant);
}
