// Which shared auth clients may serve at a unit: those of the unit itself, of the units above it, and the platform's.
import { invalidField, notFound } from '../kernel/fault.ts';
import type { AuthClientId, TenantId, UnitId } from '../kernel/ids.ts';
import type { Tx } from '../storage/doors.ts';
import { type AuthClient, getAuthClient } from './auth-client.ts';
import type { ConnectionType } from './connection-type.ts';
import { fieldKeyOfRole } from './oauth-field.ts';

/** Never one of a sibling, a unit beneath or another tenant, and never somebody's inline client. */
export async function getUsableClient(
  tx: Tx,
  options: {
    readonly id: AuthClientId;
    readonly tenant: TenantId;
    readonly unitPath: readonly UnitId[];
    readonly type: ConnectionType;
  },
): Promise<AuthClient> {
  const { id, tenant, unitPath, type } = options;
  const client = await getAuthClient(tx, id);
  const isAbove = client.tenantId !== tenant || unitPath.includes(client.unitId);
  if (client.ownerCredentialId !== null || !isAbove) throw notFound('Auth client', 'authClient');
  if (type.oauthKind !== null && client.registration === null) {
    throw invalidField(
      'authClient',
      'is not an OAuth client.',
      `Choose one with a client id and addresses (${fieldKeyOfRole(type.fields, 'clientId') ?? 'client_id'}).`,
    );
  }
  return client;
}
