// How a consent ends without tokens in the grant: the row is closed, the log beside the credential says why and what
// helps, the audit trail says who, and tokens that nobody will use are taken back at the provider.
import { type AuditAction, type AuditActor, audit } from '../audit/event.ts';
import type { StoredTokens } from '../credentials/grant.ts';
import { markAwaitingConfirmation } from '../credentials/grant-store.ts';
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

export async function giveBackTokens(
  tx: Tx,
  vault: Vault,
  row: Pick<
    AuthorizationRow,
    'tenantId' | 'credentialId' | 'registrationId' | 'authClientTenantId' | 'authClientId'
  >,
  tokens: StoredTokens,
  reason: RevocationReason,
): Promise<void> {
  await leaveRevocation({
    tx,
    vault,
    tenant: row.tenantId,
    credentialId: row.credentialId,
    registrationId: row.registrationId,
    client: { tenantId: row.authClientTenantId, id: row.authClientId },
    tokens,
    reason,
  });
}
