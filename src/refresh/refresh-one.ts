// One refresh of one armed grant: send once, then commit by (consent_no, token_no), or write down how it failed.
// The arming, which was committed before, is also the proof that the database can persist the answer.

import { isClientUnproven } from '../credentials/client-secret.ts';
import type { StoredTokens } from '../credentials/grant.ts';
import { nextDue } from '../credentials/next-due.ts';
import type { Clock } from '../kernel/clock.ts';
import { errorFields, type Log } from '../kernel/log.ts';
import type { Plain } from '../kernel/plain.ts';
import type { Egress } from '../oauth/egress.ts';
import { createProvider, type Provider } from '../oauth/provider.ts';
import type { TokenOutcome, TokenProblem } from '../oauth/token-outcome.ts';
import { refreshToken } from '../oauth/token-request.ts';
import { mergeRefreshed, type TokenSet } from '../oauth/token-set.ts';
import type { AnswerKeeper } from './answer-keeper.ts';
import { decideFailure, type FailureDecision } from './failure-rule.ts';
import type { Armed, GrantDesk, Prepared } from './grant-desk.ts';
import type { ProviderAllowance } from './provider-allowance.ts';
import type { RefreshMeter } from './refresh-meter.ts';
import type { RefreshTimings } from './refresh-timings.ts';

export type RefreshResult =
  | { readonly kind: 'refreshed' }
  | { readonly kind: 'failed'; readonly problem: TokenProblem }
  /** Consent, disconnect or take-over came first; or nothing was sent. */
  | { readonly kind: 'void' };

export type RefreshOne = (armed: Armed) => Promise<RefreshResult>;

export type RefreshOneDeps = {
  readonly desk: GrantDesk;
  readonly keeper: Pick<AnswerKeeper, 'keep' | 'persist'>;
  readonly allowance: Pick<ProviderAllowance, 'began' | 'ended' | 'isIncident'>;
  readonly egress: Egress;
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: Log;
  readonly timings: RefreshTimings;
  readonly meter: RefreshMeter;
};

type Ready = Prepared & { readonly provider: Provider };

const noRefreshToken: TokenProblem = {
  kind: 'revoked',
  code: 'no_refresh_token',
  message: null,
  cure: 'The provider gave no refresh token. Connect the account again, and ask for offline access.',
};

/** Nothing is asked during an incident anyway; this is the spread of what comes after it. */
const incidentRetrySeconds = 60;

/** A defect of ours in the middle of a request: it may have been sent. */
const internalTrouble: TokenProblem = {
  kind: 'unknown',
  code: 'internal_error',
  message: null,
  cure: 'Latchkey tries again by itself; the operator finds the reason in the log.',
};

export function createRefreshOne(deps: RefreshOneDeps): RefreshOne {
  const { desk, clock } = deps;

  return async (armed) => {
    const prepared = await prepareOrRelease(deps, armed);
    if (prepared === null) return { kind: 'void' };
    if (clock.monotonicMs() - armed.armedAtMs > deps.timings.startSlackMs) {
      await desk.release(armed, 0);
      return { kind: 'void' };
    }
    const { client } = prepared;
    if (client !== null && !(await desk.mayUseClient(armed, client))) {
      return await waitForClient(deps, armed, prepared);
    }
    const ready = { ...prepared, provider: createProvider(prepared.registration) };
    const issuedAt = clock.now();
    const outcome = await ask(deps, ready, armed);
    if (outcome.kind === 'success')
      return await keepSuccess(deps, { armed, ready, issuedAt }, outcome.tokens);
    await keepFailure(deps, { armed, ready }, outcome);
    return { kind: 'failed', problem: outcome };
  };
}

/** Whatever goes wrong before sending has spent nothing: the attempt is given back, or it would stay armed while we live. */
async function prepareOrRelease(deps: RefreshOneDeps, armed: Armed): Promise<Prepared | null> {
  try {
    return await deps.desk.prepare(armed);
  } catch (error) {
    deps.log.error('a refresh could not be prepared', errorFields(error));
    await deps.desk.release(armed, deps.timings.troubleMs);
    return null;
  }
}

