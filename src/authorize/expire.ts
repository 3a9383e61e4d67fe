// Ends consents that nobody finished. Each has its own job, queued with it: tokens that waited for a confirmation that
// never came are taken back at the provider.
import { systemActor } from '../audit/event.ts';
import { isUuid, type TenantId } from '../kernel/ids.ts';
import { enqueue } from '../storage/job.ts';
import type { JobHandler } from '../storage/job-handler.ts';
import { type AuthorizationId, lockAuthorization } from './authorization-store.ts';
import type { AuthorizeDeps } from './authorize-deps.ts';
import { endConsent, giveBackResult } from './consent-end.ts';

export const expireJob = 'authorize.expire';

export function expireJobKey(id: AuthorizationId): string {
  return `authorize.expire:${id}`;
}

const words = {
  started: 'Nobody came back from the provider in time. Begin again.',
  // The process that asked for the tokens died, or the database was away when they came.
  exchanging: 'The answer of the provider was lost. Begin again.',
  exchanged: 'Nobody confirmed the account in time; the tokens are given back. Begin again.',
} as const;

export function createExpire(deps: Pick<AuthorizeDeps, 'doors' | 'vault' | 'clock'>): JobHandler {
  const { doors, vault, clock } = deps;
  return async (payload) => {
    const { tenantId, authorizationId } = payload as { tenantId: TenantId; authorizationId: AuthorizationId };
    if (!isUuid(tenantId) || !isUuid(authorizationId)) return;
    await doors.withTenant(tenantId, async (tx) => {
      const row = await lockAuthorization(tx, authorizationId);
      if (row === null) return;
      if (row.status !== 'started' && row.status !== 'exchanging' && row.status !== 'exchanged') return;
      if (row.expiresAt > clock.now()) {
        // It has moved on meanwhile: the confirmation has a time of its own.
        const jobKey = expireJobKey(row.id);
        return await enqueue(tx, expireJob, { authorizationId }, { runAt: row.expiresAt, jobKey });
      }
      await giveBackResult(tx, vault, row, 'cancelled');
      await endConsent(tx, row, {
        status: 'failed',
        code: 'expired',
        text: words[row.status],
        actor: systemActor,
        action: 'authorization.failed',
      });
    });
  };
}
