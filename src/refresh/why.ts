// Why a credential stands as it does: who and what it is, its token, what happens next, what happened before, and the cure.
// Read from what is stored; nothing is opened, so no secret can be in it. The provider's words were redacted when they came.
import { type AuthClientRow, selectAuthClient } from '../credentials/auth-client-store.ts';
import type { Credential } from '../credentials/credential.ts';
import { type GrantRow, selectGrant } from '../credentials/grant-store.ts';
import { getRegistration } from '../credentials/registration.ts';
import { cureFor } from '../oauth/oauth-fault.ts';
import { createProvider, type Provider } from '../oauth/provider.ts';
import { verdictOfCode } from '../oauth/token-outcome.ts';
import type { Tx } from '../storage/doors.ts';
import { type NextRefresh, nextRefresh } from './next-refresh.ts';
import type { RefreshGate } from './refresh-gate.ts';
import { productionTimings } from './refresh-timings.ts';
import { type Situation, situationOf, situations } from './situation.ts';
import { readTimeLine, type TimeLine } from './time-line.ts';
import { type Surroundings, selectSurroundings } from './why-store.ts';

export type Why = {
  readonly now: Date;
  readonly credential: {
    readonly id: string;
    readonly tenantId: string;
    readonly label: string;
    readonly type: string;
    readonly unit: { readonly id: string; readonly name: string };
    readonly provider: string | null;
    /** The account at the provider, as it names itself. */
    readonly account: string | null;
  };
  readonly situation: Situation;
  readonly text: string;
  readonly cure: string;
  readonly needs: (typeof situations)[Situation]['needs'];
  /** Null where there is none. */
  readonly token: {
    readonly issuedAt: Date | null;
    readonly expiresAt: Date | null;
    /** The lifetime is a default of ours: the provider did not say it. */
    readonly isExpiryAssumed: boolean;
    readonly refreshedAt: Date | null;
    readonly consentNo: number;
    readonly tokenNo: number;
  } | null;
  readonly refreshToken: {
    readonly expiresAt: Date | null;
    /** Whether the provider replaces it at each refresh; null = not known. */
    readonly rotates: boolean | null;
  } | null;
  readonly next: NextRefresh | null;
  /** What went wrong last; null when the last refresh went well. */
  readonly failure: {
    readonly at: Date | null;
    readonly code: string;
    readonly text: string;
    readonly tries: number;
  } | null;
  /** To some minutes; null when it was not read yet. */
  readonly lastUsedAt: Date | null;
  /** What a program that uses it has reported. */
  readonly reportedError: string | null;
  readonly timeLine: TimeLine;
};

type Known = {
  readonly grant: GrantRow | null;
  readonly client: AuthClientRow | null;
  readonly provider: Provider | null;
  readonly around: Surroundings;
};

/** `credential` as the asker was allowed to see it: the look at permissions is the caller's. */
export async function explainCredential(options: {
  readonly tx: Tx;
  readonly credential: Credential;
  readonly gate: Pick<RefreshGate, 'refusal'>;
  readonly now: Date;
}): Promise<Why> {
  const { tx, credential, now } = options;
  const known = await look(tx, credential);
  const { grant, around } = known;
  const refusal = options.gate.refusal()?.public ?? null;
  const situation = situationOf({
    grant,
    isLocked: refusal !== null,
    isClientBroken: known.client !== null && known.client.brokenSince !== null,
    isProviderPaused: around.pausedUntil !== null,
    isIncident: around.isIncident,
    isOwnerGone: around.isOwnerAlive === false,
    verdict: verdictOf(known),
    now,
  });
  return {
    now,
    ...identify(credential, known),
    situation,
    text: situations[situation].text,
    cure: cureOf(situation, known, refusal),
    needs: situations[situation].needs,
    ...timesOf(known, situation, refusal),
    lastUsedAt: around.lastUsedAt,
    reportedError: credential.reportedError,
    timeLine: await readTimeLine(tx, { credentialId: credential.id, clientId: known.client?.id ?? null }),
  };
}

async function look(tx: Tx, credential: Credential): Promise<Known> {
  const grant = await selectGrant(tx, credential.id);
  const clientId = grant?.mintedBy ?? credential.authClientId;
  const client = grant === null || clientId === null ? null : await selectAuthClient(tx, clientId);
  const registrationId = grant?.registrationId ?? client?.registrationId ?? null;
  const registration = registrationId === null ? null : await getRegistration(tx, registrationId);
  const deadAfterSeconds = productionTimings.deadAfterMs / 1000;
  return {
    grant,
    client,
    provider: registration === null ? null : createProvider(registration),
    around: await selectSurroundings(tx, credential.id, { deadAfterSeconds }),
  };
}

function identify(credential: Credential, { grant, provider, around }: Known): Pick<Why, 'credential'> {
  return {
    credential: {
      id: credential.id,
      tenantId: credential.tenantId,
      label: credential.label ?? credential.connectionType.label,
      type: credential.connectionType.label,
      unit: { id: credential.unitId, name: around.unitName },
      provider: provider?.name ?? null,
      account: grant?.accountLabel ?? null,
    },
  };
}

function verdictOf({ grant, provider }: Known) {
  if (grant === null || grant.lastErrorCode === null) return null;
  return verdictOfCode(grant.lastErrorCode, provider?.quirks ?? { errorVerdicts: {} });
}

/** The row's own words; where an app is refused, the reason's own cure stands before them. */
function cureOf(situation: Situation, { grant, client }: Known, refusal: string | null): string {
  const { cure } = situations[situation];
  if (situation === 'refresh_locked') return refusal === null ? cure : `${refusal} ${cure}`;
  if (situation !== 'client_rejected') return cure;
  const code = grant?.lastErrorCode ?? 'invalid_client';
  const own = client?.brokenReason ?? cureFor('client_rejected', code, 'refresh_token');
  return `${own} ${cure}`;
}

function timesOf(
  { grant, client, provider, around }: Known,
  situation: Situation,
  refusal: string | null,
): Pick<Why, 'token' | 'refreshToken' | 'next' | 'failure'> {
  if (grant === null) return { token: null, refreshToken: null, next: null, failure: null };
  const isRenewable = grant.refreshDueAt !== null || grant.attemptId !== null;
  const maxLeadSeconds = provider?.quirks.maxLeadSeconds ?? null;
  return {
    token:
      grant.ct === null
        ? null
        : {
            issuedAt: grant.issuedAt,
            expiresAt: grant.expiresAt,
            isExpiryAssumed: grant.expiryAssumed,
            refreshedAt: grant.refreshedAt,
            consentNo: grant.consentNo,
            tokenNo: grant.tokenNo,
          },
    refreshToken:
      grant.ct === null || !isRenewable
        ? null
        : { expiresAt: grant.refreshExpiresAt, rotates: provider?.quirks.rotates ?? null },
    next: nextRefresh({ grant, situation, around, client, maxLeadSeconds, refusal }),
    failure:
      grant.lastErrorCode === null
        ? null
        : {
            at: grant.lastErrorAt,
            code: grant.lastErrorCode,
            text: grant.lastError ?? '',
            tries: grant.failCount,
          },
  };
}
