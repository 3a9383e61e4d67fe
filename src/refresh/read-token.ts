// Reading a token. A fresh one costs one statement: no lock, no write, no call. One that is too old is refreshed once,
// however many ask; whoever waits does so for seconds at most, and a token that still lives is served when refreshing fails.
import type { Clock } from '../kernel/clock.ts';
import { notFound } from '../kernel/fault.ts';
import type { Doors } from '../storage/doors.ts';
import { createForceRefresh, type ForceRefresh } from './forced-refresh.ts';
import type { ReadCredential, Reading } from './reading.ts';
import type { RefreshFlight } from './refresh-flight.ts';
import type { RefreshGate } from './refresh-gate.ts';
import { isFresh, mayRefresh } from './token-health.ts';
import {
  type CredentialReading,
  type ReadOptions,
  requireToken,
  type TokenReading,
} from './token-reading.ts';

/** What a reader gets when it does not say how long the token must live. */
const defaultMinTtlSeconds = 60;

export type TokenReader = {
  /** The credential as it is stored; nothing is refreshed. Null when the tenant has none of that id. */
  readonly find: (options: Pick<ReadOptions, 'tenant' | 'credentialId'>) => Promise<Reading | null>;
  /** The credential as it stands; refreshed first only when its token is too old. Never throws for a grant's health. */
  readonly read: (options: ReadOptions) => Promise<CredentialReading>;
  /** A usable token, or a Fault: needs_authorization with the cure, or unavailable with Retry-After. */
  readonly readToken: (options: ReadOptions) => Promise<TokenReading>;
  readonly forceRefresh: ForceRefresh;
};

export function createTokenReader(deps: {
  readonly clock: Clock;
  readonly doors: Doors;
  readonly readCredential: ReadCredential;
  readonly fly: RefreshFlight['fly'];
  readonly gate: Pick<RefreshGate, 'refusal'>;
  readonly forcedWindowSeconds: number;
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

  return {
    find: ({ tenant, credentialId }) => deps.readCredential(tenant, credentialId),
    read,
    readToken: async (options) => requireToken(await read(options), clock.now(), gate.refusal()),
    forceRefresh: createForceRefresh({ ...deps, load }),
  };
}
