// Everything that a consent for one credential needs to know: its OAuth client, the registration that stays pinned to
// the consent, the provider behind it, and the scopes that will be asked for.
import { type AuthClient, getAuthClient } from '../credentials/auth-client.ts';
import { type ConnectionType, getConnectionType } from '../credentials/connection-type.ts';
import type { Credential } from '../credentials/credential.ts';
import { fieldKeyOfRole } from '../credentials/oauth-field.ts';
import { ensureRegistration, type Registration } from '../credentials/registration.ts';
import { openStoredValues } from '../credentials/values.ts';
import { Fault } from '../kernel/fault.ts';
import { createProvider, type Provider } from '../oauth/provider.ts';
import type { Tx } from '../storage/doors.ts';
import type { Vault } from '../vault/vault.ts';
import { type PinnedProvider, pinOf } from './redirect-uri.ts';

export type ConsentTarget = {
  readonly credential: Credential;
  readonly type: ConnectionType;
  readonly client: AuthClient;
  readonly registration: Registration;
  readonly provider: Provider;
  readonly pin: PinnedProvider | null;
  /** As people wrote them; blank where the app at the provider fixes them. */
  readonly scopes: string;
};

export async function loadConsentTarget(
  tx: Tx,
  vault: Vault,
  credential: Credential,
  pinned: readonly PinnedProvider[],
): Promise<ConsentTarget> {
  if (credential.connectionType.oauthKind !== 'authorization_code') {
    throw new Fault('conflict', `${credential.connectionType.label} is not connected by consent.`, {
      cure: 'Only OAuth 2.0 credentials with an authorization address ask somebody for consent.',
    });
  }
  if (credential.authClientId === null) throw noClient();
  const type = await getConnectionType(tx, credential.connectionType);
  const client = await getAuthClient(tx, credential.authClientId);
  const registration = await registrationOf(tx, client, credential);
  const pin = pinOf(registration, pinned);
  return {
    credential,
    type,
    client,
    registration,
    provider: providerOf(registration, type, pin),
    pin,
    scopes: await scopesOf(tx, vault, { credential, type, client }),
  };
}

export function providerOf(
  registration: Registration,
  type: Pick<ConnectionType, 'pkce'>,
  pin: PinnedProvider | null,
): Provider {
  const issuer = pin?.issuer ?? null;
  return createProvider({
    ...registration,
    pkce: type.pkce,
    ...(issuer === null ? {} : { issuer, issAdvertised: true }),
  });
}

/**
 * The registration in the credential's own tenant. A client of the platform has the same identity here under a context
 * of this tenant, so that no redirect URI is shared between tenants.
 */
export async function registrationOf(
  tx: Tx,
  client: AuthClient,
  credential: Pick<Credential, 'tenantId'>,
): Promise<Registration> {
  const { registration } = client;
  if (registration === null) throw noClient();
  if (registration.tenantId === credential.tenantId) return registration;
  const { tenantId: _tenant, id: _id, context: _context, ...identity } = registration;
  return await ensureRegistration(tx, identity);
}

async function scopesOf(
  tx: Tx,
  vault: Vault,
  of: Pick<ConsentTarget, 'credential' | 'type' | 'client'>,
): Promise<string> {
  const { credential, type, client } = of;
  const key = fieldKeyOfRole(type.fields, 'scopes');
  if (key !== null && credential.fieldKeys.includes(key)) {
    const values = await openStoredValues({
      tx,
      vault,
      tenant: credential.tenantId,
      credentialId: credential.id,
    });
    const own = values.get(key)?.revealText().trim() ?? '';
    if (own !== '') return own;
  }
  return client.scopes ?? type.fields.find((field) => field.key === key)?.defaultValue ?? '';
}

function noClient(): Fault {
  return new Fault('conflict', 'This credential has no OAuth client yet.', {
    cure: 'Enter client id, client secret and the addresses of the provider, or choose an auth client.',
  });
}
