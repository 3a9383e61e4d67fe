// One refresh of one armed grant: send once, then commit by (consent_no, token_no), or write down how it failed.
// The arming, which the caller has committed before, is also the proof that the database can persist the answer.
import { setTimeout as sleep } from 'node:timers/promises';
import { audit, systemActor } from '../audit/event.ts';
import { type AuthClientRow, selectAuthClient } from '../credentials/auth-client-store.ts';
import { mayProbe, mendAuthClient, tripAuthClient } from '../credentials/client-breaker.ts';
import { type ClientSecret, isClientUnproven, openClientSecrets } from '../credentials/client-secret.ts';
import { giveBackLate } from '../credentials/give-back.ts';
import { commitRefresh, openTokens, type StoredTokens } from '../credentials/grant.ts';
import { countFailed, countRefreshed } from '../credentials/grant-day-store.ts';
import { failRefresh, type GrantRow, releaseAttempt, selectArmedGrant } from '../credentials/grant-store.ts';
import { writeConnectionLog } from '../credentials/log-store.ts';
import { nextDue } from '../credentials/next-due.ts';
import { getRegistration, type Registration } from '../credentials/registration.ts';
import type { Clock } from '../kernel/clock.ts';
import type { CredentialId, TenantId } from '../kernel/ids.ts';
import { errorFields, type Log } from '../kernel/log.ts';
import type { Plain } from '../kernel/plain.ts';
import type { Egress } from '../oauth/egress.ts';
import { createProvider, type Provider } from '../oauth/provider.ts';
import type { TokenOutcome, TokenProblem } from '../oauth/token-outcome.ts';
import { refreshToken } from '../oauth/token-request.ts';
import { mergeRefreshed, type TokenSet } from '../oauth/token-set.ts';
import type { Doors, Tx } from '../storage/doors.ts';
import type { Vault } from '../vault/vault.ts';
import { decideFailure } from './failure-rule.ts';
import { type RefreshMeter, silentRefreshMeter } from './refresh-meter.ts';
import { productionTimings, type RefreshTimings } from './refresh-timings.ts';

export type Armed = {
  readonly tenant: TenantId;
  readonly credentialId: CredentialId;
  readonly attemptId: string;
  readonly armedAtMs: number;
};

export type RefreshResult =
  | { readonly kind: 'refreshed' }
  | { readonly kind: 'failed'; readonly problem: TokenProblem }
  /** Consent, disconnect or take-over came first; or nothing was sent. */
  | { readonly kind: 'void' };

export type RefreshOneDeps = {
  readonly doors: Doors;
  readonly vault: Vault;
  readonly egress: Egress;
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: Log;
  readonly timings?: RefreshTimings;
  readonly meter?: RefreshMeter;
};

type Rooms = Required<RefreshOneDeps>;

type Prepared = {
  readonly grant: GrantRow;
  readonly tokens: StoredTokens;
  readonly registration: Registration;
  readonly client: AuthClientRow | null;
  readonly secrets: readonly ClientSecret[];
  readonly provider: Provider;
  /** The client's breaker is open, and it is not our turn to probe. */
  readonly isBlocked: boolean;
};

/** Armed, and yet nothing to send: the grant is not refreshable, whatever its due time says. */
class NothingToSend extends Error {}

const noRefreshToken: TokenProblem = {
  kind: 'revoked',
  code: 'no_refresh_token',
  message: null,
  cure: 'The provider gave no refresh token. Connect the account again, and ask for offline access.',
};

/** A defect of ours in the middle of a request: it may have been sent. */
const internalTrouble: TokenProblem = {
  kind: 'unknown',
  code: 'internal_error',
  message: null,
  cure: 'Latchkey tries again by itself; the operator finds the reason in the log.',
};

export function createRefreshOne(given: RefreshOneDeps): (armed: Armed) => Promise<RefreshResult> {
  const deps: Rooms = { timings: productionTimings, meter: silentRefreshMeter, ...given };
  const { clock, log } = deps;

  return async (armed) => {
    const prepared = await prepareOrRelease(deps, armed);
    if (prepared === null) return { kind: 'void' };
    if (clock.monotonicMs() - armed.armedAtMs > deps.timings.startSlackMs) {
      await release(deps, armed, 0);
      return { kind: 'void' };
    }
    if (prepared.isBlocked) return await waitForClient(deps, armed, prepared);
    const issuedAt = clock.now();
    const sentAtMs = clock.monotonicMs();
    const outcome = await send(deps, prepared, armed).catch((error: unknown): TokenOutcome => {
      log.error('a token request ended unexpectedly', errorFields(error));
      return internalTrouble;
    });
    const { catalogueKey: asked } = prepared.provider;
    deps.meter.answered({ provider: asked, kind: outcome.kind, ms: clock.monotonicMs() - sentAtMs });
    if (outcome.kind === 'success') return await keepSuccess(deps, prepared, outcome.tokens, issuedAt);
    await keepFailure(deps, armed, prepared, outcome);
    const { tenant, credentialId: credential } = armed;
    log.info('refresh failed', { tenant, credential, kind: outcome.kind, reason: outcome.code });
    return { kind: 'failed', problem: outcome };
  };
}

