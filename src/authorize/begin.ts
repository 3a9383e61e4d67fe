// A consent begins: by somebody who is signed in and may connect this credential, or by whoever opened an invitation
// that went to a mailbox. It mints a state that is used once, within ten minutes, by the browser that began.
import { randomBytes } from 'node:crypto';
import { type AuditActor, audit } from '../audit/event.ts';
import { type Credential, findCredential, getCredential } from '../credentials/credential.ts';
import { getGrant } from '../credentials/grant.ts';
import { writeConnectionLog } from '../credentials/log-store.ts';
import { Fault, notFound } from '../kernel/fault.ts';
import { type CredentialId, newId, type TenantId } from '../kernel/ids.ts';
import { buildAuthorizeUrl, joinScopes } from '../oauth/authorize-url.ts';
import { challengeOf, createCodeVerifier } from '../oauth/pkce.ts';
import type { Tx } from '../storage/doors.ts';
import { enqueue } from '../storage/job.ts';
import { type Actor, requirePermission } from '../tenancy/actor.ts';
import { placeOf } from '../vault/sealed-columns.ts';
import {
  type AuthorizationId,
  type AuthorizationPolicy,
  insertAuthorization,
  selectStartedOfInvitation,
} from './authorization-store.ts';
import type { AuthorizeDeps } from './authorize-deps.ts';
import { hashBrowserToken, isBrowserToken, noCookie } from './browser-binding.ts';
import { invitedActor } from './consent-actor.ts';
import { endConsent } from './consent-end.ts';
import { type ConsentTarget, loadConsentTarget } from './consent-target.ts';
import { expireJob, expireJobKey } from './expire.ts';
import type { InvitationRow } from './invitation-store.ts';
import { hashLink, recordKey, secretLink } from './link-key.ts';
import { findOpenInvitation, tenantOfInvitation } from './open-invitation.ts';
import { type CallbackDoor, callbackUri } from './redirect-uri.ts';
import { type Snapshot, type Subject, takeSnapshot } from './snapshot.ts';

/** One try at the provider; whoever needs longer begins again. */
const consentMinutes = 10;

export type BeginOptions = {
  /** The cookie's value (`newBrowserToken` when the browser had none). */
  readonly browserToken: string;
  /** Which of our callback addresses the app at the provider was registered with. */
  readonly door?: CallbackDoor;
} & (
  | {
      readonly policy: 'session' | 'headless';
      readonly actor: Actor;
      readonly credentialId: CredentialId;
      readonly subject?: Subject;
    }
  | { readonly policy: 'invitation'; readonly invitationToken: string }
);

export type BegunConsent = {
  /** Where the browser goes now: the provider's page. */
  readonly authorizeUrl: string;
  /** Its origin, for the page's Content-Security-Policy. */
  readonly providerOrigin: string;
  readonly authorizationId: AuthorizationId;
  /** Names the consent in addresses of ours; gives no right. */
  readonly key: string;
  readonly expiresAt: Date;
};

type Beginning = {
  readonly policy: AuthorizationPolicy;
  readonly tenant: TenantId;
  readonly principal: Actor | null;
  readonly auditActor: AuditActor;
  readonly invitation: InvitationRow | null;
  readonly target: ConsentTarget;
  readonly snapshot: Snapshot;
};

export async function beginConsent(deps: AuthorizeDeps, options: BeginOptions): Promise<BegunConsent> {
  if (!isBrowserToken(options.browserToken)) throw noCookie();
  if (options.policy === 'invitation') {
    const { invitationToken } = options;
    return await deps.doors.withTenant(tenantOfInvitation(invitationToken), async (tx) =>
      mint(deps, tx, await acceptInvitation(deps, tx, invitationToken), options),
    );
  }
  const { actor, policy } = options;
  if (policy === 'headless' && !deps.allowHeadless) {
    throw new Fault('forbidden', 'Connecting without a signed-in person is switched off here.', {
      cure: 'Connect while signed in, send an invitation, or ask the operator to allow headless consents.',
    });
  }
  return await deps.doors.withTenant(actor.tenant, async (tx) => {
    const credential = await connectableCredential(tx, actor, options.credentialId);
    const target = await loadConsentTarget(tx, deps.vault, credential, deps.pinnedProviders);
    const subject = options.subject ?? {};
    const snapshot = await takeSnapshot(tx, { target, requesterName: actor.name, subject });
    const base = { policy, tenant: actor.tenant, principal: actor, auditActor: actor, invitation: null };
    return await mint(deps, tx, { ...base, target, snapshot }, options);
  });
}

/** The credential, when the actor may see and connect it. */
export async function connectableCredential(tx: Tx, actor: Actor, id: CredentialId): Promise<Credential> {
  const credential = await getCredential({ tx, actor, id });
  requirePermission(actor, 'credential.authorize', credential.unitPath);
  return credential;
}

