// Trades the code for tokens: one request, never repeated, because codes work once. Its result is sealed where it waits
// for confirmation; the grant is not touched, and nothing is refreshed while somebody is connecting.
import { audit } from '../audit/event.ts';
import type { AuthClient } from '../credentials/auth-client.ts';
import { findCredential } from '../credentials/credential.ts';
import { getGrant } from '../credentials/grant.ts';
import { markAwaitingConfirmation } from '../credentials/grant-store.ts';
import { writeConnectionLog } from '../credentials/log-store.ts';
import type { Registration } from '../credentials/registration.ts';
import { leaveRevocation } from '../credentials/revocation.ts';
import { errorFields } from '../kernel/log.ts';
import type { Plain } from '../kernel/plain.ts';
import type { Provider } from '../oauth/provider.ts';
import { revokeTokens } from '../oauth/revocation.ts';
import type { TokenProblem } from '../oauth/token-outcome.ts';
import { exchangeCode } from '../oauth/token-request.ts';
import type { TokenSet } from '../oauth/token-set.ts';
import type { Tx } from '../storage/doors.ts';
import { enqueue } from '../storage/job.ts';
import { findAccount, toAccount } from './account.ts';
import { type AuthorizationRow, keepResult } from './authorization-store.ts';
import type { AuthorizeDeps } from './authorize-deps.ts';
import { actorOf, type Visitor } from './consent-actor.ts';
import { endConsent, giveBackTokens, type Held } from './consent-end.ts';
import { type ConsentResult, sealResult, toConsentResult } from './consent-result.ts';
import { expireJob, expireJobKey } from './expire.ts';
import { compareScopes } from './granted-scope.ts';

/** A callback that was found to be for us: its state is used up, its code not yet. */
export type Exchange = {
  readonly row: AuthorizationRow;
  readonly visitor: Visitor;
  readonly registration: Registration;
  readonly client: AuthClient;
  readonly provider: Provider;
  readonly clientSecret: Plain | null;
  readonly code: Plain;
  readonly codeVerifier: Plain | null;
  readonly callbackParams: Readonly<Record<string, string>>;
};

/** To look at an account's name and say yes. */
const confirmMinutes = 10;

export async function redeemCode(deps: AuthorizeDeps, exchange: Exchange): Promise<void> {
  const { row, provider, registration } = exchange;
  const issuedAt = deps.clock.now();
  const outcome = await exchangeCode({
    egress: deps.egress,
    clock: deps.clock,
    provider,
    client: { clientId: registration.clientId, clientSecret: exchange.clientSecret },
    code: exchange.code,
    redirectUri: row.redirectUri,
    codeVerifier: exchange.codeVerifier,
  });
  if (outcome.kind !== 'success') {
    deps.log.info('consent failed', {
      tenant: row.tenantId,
      authorizationId: row.id,
      kind: outcome.kind,
      reason: outcome.code,
    });
    return await deps.doors.withTenant(row.tenantId, (tx) => failExchange(tx, exchange, outcome));
  }
  const result = toConsentResult(outcome.tokens, keptParams(exchange.callbackParams), issuedAt);
  try {
    await deps.doors.withTenant(row.tenantId, (tx) => keep(deps, tx, exchange, outcome.tokens, result));
  } catch (error) {
    // The tokens exist nowhere but here: rather none at the provider than some that nobody knows of.
    deps.log.error('a consent cannot be stored', { authorizationId: row.id, ...errorFields(error) });
    await revokeTokens({
      egress: deps.egress,
      provider,
      client: { clientId: registration.clientId, clientSecret: exchange.clientSecret },
      accessToken: outcome.tokens.accessToken,
      refreshToken: outcome.tokens.refreshToken,
    });
    throw error;
  }
}

