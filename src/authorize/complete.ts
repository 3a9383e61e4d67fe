// The provider has sent the browser back. Anybody can call this address, so nothing is used up and no code is posted
// anywhere before the answer has proved to be for this redirect URI, from this browser, by this person. Then the state
// is used once, one token request is sent, and its result waits, sealed, for the account to be confirmed.
import { audit } from '../audit/event.ts';
import { type AuthClient, getAuthClient } from '../credentials/auth-client.ts';
import { selectAuthClient } from '../credentials/auth-client-store.ts';
import { openClientSecrets } from '../credentials/client-secret.ts';
import { getConnectionType } from '../credentials/connection-type.ts';
import { findCredential } from '../credentials/credential.ts';
import { getRegistration, type Registration } from '../credentials/registration.ts';
import { Fault, notFound } from '../kernel/fault.ts';
import type { TenantId } from '../kernel/ids.ts';
import {
  type AuthorizationResponse,
  isIssuerAccepted,
  readAuthorizationResponse,
} from '../oauth/authorization-response.ts';
import type { Tx } from '../storage/doors.ts';
import type { Actor } from '../tenancy/actor.ts';
import { placeOf } from '../vault/sealed-columns.ts';
import {
  type AuthorizationRow,
  claimForExchange,
  selectAuthorization,
  selectAuthorizationByState,
} from './authorization-store.ts';
import type { AuthorizeDeps } from './authorize-deps.ts';
import { isBrowserToken, noCookie } from './browser-binding.ts';
import { actorOf, refuseStranger, type Visitor } from './consent-actor.ts';
import { endConsent } from './consent-end.ts';
import { providerOf, registrationOf } from './consent-target.ts';
import { type ConsentView, viewOf } from './consent-view.ts';
import { denialText } from './denial-text.ts';
import { hashLink, tenantOfSecretLink } from './link-key.ts';
import { type Exchange, redeemCode } from './redeem-code.ts';
import { isCallbackOf, pinOf } from './redirect-uri.ts';

export type CallbackInput = {
  /** Our own base URL and the path that was called, without the query: what the provider was told to use. */
  readonly receivedRedirectUri: string;
  /** The raw query string. */
  readonly query: string;
  readonly browserToken: string | null;
  /** Who is signed in in this browser, if anybody. */
  readonly actor: Actor | null;
};

/** Longer than a token request may take, so that the sweep never meets one under way. */
const exchangeSeconds = 60;

type Taken =
  | { readonly kind: 'refused'; readonly fault: Fault }
  | { readonly kind: 'view'; readonly view: ConsentView }
  | { readonly kind: 'exchange'; readonly exchange: Exchange };

type Answer = Exclude<AuthorizationResponse, { readonly kind: 'malformed' }>;

/** Faults are 4xx and use nothing up; everything else is a view of the consent, failed ones included. */
export async function completeConsent(deps: AuthorizeDeps, input: CallbackInput): Promise<ConsentView> {
  const answer = readAuthorizationResponse(input.query);
  if (answer.kind === 'malformed') throw malformed(answer.problem);
  const tenant = tenantOfSecretLink(answer.state);
  if (tenant === null) throw unknownState();
  if (!isBrowserToken(input.browserToken)) throw noCookie();
  const visitor: Visitor = { browserToken: input.browserToken, actor: input.actor };
  const taken = await deps.doors.withTenant(tenant, (tx) => take(deps, tx, { answer, visitor, input }));
  switch (taken.kind) {
    case 'refused':
      throw taken.fault;
    case 'view':
      return taken.view;
    case 'exchange':
      await redeemCode(deps, taken.exchange);
      return await show(deps, tenant, taken.exchange.row, visitor);
  }
}

async function show(
  deps: AuthorizeDeps,
  tenant: TenantId,
  { id }: AuthorizationRow,
  visitor: Visitor,
): Promise<ConsentView> {
  return await deps.doors.withTenant(tenant, async (tx) => {
    const row = await selectAuthorization(tx, id);
    if (row === null) throw notFound('Credential');
    return await viewOf(tx, row, visitor.browserToken);
  });
}

type Presented = { readonly answer: Answer; readonly visitor: Visitor; readonly input: CallbackInput };

async function take(deps: AuthorizeDeps, tx: Tx, presented: Presented): Promise<Taken> {
  const { answer, visitor } = presented;
  const row = await selectAuthorizationByState(tx, hashLink(answer.state));
  if (row === null) return { kind: 'refused', fault: unknownState() };
  const registration = await getRegistration(tx, row.registrationId);
  const misdirected = await refuseMisdirected(deps, tx, { row, registration, presented });
  if (misdirected !== null) return { kind: 'refused', fault: misdirected };
  const stranger = await refuseStranger(tx, row, visitor);
  if (stranger !== null) return { kind: 'refused', fault: stranger };
  // Loading the callback's address again shows what came of it, to the one who may see it.
  if (row.status === 'exchanging') return { kind: 'refused', fault: underWay() };
  if (row.status !== 'started') return { kind: 'view', view: await viewOf(tx, row, visitor.browserToken) };
  const expiresAt = new Date(deps.clock.now().getTime() + exchangeSeconds * 1000);
  if (!(await claimForExchange(tx, row.id, { now: deps.clock.now(), expiresAt }))) {
    return { kind: 'refused', fault: row.expiresAt <= deps.clock.now() ? tooLate() : underWay() };
  }
  return await judge(deps, tx, { row, registration, presented });
}

