// How a consent ends without tokens in the grant: the row is closed, the log beside the credential says why and what
// helps, the audit trail says who, and tokens that nobody will use are taken back at the provider.
import { type AuditAction, type AuditActor, audit } from '../audit/event.ts';
import type { StoredTokens } from '../credentials/grant.ts';
import { countLiveSiblings, markAwaitingConfirmation, selectGrant } from '../credentials/grant-store.ts';
import { writeConnectionLog } from '../credentials/log-store.ts';
import { leaveRevocation, type RevocationReason } from '../credentials/revocation.ts';
import type { Tx } from '../storage/doors.ts';
import type { Vault } from '../vault/vault.ts';
import { type AuthorizationRow, countAwaiting, endAuthorization } from './authorization-store.ts';
import { openResult } from './consent-result.ts';

export type ConsentEnd = {
  readonly status: 'failed' | 'cancelled';
  /** Stable, for machines; also the `error` of the failure redirect. */
  readonly code: string;
  /** For people: what happened, then what helps. Text only. */
  readonly text: string;
  readonly actor: AuditActor;
  readonly action: Extract<
    AuditAction,
    'authorization.failed' | 'authorization.denied' | 'authorization.cancelled'
  >;
};

/** False when it had ended before. */
export async function endConsent(
  tx: Tx,
  row: Pick<AuthorizationRow, 'id' | 'credentialId' | 'connectionId' | 'policy'>,
  end: ConsentEnd,
): Promise<boolean> {
  const { status, code, text } = end;
  if (!(await endAuthorization(tx, row.id, { status, errorCode: code, errorText: text }))) return false;
  if ((await countAwaiting(tx, row.credentialId)) === 0) {
    await markAwaitingConfirmation(tx, row.credentialId, false);
  }
  await writeConnectionLog(tx, {
    credentialId: row.credentialId,
    connectionId: row.connectionId,
    severity: status === 'failed' ? 'error' : 'info',
    code: status === 'failed' ? 'consent_failed' : 'consent_cancelled',
    message: status === 'failed' ? `Connecting failed (${code}): ${text}` : text,
  });
  await audit(tx, {
    action: end.action,
    actor: end.actor,
    object: { kind: 'credential', id: row.credentialId },
    result: status === 'failed' ? 'failed' : 'ok',
    detail: { authorization: row.id, policy: row.policy, code },
  });
  return true;
}

/** Tokens that wait in the authorization go back to the provider. To be called before the row is closed. */
export async function giveBackResult(
  tx: Tx,
  vault: Vault,
  row: AuthorizationRow,
  reason: RevocationReason,
): Promise<void> {
  const result = await openResult(tx, vault, row);
  if (result !== null) await giveBackTokens(tx, vault, row, result.tokens, reason);
}

export type Held = Pick<
  AuthorizationRow,
  | 'tenantId'
  | 'credentialId'
  | 'connectionId'
  | 'registrationId'
  | 'authClientTenantId'
  | 'authClientId'
  | 'accountRef'
>;

/**
 * Takes tokens back that nobody will use; unless tokens in use may hang on them: at some providers (Google) revoking one
 * ends every token of that user and app. Forgotten ones harm nobody, for nobody holds them any more.
 */
export async function giveBackTokens(
  tx: Tx,
  vault: Vault,
  held: Held,
  tokens: StoredTokens,
  reason: RevocationReason,
): Promise<void> {
  if (await mayHoldOthers(tx, held)) {
    return await writeConnectionLog(tx, {
      credentialId: held.credentialId,
      connectionId: held.connectionId,
      severity: 'info',
      code: 'revocation_skipped',
      message:
        'The tokens that are not used were deleted here but not revoked at the provider: tokens in use may belong to the same account and app, and would end with them.',
    });
  }
  await leaveRevocation({
    tx,
    vault,
    tenant: held.tenantId,
    credentialId: held.credentialId,
    registrationId: held.registrationId,
    accountRef: held.accountRef,
    client: { tenantId: held.authClientTenantId, id: held.authClientId },
    tokens,
    reason,
  });
}

async function mayHoldOthers(tx: Tx, held: Held): Promise<boolean> {
  const { credentialId, registrationId, accountRef } = held;
  const grant = await selectGrant(tx, credentialId);
  if (grant !== null && grant.ct !== null && isSameAccount(grant, held)) return true;
  if (accountRef === null) return false;
  return (await countLiveSiblings(tx, { credentialId, registrationId, accountRef })) > 0;
}

/** As far as anybody can tell: an account that the provider does not name may be the same one. */
export function isSameAccount(
  one: { readonly registrationId: string | null; readonly accountRef: Buffer | null },
  other: { readonly registrationId: string | null; readonly accountRef: Buffer | null },
): boolean {
  if (one.registrationId !== other.registrationId) return false;
  return one.accountRef === null || other.accountRef === null || one.accountRef.equals(other.accountRef);
}
