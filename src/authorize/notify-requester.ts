// The job that tells whoever sent an invitation which account was connected: if it is not the right one, this person
// is the one to notice.

import { isFault } from '../kernel/fault.ts';
import { isUuid, type TenantId } from '../kernel/ids.ts';
import { errorFields } from '../kernel/log.ts';
import type { Message } from '../mail/message.ts';
import { notificationMessage } from '../mail/notification-message.ts';
import type { JobHandler } from '../storage/job-handler.ts';
import { selectPrincipal } from '../tenancy/principal-store.ts';
import { type AuthorizationId, selectAuthorization } from './authorization-store.ts';
import type { AuthorizeDeps } from './authorize-deps.ts';
import { selectInvitation } from './invitation-store.ts';

export const notifyJob = 'authorize.notify_requester';

type Deps = Pick<AuthorizeDeps, 'doors' | 'mailer' | 'publicUrl' | 'log'>;

export function createNotifyRequester(deps: Deps): JobHandler {
  return async (payload) => {
    const { tenantId, authorizationId } = payload as { tenantId: TenantId; authorizationId: AuthorizationId };
    if (!isUuid(tenantId) || !isUuid(authorizationId)) return;
    const message = await write(deps, tenantId, authorizationId);
    if (message === null) return;
    try {
      await deps.mailer.send(message);
    } catch (error) {
      if (!isFault(error, 'mail_refused')) throw error;
      deps.log.warn('notice of a connection was refused', errorFields(error));
    }
  };
}

/** Null when there is nobody to tell: the requester is gone or has no mail address. */
async function write(deps: Deps, tenant: TenantId, id: AuthorizationId): Promise<Message | null> {
  return await deps.doors.withTenant(tenant, async (tx) => {
    const row = await selectAuthorization(tx, id);
    if (row === null || row.status !== 'completed' || row.invitationId === null) return null;
    const invitation = await selectInvitation(tx, row.invitationId);
    const requester =
      invitation === null || invitation.requestedBy === null
        ? null
        : await selectPrincipal(tx, invitation.requestedBy);
    if (invitation === null || requester === null || requester.email === null) return null;
    const { snapshot } = row;
    return notificationMessage({
      to: requester.email,
      organizationName: snapshot.organizationName,
      customerName: snapshot.customerName,
      credentialLabel: snapshot.subjectLabel,
      serviceName: snapshot.providerName,
      link: new URL(`${deps.publicUrl}/credentials/${row.credentialId}`),
      publicUrl: new URL(deps.publicUrl),
      event: { kind: 'connected', byName: invitation.recipient, accountName: row.accountLabel },
    });
  });
}