/** Nothing is sent while the provider refuses the client itself; one grant in ten minutes asks for all of them. */
async function waitForClient(deps: RefreshOneDeps, armed: Armed, prepared: Prepared): Promise<RefreshResult> {
  const problem: TokenProblem = {
    kind: 'client_rejected',
    code: 'invalid_client',
    message: null,
    cure: prepared.client?.brokenReason ?? 'Check the client id and the client secret.',
  };
  const decision = {
    ...decideFailure(problem, prepared.grant, deps.random, deps.timings),
    tripsClient: false,
  };
  await deps.keeper.persist(() => deps.desk.fail(armed, prepared, decision));
  return { kind: 'failed', problem };
}

async function ask(deps: RefreshOneDeps, ready: Ready, armed: Armed): Promise<TokenOutcome> {
  const { clock, log, meter, allowance } = deps;
  const sentAtMs = clock.monotonicMs();
  allowance.began(armed.providerKey);
  const outcome = await send(deps, ready, armed).catch((error: unknown): TokenOutcome => {
    log.error('a token request ended unexpectedly', errorFields(error));
    return internalTrouble;
  });
  allowance.ended(armed.providerKey, outcome);
  meter.answered({
    provider: ready.provider.catalogueKey,
    kind: outcome.kind,
    ms: clock.monotonicMs() - sentAtMs,
  });
  return outcome;
}

/** The newest secret first; an older one only after the provider has refused the client itself, which spends nothing. */
async function send(deps: RefreshOneDeps, ready: Ready, armed: Armed): Promise<TokenOutcome> {
  const { tokens, registration, provider, secrets } = ready;
  if (tokens.refreshToken === null) return noRefreshToken;
  const tries: (Plain | null)[] = secrets.length === 0 ? [null] : [...secrets];
  // The provider may have gone over to the newest one between our two tries.
  if (secrets.length > 1) tries.push(secrets[0] ?? null);
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
  deps: RefreshOneDeps,
  { armed, ready, issuedAt }: { readonly armed: Armed; readonly ready: Ready; readonly issuedAt: Date },
  answer: TokenSet,
): Promise<RefreshResult> {
  const { grant, client, provider } = ready;
  const previous = { ...ready.tokens, expiresInSeconds: null, refreshExpiresInSeconds: null };
  const tokens: StoredTokens = {
    ...mergeRefreshed(previous, answer),
    callbackParams: ready.tokens.callbackParams,
  };
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
  const kept = await deps.keeper.keep(armed.attemptId, ready.keep(tokens, { issuedAt, ...timing }));
  if (kept === 'superseded') deps.meter.superseded();
  if (kept !== 'committed') return { kind: 'void' };
  deps.meter.refreshed(provider.catalogueKey);
  const isRecovery = grant.failCount > 0 || (client !== null && client.brokenSince !== null);
  if (isRecovery) await deps.desk.noteRecovery(ready);
  return { kind: 'refreshed' };
}

/** Some providers repeat the refresh token that goes on: its life has not begun anew. */
function isSameText(one: Plain, other: Plain | null): boolean {
  return other !== null && one.revealText() === other.revealText();
}

/** One of very many that are refused at once: nobody is told to connect again before an operator has looked. */
function withoutVerdict(decision: FailureDecision): FailureDecision {
  if (decision.state !== 'needs_reauth') return decision;
  return { ...decision, state: 'degraded', isSuspect: true, retryAfterSeconds: incidentRetrySeconds };
}

async function keepFailure(
  deps: RefreshOneDeps,
  { armed, ready }: { readonly armed: Armed; readonly ready: Ready },
  problem: TokenProblem,
): Promise<void> {
  const decided = decideFailure(problem, ready.grant, deps.random, deps.timings);
  const decision =
    problem === noRefreshToken
      ? { ...decided, state: 'needs_reauth' as const, retryAfterSeconds: null }
      : deps.allowance.isIncident(armed.providerKey)
        ? withoutVerdict(decided)
        : decided;
  await deps.keeper.persist(() => deps.desk.fail(armed, ready, decision));
  deps.meter.failed({
    provider: ready.provider.catalogueKey,
    kind: problem.kind,
    code: decision.errorCode,
    isOver: decision.state === 'needs_reauth',
  });
  const { tenant, credentialId: credential } = armed;
  deps.log.info('refresh failed', { tenant, credential, kind: problem.kind, reason: problem.code });
}