/** An invitation has one consent at a time: beginning again ends what was begun before. */
async function acceptInvitation(deps: AuthorizeDeps, tx: Tx, token: string): Promise<Beginning> {
  const invitation = await findOpenInvitation(tx, token, deps.clock.now());
  const credential = await findCredential(tx, invitation.credentialId);
  if (credential === null) throw notFound('Credential');
  const auditActor = invitedActor(invitation.recipient);
  for (const id of await selectStartedOfInvitation(tx, invitation.id)) {
    await endConsent(
      tx,
      {
        id,
        credentialId: credential.id,
        connectionId: invitation.snapshot.connectionId,
        policy: 'invitation',
      },
      {
        status: 'cancelled',
        code: 'begun_again',
        text: 'The invited person began again.',
        actor: auditActor,
        action: 'authorization.cancelled',
      },
    );
  }
  const target = await loadConsentTarget(tx, deps.vault, credential, deps.pinnedProviders);
  // What is asked for may have changed since the mail was sent; who asks, for what, has not.
  const { organizationName, customerName, requesterName, subjectLabel, ...rest } = invitation.snapshot;
  const asked = await takeSnapshot(tx, {
    target,
    requesterName,
    subject: { redirects: { success: null, failure: null } },
  });
  const snapshot = { ...rest, ...pick(asked), organizationName, customerName, requesterName, subjectLabel };
  return {
    policy: 'invitation',
    tenant: credential.tenantId,
    principal: null,
    auditActor,
    invitation,
    target,
    snapshot,
  };
}

function pick(asked: Snapshot): Pick<Snapshot, 'providerName' | 'providerHost' | 'scopes'> {
  const { providerName, providerHost, scopes } = asked;
  return { providerName, providerHost, scopes };
}

async function mint(
  deps: AuthorizeDeps,
  tx: Tx,
  beginning: Beginning,
  options: BeginOptions,
): Promise<BegunConsent> {
  const { tenant, target, snapshot, policy, invitation, principal } = beginning;
  const { credential, client, registration, provider, pin } = target;
  const id = newId<AuthorizationId>();
  const state = secretLink(tenant, randomBytes(32));
  const verifier = createCodeVerifier();
  const challenge = challengeOf(verifier, provider.pkce);
  const redirectUri = callbackUri({
    registration,
    pin,
    publicUrl: deps.publicUrl,
    door: options.door ?? 'c',
  });
  const expiresAt = new Date(deps.clock.now().getTime() + consentMinutes * 60_000);
  // Built first: a wrong authorize parameter must not leave a consent behind.
  const authorizeUrl = buildAuthorizeUrl({
    provider,
    clientId: registration.clientId,
    redirectUri,
    state,
    scopes: target.scopes,
    challenge,
    params: { ...client.authorizeParams, ...credential.authorizeParams },
  });
  await insertAuthorization(tx, {
    tenantId: tenant,
    id,
    stateHash: hashLink(state),
    browserHash: hashBrowserToken(options.browserToken),
    credentialId: credential.id,
    connectionId: snapshot.connectionId,
    registrationId: registration.id,
    authClientTenantId: client.tenantId,
    authClientId: client.id,
    principalId: principal?.principalId ?? null,
    invitationId: invitation?.id ?? null,
    policy,
    redirectUri,
    requestedScope: joinScopes(target.scopes, provider.scopeSeparator),
    verifierSealed:
      challenge === null
        ? null
        : await deps.vault.seal(tx, placeOf('authorizationVerifier', { tenant_id: tenant, id }), verifier),
    expectedConsentNo: (await getGrant(tx, credential.id)).consentNo,
    snapshot,
    expiresAt,
  });
  await enqueue(tx, expireJob, { authorizationId: id }, { runAt: expiresAt, jobKey: expireJobKey(id) });
  await record(tx, beginning, id);
  return {
    authorizeUrl,
    providerOrigin: new URL(authorizeUrl).origin,
    authorizationId: id,
    key: recordKey(tenant, id),
    expiresAt,
  };
}

async function record(tx: Tx, beginning: Beginning, id: AuthorizationId): Promise<void> {
  const { auditActor, policy, target, snapshot } = beginning;
  await audit(tx, {
    action: 'authorization.started',
    actor: auditActor,
    object: { kind: 'credential', id: target.credential.id },
    detail: { authorization: id, policy, provider: snapshot.providerHost, headless: policy === 'headless' },
  });
  await writeConnectionLog(tx, {
    credentialId: target.credential.id,
    connectionId: snapshot.connectionId,
    severity: 'info',
    code: 'consent_started',
    message: `${auditActor.name ?? 'Somebody'} began to connect at ${snapshot.providerHost}.`,
  });
}