/** Whatever goes wrong before sending has spent nothing: the attempt is given back, or it would stay armed while we live. */
async function prepareOrRelease(deps: Rooms, armed: Armed): Promise<Prepared | null> {
  try {
    return await deps.doors.withTenant(armed.tenant, (tx) => prepare(tx, deps.vault, armed));
  } catch (error) {
    deps.log.error('a refresh could not be prepared', errorFields(error));
    await release(deps, armed, deps.timings.troubleMs / 1000);
    return null;
  }
}

async function release(deps: Rooms, armed: Armed, retryAfterSeconds: number): Promise<void> {
  await deps.doors.withTenant(armed.tenant, (tx) =>
    releaseAttempt(tx, armed.credentialId, armed.attemptId, retryAfterSeconds),
  );
}

async function prepare(tx: Tx, vault: Vault, armed: Armed): Promise<Prepared | null> {
  const grant = await selectArmedGrant(tx, armed.credentialId, armed.attemptId);
  if (grant === null) return null;
  const tokens = await openTokens(tx, vault, grant);
  if (tokens === null || grant.registrationId === null)
    throw new NothingToSend('no tokens or no registration');
  const registration = await getRegistration(tx, grant.registrationId);
  const client = grant.mintedBy === null ? null : await selectAuthClient(tx, grant.mintedBy);
  const secrets = client === null ? [] : await openClientSecrets(tx, vault, client);
  const isOwn = client !== null && client.tenantId === armed.tenant;
  const isBlocked = isOwn && client.brokenSince !== null && !(await mayProbe(tx, client.id));
  return { grant, tokens, registration, client, secrets, provider: createProvider(registration), isBlocked };
}

/** Nothing is sent while the provider refuses the client itself; one grant in ten minutes asks for all of them. */
async function waitForClient(deps: Rooms, armed: Armed, prepared: Prepared): Promise<RefreshResult> {
  const problem: TokenProblem = {
    kind: 'client_rejected',
    code: 'invalid_client',
    message: null,
    cure: prepared.client?.brokenReason ?? 'Check the client id and the client secret.',
  };
  await keepFailure(deps, armed, prepared, problem);
  return { kind: 'failed', problem };
}

/** The newest secret first; an older one only after the provider has refused the client itself, which spends nothing. */
async function send(deps: Rooms, prepared: Prepared, armed: Armed): Promise<TokenOutcome> {
  const { tokens, registration, provider, secrets } = prepared;
  if (tokens.refreshToken === null) return noRefreshToken;
  const tries: (Plain | null)[] = secrets.length === 0 ? [null] : secrets.map(({ secret }) => secret);
  // The provider may have gone over to the newest one between our two tries.
  if (secrets.length > 1) tries.push(secrets[0]?.secret ?? null);
  let outcome: TokenOutcome = noRefreshToken;
  for (const clientSecret of tries) {
    const leftMs = deps.timings.sendDeadlineMs - (deps.clock.monotonicMs() - armed.armedAtMs);
    if (leftMs < deps.timings.minSendMs) break;
    outcome = await refreshToken({
      egress: deps.egress,
      clock: deps.clock,
      provider,
      client: { clientId: registration.clientId, clientSecret },
      refreshToken: tokens.refreshToken,
      scope: tokens.scope,
      deadlineMs: Math.floor(leftMs),
    });
    if (outcome.kind !== 'client_rejected' || !isClientUnproven(outcome.code)) break;
  }
  return outcome;
}