async function keep(
  deps: AuthorizeDeps,
  tx: Tx,
  exchange: Exchange,
  answer: TokenSet,
  result: ConsentResult,
): Promise<void> {
  const { row, provider, registration } = exchange;
  const { callbackParams } = result.tokens;
  const identity = findAccount({ tokens: answer, provider, clientId: registration.clientId, callbackParams });
  const account = await toAccount(tx, deps.vault, row.tenantId, identity);
  const held = { ...row, accountRef: account?.ref ?? null };
  const scopes = compareScopes(row.requestedScope, answer.scope);
  if ((await findCredential(tx, row.credentialId)) === null) return await leaveBehind(deps, tx, held, result);
  if (scopes.extra.length > 0) {
    await giveBackTokens(tx, deps.vault, held, result.tokens, 'cancelled');
    return await refuseWider(tx, exchange, scopes.extra);
  }
  const grant = await getGrant(tx, row.credentialId);
  const expiresAt = new Date(deps.clock.now().getTime() + confirmMinutes * 60_000);
  const isKept = await keepResult(tx, row.id, {
    sealed: await sealResult(tx, deps.vault, row, result),
    accountRef: account?.ref ?? null,
    accountLabel: account?.label ?? null,
    // An account that we cannot name is not known to be the same one.
    accountChanged: grant.accountRef !== null && account?.ref.equals(grant.accountRef) !== true,
    expiresAt,
  });
  if (!isKept) return await giveBackTokens(tx, deps.vault, held, result.tokens, 'superseded');
  await markAwaitingConfirmation(tx, row.credentialId, true);
  await enqueue(
    tx,
    expireJob,
    { authorizationId: row.id },
    { runAt: expiresAt, jobKey: expireJobKey(row.id) },
  );
  if (scopes.missing.length > 0) await warnNarrower(tx, exchange, scopes.missing);
  await audit(tx, {
    action: 'authorization.completed',
    actor: await actorOf(tx, row, exchange.visitor.actor),
    object: { kind: 'credential', id: row.credentialId },
    detail: { authorization: row.id, policy: row.policy, account: account?.label ?? null },
  });
}

/** The credential was deleted while the provider took its time: the revocation's audit event is the receipt. */
async function leaveBehind(deps: AuthorizeDeps, tx: Tx, held: Held, result: ConsentResult): Promise<void> {
  await leaveRevocation({
    tx,
    vault: deps.vault,
    tenant: held.tenantId,
    credentialId: held.credentialId,
    registrationId: held.registrationId,
    accountRef: held.accountRef,
    client: { tenantId: held.authClientTenantId, id: held.authClientId },
    tokens: result.tokens,
    reason: 'deleted',
  });
}

/** Nobody agreed to more than was asked for; what came with it is not kept. */
async function refuseWider(tx: Tx, exchange: Exchange, extra: readonly string[]): Promise<void> {
  const { row } = exchange;
  await endConsent(tx, row, {
    status: 'failed',
    code: 'scope_wider',
    text: `The provider granted more than was asked for (${listed(extra)}); the tokens were not kept. Ask for these scopes too, or correct the app at the provider.`,
    actor: await actorOf(tx, row, exchange.visitor.actor),
    action: 'authorization.failed',
  });
}

async function warnNarrower(tx: Tx, { row }: Exchange, missing: readonly string[]): Promise<void> {
  await writeConnectionLog(tx, {
    credentialId: row.credentialId,
    connectionId: row.connectionId,
    severity: 'warn',
    code: 'scope_narrower',
    message: `The provider granted less than was asked for; missing: ${listed(missing)}. What needs these scopes will fail.`,
  });
}

async function failExchange(tx: Tx, exchange: Exchange, problem: TokenProblem): Promise<void> {
  const { row } = exchange;
  const said = problem.message === null ? '' : `The provider says: ${problem.message} — `;
  await endConsent(tx, row, {
    status: 'failed',
    code: problem.code,
    text: `${said}${problem.cure}`,
    actor: await actorOf(tx, row, exchange.visitor.actor),
    action: 'authorization.failed',
  });
}

/** A provider's spelling, fit for a sentence. */
function listed(scopes: readonly string[]): string {
  const shown = scopes.slice(0, 10).map((scope) => scope.replace(/[^\x21-\x7e]/g, '').slice(0, 100));
  return `${shown.join(', ')}${scopes.length > 10 ? ' …' : ''}`;
}

// `scope`, `session_state` and the like belong to the answer, not to the connection.
const ofTheAnswer = new Set(['scope', 'session_state', 'authuser', 'prompt', 'hd', 'response_mode']);
const maxParams = 20;
const maxParamLength = 500;

function keptParams(params: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  const kept = Object.entries(params).filter(
    ([name, value]) => !ofTheAnswer.has(name) && name.length <= 100 && value.length <= maxParamLength,
  );
  return Object.fromEntries(kept.slice(0, maxParams));
}
