// The job that mails an invitation. It runs after the invitation was committed, is tried again while the mail server is
// away, and leaves a line beside the credential either way, so that nobody waits for a mail that cannot come.

import { writeConnectionLog } from '../credentials/log-store.ts';
import { isFault } from '../kernel/fault.ts';
import { isUuid, type TenantId } from '../kernel/ids.ts';
import { errorFields } from '../kernel/log.ts';
import { invitationMessage } from '../mail/invitation-message.ts';
import type { Message } from '../mail/message.ts';
import type { JobHandler } from '../storage/job-handler.ts';
import type { AuthorizeDeps } from './authorize-deps.ts';
import { invitationToken, startUrl } from './invitation-link.ts';
import {
  type InvitationId,
  type InvitationRow,
  markInvitationSent,
  selectInvitation,
} from './invitation-store.ts';
import { endOf } from './open-invitation.ts';

export const sendInvitationJob = 'authorize.send_invitation';

type Deps = Pick<AuthorizeDeps, 'doors' | 'vault' | 'clock' | 'mailer' | 'publicUrl' | 'log'>;

export function createSendInvitation(deps: Deps): JobHandler {
  const { doors, mailer, clock, log } = deps;
  return async (payload, helpers) => {
    const { tenantId, invitationId } = payload as { tenantId: TenantId; invitationId: InvitationId };
    if (!isUuid(tenantId) || !isUuid(invitationId)) return;
    const written = await write(deps, tenantId, invitationId);
    if (written === null) return;
    const { row, message } = written;
    try {
      await mailer.send(message);
    } catch (error) {
      const isOver = isFault(error, 'mail_refused') || helpers.isLastAttempt;
      log.warn('invitation mail failed', { invitation: row.id, isOver, ...errorFields(error) });
      if (helpers.attempt === 1 || isOver) await note(deps, row, isOver ? 'failed' : 'delayed');
      if (isFault(error, 'mail_refused')) return;
      throw error;
    }
    await doors.withTenant(tenantId, (tx) => markInvitationSent(tx, row.id, clock.now()));
    await note(deps, row, 'sent');
  };
}

/** Null when there is nothing to send any more. */
async function write(
  deps: Deps,
  tenant: TenantId,
  id: InvitationId,
): Promise<{ readonly row: InvitationRow; readonly message: Message } | null> {
  return await deps.doors.withTenant(tenant, async (tx) => {
    const row = await selectInvitation(tx, id);
    if (row === null || row.sentAt !== null || endOf(row, deps.clock.now()) !== null) return null;
    const { snapshot } = row;
    const token = await invitationToken(tx, deps.vault, tenant, id);
    const message = invitationMessage({
      to: row.recipient,
      organizationName: snapshot.organizationName,
      requesterName: snapshot.requesterName,
      customerName: snapshot.customerName,
      credentialLabel: snapshot.subjectLabel,
      serviceName: snapshot.providerName,
      note: row.message === '' ? null : row.message,
      link: new URL(startUrl(deps.publicUrl, token)),
      expiresAt: row.expiresAt,
      publicUrl: new URL(deps.publicUrl),
    });
    return { row, message };
  });
}

const lines = {
  sent: {
    severity: 'info',
    code: 'invitation_sent',
    words: (to: string) => `The invitation was mailed to ${to}.`,
  },
  delayed: {
    severity: 'warn',
    code: 'invitation_delayed',
    words: (to: string) =>
      `The mail server did not take the invitation to ${to}; it is tried again by itself.`,
  },
  failed: {
    severity: 'error',
    code: 'invitation_failed',
    words: (to: string) =>
      `The invitation to ${to} could not be mailed. Check the address and the mail settings, then invite again.`,
  },
} as const;

async function note(deps: Deps, row: InvitationRow, what: keyof typeof lines): Promise<void> {
  const { severity, code, words } = lines[what];
  const { credentialId, snapshot, recipient, tenantId } = row;
  await deps.doors.withTenant(tenantId, (tx) =>
    writeConnectionLog(tx, {
      credentialId,
      connectionId: snapshot.connectionId,
      severity,
      code,
      message: words(recipient),
    }),
  );
}
