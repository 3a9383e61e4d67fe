// The link of an invitation: where its token comes from and where it leads.
import type { TenantId } from '../kernel/ids.ts';
import type { Tx } from '../storage/doors.ts';
import type { Vault } from '../vault/vault.ts';
import type { InvitationId } from './invitation-store.ts';
import { secretLink } from './link-key.ts';

/**
 * The link's token is not kept anywhere: the mail's job, which may run again, makes the same one anew with a key that
 * only the vault has. The database holds its hash alone.
 */
export async function invitationToken(
  tx: Tx,
  vault: Vault,
  tenant: TenantId,
  id: InvitationId,
): Promise<string> {
  return secretLink(tenant, await vault.fingerprint(tx, tenant, 'invitation-link', id));
}

/** Pages at which consents begin: of invitations here, of credentials and connections by `recordKey`. */
export function startUrl(publicUrl: string, key: string): string {
  return `${publicUrl}/oauth/start/${key}`;
}