async function keepSuccess(
  deps: Rooms,
  prepared: Prepared,
  answer: TokenSet,
  issuedAt: Date,
): Promise<RefreshResult> {
  const { grant, client, provider } = prepared;
  const previous = { ...prepared.tokens, expiresInSeconds: null, refreshExpiresInSeconds: null };
  const merged = mergeRefreshed(previous, answer);
  const tokens: StoredTokens = { ...merged, callbackParams: prepared.tokens.callbackParams };
  const isNewRefreshToken =
    answer.refreshToken !== null && !isSameText(answer.refreshToken, previous.refreshToken);
  const timing = nextDue({
    issuedAt,
    answer,
    refreshToken: isNewRefreshToken ? 'new' : { keptUntil: grant.refreshExpiresAt },
    client,
    quirks: provider.quirks,
    learnedSeconds: grant.learnedSeconds,
    // Sent before it was due: a reader waits for it.
    lastUsedAt: grant.refreshDueAt !== null && grant.refreshDueAt > issuedAt ? issuedAt : grant.lastUsedAt,
    random: deps.random,
  });
  const committed = await persistently(deps, () =>
    deps.doors.withTenant(grant.tenantId, async (tx) => {
      const result = await commitRefresh({
        tx,
        vault: deps.vault,
        grant,
        tokens,
        timing: { issuedAt, ...timing },
        grantedScope: tokens.scope,
      });
      if (result === 'superseded') {
        const { credentialId } = grant;
        await giveBackLate({ tx, vault: deps.vault, grant, credentialId, tokens });
      }
      if (result === 'committed') {
        await countRefreshed(tx, grant.credentialId);
        await noteRecovery(tx, prepared);
      }
      return result;
    }),
  );
  const { meter } = deps;
  if (committed === 'superseded') meter.superseded();
  else meter.refreshed(provider.catalogueKey);
  return committed === 'committed' ? { kind: 'refreshed' } : { kind: 'void' };
}

/** Some providers repeat the refresh token that goes on: its life has not begun anew. */
function isSameText(one: Plain, other: Plain | null): boolean {
  return other !== null && one.revealText() === other.revealText();
}

async function noteRecovery(tx: Tx, prepared: Prepared): Promise<void> {
  const { grant, client } = prepared;
  if (client !== null && client.brokenSince !== null && client.tenantId === grant.tenantId) {
    await mendAuthClient(tx, client.id);
  }
  if (grant.failCount === 0) return;
  await writeConnectionLog(tx, {
    credentialId: grant.credentialId,
    severity: 'info',
    code: 'refresh_recovered',
    message: `The token was refreshed again after ${grant.failCount} failed ${grant.failCount === 1 ? 'try' : 'tries'}.`,
  });
}

async function keepFailure(
  deps: Rooms,
  armed: Armed,
  prepared: Prepared,
  problem: TokenProblem,
): Promise<void> {
  const { grant, client } = prepared;
  const decided = decideFailure(problem, grant, deps.random, deps.timings);
  const decision =
    problem === noRefreshToken
      ? { ...decided, state: 'needs_reauth' as const, retryAfterSeconds: null }
      : decided;
  await persistently(deps, () =>
    deps.doors.withTenant(armed.tenant, async (tx) => {
      const { consentNo, tokenNo } = grant;
      const written = await failRefresh(tx, armed.credentialId, {
        attemptId: armed.attemptId,
        consentNo,
        tokenNo,
        settleSeconds: deps.timings.settleMs / 1000,
        ...decision,
      });
      if (!written) return;
      await countFailed(tx, armed.credentialId);
      if (
        decision.tripsClient &&
        !prepared.isBlocked &&
        client !== null &&
        client.tenantId === armed.tenant
      ) {
        await tripAuthClient(tx, client.id, decision.errorText);
      }
      const isNews = grant.lastErrorCode !== decision.errorCode || decision.state === 'needs_reauth';
      if (isNews) await noteFailure(tx, armed, decision);
    }),
  );
  deps.meter.failed({
    provider: prepared.provider.catalogueKey,
    kind: problem.kind,
    code: decision.errorCode,
    isOver: decision.state === 'needs_reauth',
  });
}

async function noteFailure(tx: Tx, armed: Armed, decision: ReturnType<typeof decideFailure>): Promise<void> {
  const isOver = decision.state === 'needs_reauth';
  await writeConnectionLog(tx, {
    credentialId: armed.credentialId,
    severity: isOver ? 'error' : 'warn',
    code: isOver ? 'needs_authorization' : 'refresh_failed',
    message: `Refreshing failed (${decision.errorCode}): ${decision.errorText}`,
  });
  await audit(tx, {
    action: isOver ? 'grant.lost' : 'grant.refresh_failed',
    actor: systemActor,
    object: { kind: 'credential', id: armed.credentialId },
    result: 'failed',
    detail: { code: decision.errorCode },
  });
}

/** The answer exists nowhere else: it is held and offered to the database for two minutes before it is given up. */
async function persistently<T>(deps: Rooms, write: () => Promise<T>): Promise<T> {
  for (const waitMs of deps.timings.commitStepsMs) {
    try {
      return await write();
    } catch (error) {
      deps.log.error('a refresh cannot be committed yet', errorFields(error));
      deps.meter.commitFailed();
      await sleep(waitMs);
    }
  }
  return await write();
}
