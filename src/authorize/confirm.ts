// The last word of a consent: the person in whose browser it happened has seen which account it is. Accepting puts the
// tokens into the grant; cancelling gives them back. Only now are the tokens of a consent before this one ended.
import { audit } from '../audit/event.ts';
import { type AuthClient, getAuthClient } from '../credentials/auth-client.ts';
import { selectAuthClient } from '../credentials/auth-client-store.ts';
import { getConnectionType } from '../credentials/connection-type.ts';
import { type Credential, findCredential } from '../credentials/credential.ts';
import { revokeLater } from '../credentials/disconnect.ts';
import { lockGrant, storeConsent } from '../credentials/grant.ts';
import type { GrantRow } from '../credentials/grant-store.ts';
import { selectLearnedSeconds } from '../credentials/learned-lifetime-store.ts';
import { writeConnectionLog } from '../credentials/log-store.ts';
import { getRegistration, providerKeyOf, type Registration } from '../credentials/registration.ts';
import { Fault, notFound } from '../kernel/fault.ts';
import type { Tx } from '../storage/doors.ts';
import { enqueue } from '../storage/job.ts';
import { type Actor, can } from '../tenancy/actor.ts';
import {
  type AuthorizationId,
  type AuthorizationRow,
  endAuthorization,
  lockAuthorization,
  selectAuthorization,
} from './authorization-store.ts';
import type { AuthorizeDeps } from './authorize-deps.ts';
import { checkFormToken, isBrowserToken, noCookie } from './browser-binding.ts';
import { actorOf, refuseStranger, type Visitor } from './consent-actor.ts';
import { type ConsentEnd, endConsent, giveBackResult, giveBackTokens, isSameAccount } from './consent-end.ts';
import { type ConsentResult, openResult, timingOf } from './consent-result.ts';
import { providerOf } from './consent-target.ts';
import { type ConsentView, viewOf } from './consent-view.ts';
import { completeInvitation, lockInvitation } from './invitation-store.ts';
import { parseRecordKey } from './link-key.ts';
import { notifyJob } from './notify-requester.ts';
import { endOf } from './open-invitation.ts';
import { pinOf } from './redirect-uri.ts';

type Who = { readonly browserToken: string | null; readonly actor: Actor | null };

/** The page behind `key`, for the browser (and the person) of that consent only. Changes nothing. */
export async function viewConsent(
  deps: AuthorizeDeps,
  options: Who & { readonly key: string },
): Promise<ConsentView> {
  const { tenant, id } = parseKey(options.key);
  if (!isBrowserToken(options.browserToken)) throw noCookie();
  const visitor: Visitor = { browserToken: options.browserToken, actor: options.actor };
  const seen = await deps.doors.withTenant(tenant, async (tx) => {
    const row = await selectAuthorization(tx, id);
    if (row === null) throw notFound('Connection');
    const stranger = await refuseStranger(tx, row, visitor);
    return stranger ?? (await viewOf(tx, row, visitor.browserToken));
  });
  if (seen instanceof Fault) throw seen;
  return seen;
}

export type ConfirmOptions = Who & {
  readonly key: string;
  /** From the page's form: `ConsentView.formToken`. */
  readonly formToken: string;
  readonly decision: 'accept' | 'cancel';
  /** Said on the page where another account than before was connected. */
  readonly acceptsAccountChange: boolean;
};

/** Faults are 4xx and decide nothing; else the consent as it stands then. Repeating a decision changes nothing. */
export async function confirmConsent(deps: AuthorizeDeps, options: ConfirmOptions): Promise<ConsentView> {
  const { tenant, id } = parseKey(options.key);
  const browserToken = checkFormToken(options.formToken, options.browserToken, options.key);
  const visitor: Visitor = { browserToken, actor: options.actor };
  const decided = await deps.doors.withTenant(tenant, async (tx) => {
    const row = await lockAuthorization(tx, id);
    if (row === null) throw notFound('Connection');
    const stranger = await refuseStranger(tx, row, visitor);
    if (stranger !== null) return stranger;
    if (row.status === 'exchanged') await decide(deps, tx, row, options);
    return await viewOf(tx, (await selectAuthorization(tx, id)) ?? row, browserToken);
  });
  if (decided instanceof Fault) throw decided;
  return decided;
}

