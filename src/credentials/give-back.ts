// Tokens that a refresh brought after the grant had moved on: somebody disconnected or connected anew meanwhile.
import type { CredentialId } from '../kernel/ids.ts';
import type { Tx } from '../storage/doors.ts';
import type { Vault } from '../vault/vault.ts';
import { revokeLater } from './disconnect.ts';
import type { StoredTokens } from './grant.ts';
import { type GrantRow, selectGrant } from './grant-store.ts';

/**
 * Revokes them at the provider, unless that would end a grant that lives: the same consent under a newer token (at most
 * providers a refresh token stands for the whole family), or a new consent that may be for the same account.
 */
export async function giveBackLate(options: {
  readonly tx: Tx;
  readonly vault: Vault;
  /** As it was when the refresh was armed. */
  readonly grant: GrantRow;
  readonly credentialId: CredentialId;
  readonly tokens: StoredTokens;
}): Promise<void> {
  const { tx, vault, grant, credentialId, tokens } = options;
  const now = await selectGrant(tx, credentialId);
  if (now !== null && now.ct !== null && mayBeSameAccount(now, grant)) return;
  await revokeLater({ tx, vault }, grant, 'superseded', tokens);
}

function mayBeSameAccount(now: GrantRow, before: GrantRow): boolean {
  if (now.consentNo === before.consentNo) return true;
  if (now.registrationId !== before.registrationId) return false;
  return now.accountRef === null || before.accountRef === null || now.accountRef.equals(before.accountRef);
}
