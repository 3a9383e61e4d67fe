// What is written of an attempt's outcome beside the grant itself: the day's count, the log that people read, the audit
// trail, and the client's breaker. In the transaction of the outcome.
import { audit, systemActor } from '../audit/event.ts';
import { mendAuthClient, tripAuthClient } from '../credentials/client-breaker.ts';
import { lockCredential } from '../credentials/credential-store.ts';
import { countFailed } from '../credentials/grant-day-store.ts';
import { failRefresh } from '../credentials/grant-store.ts';
import { writeConnectionLog } from '../credentials/log-store.ts';
import type { Tx } from '../storage/doors.ts';
import type { FailureDecision } from './failure-rule.ts';
import type { Armed, Prepared } from './grant-desk.ts';
import type { RefreshTimings } from './refresh-timings.ts';

/** False when the attempt no longer stands. */
export async function writeFailure(
  tx: Tx,
  outcome: {
    readonly armed: Armed;
    readonly prepared: Pick<Prepared, 'grant' | 'client'>;
    readonly decision: FailureDecision;
    readonly timings: RefreshTimings;
  },
): Promise<boolean> {
  const { armed, decision } = outcome;
  const { grant, client } = outcome.prepared;
  await lockCredential(tx, armed.credentialId, 'mention');
  const written = await failRefresh(tx, armed.credentialId, {
    attemptId: armed.attemptId,
    consentNo: grant.consentNo,
    tokenNo: grant.tokenNo,
    settleSeconds: outcome.timings.settleMs / 1000,
    ...decision,
  });
  if (!written) return false;
  await countFailed(tx, armed.credentialId);
  if (decision.tripsClient && client !== null && client.tenantId === armed.tenant) {
    await tripAuthClient(tx, client.id, decision.errorText);
  }
  const isNews = grant.lastErrorCode !== decision.errorCode || decision.state === 'needs_reauth';
  if (isNews) await noteFailure(tx, armed, decision);
  return true;
}

async function noteFailure(tx: Tx, armed: Armed, decision: FailureDecision): Promise<void> {
  const isOver = decision.state === 'needs_reauth';
  await writeConnectionLog(tx, {
    credentialId: armed.credentialId,
    severity: isOver ? 'error' : 'warn',
    code: isOver ? 'needs_authorization' : 'refresh_failed',
    message: `Refreshing failed (${decision.errorCode}): ${decision.errorText}`,
  });
  await audit(tx, {
    action: isOver ? 'grant.lost' : 'grant.refresh_failed',
    actor: systemActor,
    object: { kind: 'credential', id: armed.credentialId },
    result: 'failed',
    detail: { code: decision.errorCode },
  });
}

export async function noteRecovery(
  tx: Tx,
  { grant, client }: Pick<Prepared, 'grant' | 'client'>,
): Promise<void> {
  if (client !== null && client.brokenSince !== null && client.tenantId === grant.tenantId) {
    await mendAuthClient(tx, client.id);
  }
  if (grant.failCount === 0) return;
  await writeConnectionLog(tx, {
    credentialId: grant.credentialId,
    severity: 'info',
    code: 'refresh_recovered',
    message: `The token was refreshed again after ${grant.failCount} failed ${grant.failCount === 1 ? 'try' : 'tries'}.`,
  });
}