type Judged = {
  readonly row: AuthorizationRow;
  readonly registration: Registration;
  readonly presented: Presented;
};

/** A code that arrives on another registration's address was made for another provider: it goes nowhere. */
async function refuseMisdirected(deps: AuthorizeDeps, tx: Tx, judged: Judged): Promise<Fault | null> {
  const { row, registration, presented } = judged;
  const received = presented.input.receivedRedirectUri;
  const pin = pinOf(registration, deps.pinnedProviders);
  const isOurs = isCallbackOf(received, { registration, pin, publicUrl: deps.publicUrl });
  if (received === row.redirectUri && isOurs) return null;
  await audit(tx, {
    action: 'authorization.failed',
    actor: await actorOf(tx, row, presented.input.actor),
    object: { kind: 'credential', id: row.credentialId },
    result: 'refused',
    detail: { authorization: row.id, policy: row.policy, code: 'redirect_uri_mismatch' },
  });
  return new Fault('bad_request', 'The provider answered on an address that belongs to another app.', {
    cure: 'Do not go on; somebody may be trying to mix up two providers. Begin again from Latchkey.',
  });
}

/** The state is used up from here on. */
async function judge(deps: AuthorizeDeps, tx: Tx, judged: Judged): Promise<Taken> {
  const { row, registration, presented } = judged;
  const { answer, visitor } = presented;
  const credential = await findCredential(tx, row.credentialId);
  if (credential === null) throw notFound('Credential');
  const type = await getConnectionType(tx, credential.connectionType);
  const provider = providerOf(registration, type, pinOf(registration, deps.pinnedProviders));
  const fail = async (code: string, text: string, denied = false): Promise<Taken> => {
    await endConsent(tx, row, {
      status: 'failed',
      code,
      text,
      actor: await actorOf(tx, row, visitor.actor),
      action: denied ? 'authorization.denied' : 'authorization.failed',
    });
    deps.log.info('consent failed', { tenant: row.tenantId, authorizationId: row.id, reason: code });
    const ended = await selectAuthorization(tx, row.id);
    return { kind: 'view', view: await viewOf(tx, ended ?? row, visitor.browserToken) };
  };
  if (!isIssuerAccepted(provider, answer.iss)) {
    return await fail(
      'issuer_mismatch',
      'The answer does not come from the provider that was asked. Begin again; if it lasts, check the addresses of the provider.',
    );
  }
  if (answer.kind === 'denied') return await fail(answer.code, denialText(answer), true);
  const client = await findClient(tx, row);
  const current = client === null ? null : await registrationOf(tx, client, credential);
  if (client === null || current?.id !== registration.id) {
    return await fail(
      'client_changed',
      'The OAuth client was changed while you were at the provider. Begin again.',
    );
  }
  const secrets = await openClientSecrets(tx, deps.vault, client);
  const { tenantId, id, verifierSealed } = row;
  const place = placeOf('authorizationVerifier', { tenant_id: tenantId, id });
  const codeVerifier = verifierSealed === null ? null : await deps.vault.open(tx, place, verifierSealed);
  const { code, params: callbackParams } = answer;
  const clientSecret = secrets[0]?.secret ?? null;
  return {
    kind: 'exchange',
    exchange: {
      row,
      visitor,
      registration,
      client,
      provider,
      clientSecret,
      code,
      codeVerifier,
      callbackParams,
    },
  };
}

async function findClient(tx: Tx, row: AuthorizationRow): Promise<AuthClient | null> {
  const isThere = (await selectAuthClient(tx, row.authClientId)) !== null;
  return isThere ? await getAuthClient(tx, row.authClientId) : null;
}

function malformed(problem: string): Fault {
  return new Fault('bad_request', problem, { cure: 'Begin again from Latchkey.' });
}

function unknownState(): Fault {
  return new Fault('bad_request', 'This answer belongs to no connection that was begun here.', {
    cure: 'Begin again from Latchkey.',
  });
}

function underWay(): Fault {
  return new Fault('conflict', 'This answer of the provider is being worked on.', {
    cure: 'Wait for the page that is loading already.',
  });
}

function tooLate(): Fault {
  return new Fault('gone', 'The provider’s answer came too late.', { cure: 'Begin again from Latchkey.' });
}