function parseKey(key: string) {
  const parsed = parseRecordKey<AuthorizationId>(key);
  if (parsed === null) throw notFound('Connection');
  return parsed;
}

async function decide(
  deps: AuthorizeDeps,
  tx: Tx,
  row: AuthorizationRow,
  options: ConfirmOptions,
): Promise<void> {
  const actor = await actorOf(tx, row, options.actor);
  const giveUp = async (end: Omit<ConsentEnd, 'actor'>): Promise<void> => {
    await giveBackResult(tx, deps.vault, row, 'cancelled');
    await endConsent(tx, row, { ...end, actor });
  };
  if (row.expiresAt <= deps.clock.now()) {
    const text = 'The account was not confirmed in time; the tokens are given back. Begin again.';
    return await giveUp({ status: 'failed', code: 'expired', text, action: 'authorization.failed' });
  }
  if (options.decision === 'cancel') {
    const text = `${actor.name ?? 'The person'} cancelled; the tokens are given back to the provider.`;
    return await giveUp({ status: 'cancelled', code: 'cancelled', text, action: 'authorization.cancelled' });
  }
  const ended = await noLongerAllowed(deps, tx, row, options.actor);
  if (ended !== null) return await giveUp(ended);
  if (row.accountChanged && !options.acceptsAccountChange) throw otherAccount();
  await accept(deps, tx, row, options.actor);
}

/** Rights may have been taken away, or the invitation taken back or used, since the consent began. */
async function noLongerAllowed(
  deps: AuthorizeDeps,
  tx: Tx,
  row: AuthorizationRow,
  visitor: Actor | null,
): Promise<Omit<ConsentEnd, 'actor'> | null> {
  const refusal = { status: 'failed', action: 'authorization.failed' } as const;
  if (row.invitationId !== null) {
    const invitation = await lockInvitation(tx, row.invitationId);
    const ended = invitation === null ? null : endOf(invitation, deps.clock.now());
    if (ended !== null) return { ...refusal, code: 'invitation_ended', text: ended.public };
  }
  if ((await selectAuthClient(tx, row.authClientId)) === null) {
    const text = 'The OAuth client was deleted while you were connecting. Begin again.';
    return { ...refusal, code: 'client_changed', text };
  }
  if (row.policy !== 'session') return null;
  const credential = await findCredential(tx, row.credentialId);
  const path = credential?.unitPath ?? [];
  if (visitor !== null && can(visitor, 'credential.authorize', path)) return null;
  const text = 'You may no longer connect this; the tokens are given back to the provider.';
  return { ...refusal, code: 'forbidden', text };
}

async function accept(
  deps: AuthorizeDeps,
  tx: Tx,
  row: AuthorizationRow,
  visitor: Actor | null,
): Promise<void> {
  const credential = await findCredential(tx, row.credentialId);
  const result = await openResult(tx, deps.vault, row);
  if (credential === null || result === null) throw notFound('Connection');
  const registration = await getRegistration(tx, row.registrationId);
  const client = await getAuthClient(tx, row.authClientId);
  const before = await lockGrant(tx, row.credentialId);
  if (before === null) throw notFound('OAuth grant');
  const isCurrent = before.consentNo === row.expectedConsentNo;
  // Before the row is overwritten: afterwards nobody could open these tokens any more.
  if (isCurrent) await endTokensBefore(deps, tx, row, before);
  const stored = await storeConsent({
    tx,
    vault: deps.vault,
    credentialId: row.credentialId,
    expectedConsentNo: row.expectedConsentNo,
    tokens: result.tokens,
    timing: await timing(deps, tx, { credential, registration, client, result }),
    registration,
    mintedBy: { tenantId: client.tenantId, id: client.id },
    providerKey: providerKeyOf(registration),
    account:
      row.accountRef === null || row.accountLabel === null
        ? null
        : { ref: row.accountRef, label: row.accountLabel },
    grantedScope: result.tokens.scope ?? row.requestedScope,
  });
  if (stored === 'superseded') return await superseded(deps, tx, row, result, visitor);
  await endAuthorization(tx, row.id, { status: 'completed', confirmedAt: deps.clock.now() });
  await useUpInvitation(deps, tx, row);
  await record(tx, row, before, visitor);
}

