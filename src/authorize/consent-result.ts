// The provider's answer while it waits, sealed, for the account to be confirmed: tokens and what is needed to compute
// when they must be refreshed. Nobody can read or refresh a token from here.

import { parseTokens, type StoredTokens, serializeTokens, type TokenTiming } from '../credentials/grant.ts';
import { type NextDueInput, nextDue } from '../credentials/next-due.ts';
import { Plain } from '../kernel/plain.ts';
import type { Provider } from '../oauth/provider.ts';
import type { TokenSet } from '../oauth/token-set.ts';
import type { Tx } from '../storage/doors.ts';
import type { Sealed } from '../vault/sealed.ts';
import { placeOf } from '../vault/sealed-columns.ts';
import type { Vault } from '../vault/vault.ts';
import type { AuthorizationRow } from './authorization-store.ts';

export type ConsentResult = {
  readonly tokens: StoredTokens;
  /** When the request was started. */
  readonly issuedAt: Date;
  readonly expiresInSeconds: number | null;
  readonly refreshExpiresInSeconds: number | null;
};

type Key = Pick<AuthorizationRow, 'tenantId' | 'id'>;

export function toConsentResult(
  answer: TokenSet,
  callbackParams: Readonly<Record<string, string>>,
  issuedAt: Date,
): ConsentResult {
  const { expiresInSeconds, refreshExpiresInSeconds, ...tokens } = answer;
  return { tokens: { ...tokens, callbackParams }, issuedAt, expiresInSeconds, refreshExpiresInSeconds };
}

export async function sealResult(tx: Tx, vault: Vault, key: Key, result: ConsentResult): Promise<Sealed> {
  const plain = Plain.fromText(
    JSON.stringify({ ...result, tokens: serializeTokens(result.tokens).revealText() }),
  );
  return await vault.seal(tx, placeOf('authorizationResult', { tenant_id: key.tenantId, id: key.id }), plain);
}

/** Null when nothing waits. */
export async function openResult(
  tx: Tx,
  vault: Vault,
  row: Key & Pick<AuthorizationRow, 'resultSealed'>,
): Promise<ConsentResult | null> {
  if (row.resultSealed === null) return null;
  const place = placeOf('authorizationResult', { tenant_id: row.tenantId, id: row.id });
  const stored = JSON.parse((await vault.open(tx, place, row.resultSealed)).revealText()) as {
    tokens: string;
    issuedAt: string;
    expiresInSeconds: number | null;
    refreshExpiresInSeconds: number | null;
  };
  return {
    tokens: parseTokens(Plain.fromText(stored.tokens)),
    issuedAt: new Date(stored.issuedAt),
    expiresInSeconds: stored.expiresInSeconds,
    refreshExpiresInSeconds: stored.refreshExpiresInSeconds,
  };
}

/** A token that went stale while somebody hesitated is due at once; it is never refreshed before it is confirmed. */
export function timingOf(
  result: ConsentResult,
  of: {
    readonly client: NextDueInput['client'];
    readonly provider: Pick<Provider, 'quirks'>;
    readonly learnedSeconds: number | null;
    readonly random: () => number;
  },
): TokenTiming {
  const { issuedAt, tokens, expiresInSeconds, refreshExpiresInSeconds } = result;
  const due = nextDue({
    issuedAt,
    answer: { accessToken: tokens.accessToken, expiresInSeconds, refreshExpiresInSeconds },
    refreshToken: tokens.refreshToken === null ? 'none' : 'new',
    client: of.client,
    quirks: of.provider.quirks,
    learnedSeconds: of.learnedSeconds,
    // Whoever consents means to use it.
    lastUsedAt: issuedAt,
    random: of.random,
  });
  return { issuedAt, ...due };
}
