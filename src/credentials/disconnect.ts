// Disconnect: refreshing stops and both tokens are gone when this returns; the provider is told afterwards.
// A refresh in flight fails its comparison of counters, and its fresh tokens are revoked too.
import { audit } from '../audit/event.ts';
import { Fault } from '../kernel/fault.ts';
import type { CredentialId } from '../kernel/ids.ts';
import type { Tx } from '../storage/doors.ts';
import { type Actor, requirePermission } from '../tenancy/actor.ts';
import type { Vault } from '../vault/vault.ts';
import { deleteFormerClients } from './auth-client-store.ts';
import { type Credential, findCredential, getCredential } from './credential.ts';
import { lockGrant, openTokens, type StoredTokens } from './grant.ts';
import {
  type AccountKey,
  countLiveSiblings,
  type GrantRow,
  lockAccount,
  writeDisconnect,
} from './grant-store.ts';
import { writeConnectionLog } from './log-store.ts';
import { leaveRevocation, type RevocationReason } from './revocation.ts';

type Options = {
  readonly tx: Tx;
  readonly vault: Vault;
  readonly actor: Actor;
  readonly credentialId: CredentialId;
};

export async function disconnectGrant(options: Options): Promise<Credential> {
  const { tx, actor, credentialId } = options;
  const credential = await getCredential({ tx, actor, id: credentialId });
  requirePermission(actor, 'credential.authorize', credential.unitPath);
  const grant = await lockGrant(tx, credentialId);
  if (grant === null) {
    throw new Fault('conflict', `${credential.connectionType.label} has nothing to disconnect.`, {
      cure: 'Only OAuth 2.0 credentials are connected and disconnected.',
    });
  }
  await revokeLater(options, grant, 'disconnected');
  const wasConnected = await writeDisconnect(tx, credentialId);
  await deleteFormerClients(tx, credentialId);
  if (wasConnected) {
    await audit(tx, {
      action: 'grant.disconnected',
      actor,
      object: { kind: 'credential', id: credentialId },
    });
    await writeConnectionLog(tx, {
      credentialId,
      severity: 'info',
      code: 'disconnected',
      message: `${actor.name} disconnected it: refreshing has stopped and the tokens are deleted.`,
    });
  }
  return (await findCredential(tx, credentialId)) ?? credential;
}

async function countSiblings(
  tx: Tx,
  grant: AccountKey & { readonly credentialId: CredentialId },
): Promise<number> {
  await lockAccount(tx, grant);
  return await countLiveSiblings(tx, grant);
}

/**
 * Leaves the grant's tokens to be revoked, unless other live grants share registration and account: at some providers
 * (Google) revoking one token ends all tokens of that user and client.
 */
export async function revokeLater(
  options: Pick<Options, 'tx' | 'vault'>,
  grant: GrantRow,
  reason: RevocationReason,
): Promise<void> {
  const tokens = await openTokens(options.tx, options.vault, grant);
  if (tokens !== null) await revokeTokensLater(options, grant, reason, tokens);
}

/** The same for tokens that the grant does not hold (any more). */
export async function revokeTokensLater(
  { tx, vault }: Pick<Options, 'tx' | 'vault'>,
  grant: Pick<
    GrantRow,
    'tenantId' | 'credentialId' | 'registrationId' | 'mintedBy' | 'mintedByTenantId' | 'accountRef'
  >,
  reason: RevocationReason,
  tokens: StoredTokens,
): Promise<void> {
  if (grant.registrationId === null) return;
  const { accountRef, registrationId, credentialId } = grant;
  const siblings =
    accountRef === null ? 0 : await countSiblings(tx, { credentialId, registrationId, accountRef });
  if (siblings > 0) {
    await writeConnectionLog(tx, {
      credentialId,
      severity: 'info',
      code: 'revocation_skipped',
      message: `The tokens were not revoked at the provider: ${siblings} other credential(s) use the same account and app.`,
    });
    return;
  }
  await leaveRevocation({
    tx,
    vault,
    tenant: grant.tenantId,
    credentialId,
    registrationId,
    accountRef,
    client:
      grant.mintedBy === null || grant.mintedByTenantId === null
        ? null
        : { tenantId: grant.mintedByTenantId, id: grant.mintedBy },
    tokens,
    reason,
  });
}
