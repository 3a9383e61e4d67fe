// What the page says before anybody goes to a provider: who asks, for what, for whom, where one will sign in, and what
// will be allowed. Looking at it changes nothing and mints nothing.

import { findCredential } from '../credentials/credential.ts';
import { getGrant } from '../credentials/grant.ts';
import { notFound } from '../kernel/fault.ts';
import type { CredentialId } from '../kernel/ids.ts';
import { checkAuthorizeUrl } from '../oauth/endpoint-url.ts';
import type { Actor } from '../tenancy/actor.ts';
import type { AuthorizeDeps } from './authorize-deps.ts';
import { connectableCredential } from './begin.ts';
import { loadConsentTarget } from './consent-target.ts';
import { findOpenInvitation, tenantOfInvitation } from './open-invitation.ts';
import { callbackUri } from './redirect-uri.ts';
import { type Snapshot, type Subject, takeSnapshot } from './snapshot.ts';

export type StartPage = {
  readonly credentialId: CredentialId;
  readonly snapshot: Snapshot;
  readonly providerOrigin: string;
  /** The account that is connected now, if one is and the provider has named it. */
  readonly currentAccountLabel: string | null;
  readonly isConnected: boolean;
  /** To be registered at the provider; shown to those who may edit the credential. */
  readonly redirectUri: string;
  /** Only with an invitation. */
  readonly invitation: {
    readonly recipient: string;
    /** The requester's words: text, never markup. */
    readonly message: string;
    readonly expiresAt: Date;
  } | null;
};

export async function startPage(
  deps: AuthorizeDeps,
  options: { readonly actor: Actor; readonly credentialId: CredentialId; readonly subject?: Subject },
): Promise<StartPage> {
  const { actor, subject = {} } = options;
  return await deps.doors.withTenant(actor.tenant, async (tx) => {
    const credential = await connectableCredential(tx, actor, options.credentialId);
    const target = await loadConsentTarget(tx, deps.vault, credential, deps.pinnedProviders);
    const snapshot = await takeSnapshot(tx, { target, requesterName: actor.name, subject });
    const { registration, pin } = target;
    const grant = await getGrant(tx, credential.id);
    return {
      credentialId: credential.id,
      snapshot,
      providerOrigin: checkAuthorizeUrl(registration.authorizeUrl, 'authorizeUrl').origin,
      currentAccountLabel: grant.accountLabel,
      isConnected: grant.ct !== null,
      redirectUri: callbackUri({ registration, pin, publicUrl: deps.publicUrl, door: 'c' }),
      invitation: null,
    };
  });
}

/** `gone` when the invitation has ended. The recipient learns nothing about what is connected now. */
export async function invitationPage(deps: AuthorizeDeps, token: string): Promise<StartPage> {
  return await deps.doors.withTenant(tenantOfInvitation(token), async (tx) => {
    const invitation = await findOpenInvitation(tx, token, deps.clock.now());
    const credential = await findCredential(tx, invitation.credentialId);
    if (credential === null) throw notFound('Credential');
    const target = await loadConsentTarget(tx, deps.vault, credential, deps.pinnedProviders);
    const { registration, pin } = target;
    return {
      credentialId: credential.id,
      snapshot: invitation.snapshot,
      providerOrigin: checkAuthorizeUrl(registration.authorizeUrl, 'authorizeUrl').origin,
      currentAccountLabel: null,
      isConnected: false,
      redirectUri: callbackUri({ registration, pin, publicUrl: deps.publicUrl, door: 'c' }),
      invitation: {
        recipient: invitation.recipient,
        message: invitation.message,
        expiresAt: invitation.expiresAt,
      },
    };
  });
}