async function timing(
  deps: AuthorizeDeps,
  tx: Tx,
  of: {
    readonly credential: Credential;
    readonly registration: Registration;
    readonly client: AuthClient;
    readonly result: ConsentResult;
  },
) {
  const type = await getConnectionType(tx, of.credential.connectionType);
  const provider = providerOf(of.registration, type, pinOf(of.registration, deps.pinnedProviders));
  const learnedSeconds = await selectLearnedSeconds(tx, providerKeyOf(of.registration));
  return timingOf(of.result, { client: of.client, provider, learnedSeconds, random: deps.random });
}

async function useUpInvitation(deps: AuthorizeDeps, tx: Tx, row: AuthorizationRow): Promise<void> {
  if (row.invitationId === null) return;
  await completeInvitation(tx, row.invitationId, deps.clock.now());
  await audit(tx, {
    action: 'invitation.completed',
    actor: await actorOf(tx, row, null),
    object: { kind: 'credential', id: row.credentialId },
    detail: { invitation: row.invitationId },
  });
  await enqueue(tx, notifyJob, { authorizationId: row.id }, { jobKey: `${notifyJob}:${row.id}` });
}

/**
 * At some providers (Google) revoking one token ends every token of that user and app, the new ones included. So the
 * old ones are revoked only where they certainly belong to another account or another app.
 */
async function endTokensBefore(
  deps: AuthorizeDeps,
  tx: Tx,
  row: AuthorizationRow,
  before: GrantRow,
): Promise<void> {
  if (before.ct === null) return;
  if (!isSameAccount(before, row)) return await revokeLater({ tx, vault: deps.vault }, before, 'replaced');
  await writeConnectionLog(tx, {
    credentialId: row.credentialId,
    connectionId: row.connectionId,
    severity: 'info',
    code: 'revocation_skipped',
    message:
      'The tokens of the consent before were not revoked at the provider: they belong to the same account and app, and revoking them could end the new ones.',
  });
}

async function superseded(
  deps: AuthorizeDeps,
  tx: Tx,
  row: AuthorizationRow,
  result: ConsentResult,
  visitor: Actor | null,
): Promise<void> {
  await giveBackTokens(tx, deps.vault, row, result.tokens, 'superseded');
  await endConsent(tx, row, {
    status: 'failed',
    code: 'superseded',
    text: 'Somebody else connected or disconnected it in the meantime; these tokens are given back. Look at it again before you begin anew.',
    actor: await actorOf(tx, row, visitor),
    action: 'authorization.failed',
  });
}

async function record(tx: Tx, row: AuthorizationRow, before: GrantRow, visitor: Actor | null): Promise<void> {
  const actor = await actorOf(tx, row, visitor);
  const object = { kind: 'credential', id: row.credentialId };
  const account = row.accountLabel;
  await audit(tx, {
    action: 'authorization.confirmed',
    actor,
    object,
    detail: { authorization: row.id, policy: row.policy, account, accountChanged: row.accountChanged },
  });
  if (before.ct !== null) await audit(tx, { action: 'grant.replaced', actor, object, detail: { account } });
  await writeConnectionLog(tx, {
    credentialId: row.credentialId,
    connectionId: row.connectionId,
    severity: 'info',
    code: 'consent_completed',
    message: `${actor.name ?? 'Somebody'} connected ${account === null ? 'an account that the provider does not name' : `the account ${account}`}.`,
  });
}

function otherAccount(): Fault {
  return new Fault('conflict', 'This is another account than the one that was connected before.', {
    cure: 'Confirm that the connection shall change to this account, or cancel.',
    field: 'acceptsAccountChange',
  });
}
