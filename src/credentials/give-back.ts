// Tokens that a refresh brought after the grant had moved on: somebody disconnected or connected anew meanwhile.
import type { Tx } from '../storage/doors.ts';
import type { Vault } from '../vault/vault.ts';
import { revokeTokensLater } from './disconnect.ts';
import { parseTokens, tokensPlace } from './grant.ts';
import { type GrantRow, selectGrant } from './grant-store.ts';
import type { KeptRefresh } from './kept-refresh.ts';

/**
 * Revokes them at the provider, unless that would end a grant that lives: the same consent under a newer token (at most
 * providers a refresh token stands for the whole family), or a new consent that may be for the same account. Nothing
 * happens when the grant holds these very tokens: they were committed before, by a process that could not note it.
 */
export async function giveBackKept(options: {
  readonly tx: Tx;
  readonly vault: Vault;
  readonly kept: KeptRefresh;
}): Promise<void> {
  const { tx, vault, kept } = options;
  const now = await selectGrant(tx, kept.credentialId);
  if (now !== null && now.ct !== null && (now.consentNo === kept.consentNo || mayBeSameAccount(now, kept)))
    return;
  const place = tokensPlace(kept.tenantId, kept.credentialId, kept.tokenNo + 1);
  const tokens = parseTokens(await vault.open(tx, place, kept.ct));
  await revokeTokensLater({ tx, vault }, { ...kept, ...kept.minted }, 'superseded', tokens);
}

function mayBeSameAccount(now: GrantRow, { minted }: KeptRefresh): boolean {
  if (now.registrationId !== minted.registrationId) return false;
  return now.accountRef === null || minted.accountRef === null || now.accountRef.equals(minted.accountRef);
}
