// A credential as it was read, and what its reader may ask of it.
import type { StoredTokens } from '../credentials/grant.ts';
import { Fault } from '../kernel/fault.ts';
import type { CredentialId, TenantId } from '../kernel/ids.ts';
import type { GrantReading, Reading } from './reading.ts';
import { leastUsefulMs, livesForMs, needsAuthorization, notRefreshedYet } from './token-health.ts';

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

/** The reading, if its token is of any use; else a Fault that says what to do. `refusal`: why nothing is refreshed now. */
export function requireToken(
  reading: CredentialReading,
  now: Date,
  refusal: Fault | null = null,
): TokenReading {
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
