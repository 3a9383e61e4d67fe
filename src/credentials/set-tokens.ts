// Tokens that somebody brings along instead of a consent: from another system, or from a script. They replace the token
// set as a consent does, and are kept fresh from then on like any others.
import { audit } from '../audit/event.ts';
import { Fault, invalidField } from '../kernel/fault.ts';
import type { CredentialId } from '../kernel/ids.ts';
import type { Plain } from '../kernel/plain.ts';
import { createProvider } from '../oauth/provider.ts';
import type { Tx } from '../storage/doors.ts';
import { type Actor, requirePermission } from '../tenancy/actor.ts';
import type { Vault } from '../vault/vault.ts';
import { type AuthClient, getAuthClient } from './auth-client.ts';
import { type Credential, findCredential, getCredential } from './credential.ts';
import { lockCredential } from './credential-store.ts';
import {
  checkAccessToken,
  lockGrant,
  openTokens,
  type StoredTokens,
  storeConsent,
  type TokenTiming,
} from './grant.ts';
import type { GrantRow } from './grant-store.ts';
import { selectLearnedSeconds } from './learned-lifetime-store.ts';
import { writeConnectionLog } from './log-store.ts';
import { nextDue } from './next-due.ts';
import { providerKeyOf } from './registration.ts';

/**
 * Nobody says when a token brought along was issued, so it counts as held for a while: its expiry errs on the safe side,
 * and a refresh asked for right afterwards is not taken for one that has just been done.
 */
const heldForSeconds = 10;

/** What is left out stays as it is. */
export type ManualTokens = {
  readonly accessToken?: Plain;
  /** Null takes the refresh token away: the access token then lives until its provider ends it. */
  readonly refreshToken?: Plain | null;
  readonly tokenType?: string;
  /** Absent with a new access token: the auth client's default. */
  readonly expiresInSeconds?: number;
  /** Other fields of a token answer; merged into those that are there. */
  readonly extra?: Readonly<Record<string, unknown>>;
};

export type SetTokens = {
  readonly tx: Tx;
  readonly vault: Vault;
  readonly actor: Actor;
  readonly id: CredentialId;
  readonly tokens: ManualTokens;
  readonly now: Date;
  readonly random: () => number;
};

/** The first tokens of a credential belong to its making; later ones are a change of it. */
export async function setTokens(options: SetTokens): Promise<Credential> {
  const { tx, vault, actor, id } = options;
  const credential = await getCredential({ tx, actor, id });
  await lockCredential(tx, id, 'change');
  const grant = await lockGrant(tx, id);
  if (grant === null) {
    throw new Fault('conflict', 'This credential is not an OAuth one: it has no tokens.', {
      cure: 'Change its fields instead.',
    });
  }
  const isFirst = grant.consentNo === 0;
  requirePermission(actor, isFirst ? 'credential.create' : 'credential.edit', credential.unitPath);
  const client = credential.authClientId === null ? null : await getAuthClient(tx, credential.authClientId);
  const current = await openTokens(tx, vault, grant);
  if (options.tokens.refreshToken === undefined && current?.refreshToken) refuseWhileSpent(grant);
  const tokens = merged(current, options.tokens);
  const providerKey = client?.registration == null ? null : providerKeyOf(client.registration);
  const learnedSeconds = providerKey === null ? null : await selectLearnedSeconds(tx, providerKey);
  await storeConsent({
    tx,
    vault,
    credentialId: id,
    expectedConsentNo: grant.consentNo,
    tokens,
    timing: timingOf(options, { tokens, grant, client, learnedSeconds }),
    registration: client?.registration ?? null,
    mintedBy: client === null ? null : { tenantId: client.tenantId, id: client.id },
    providerKey,
    // Whose account it is, nobody has said.
    account: null,
    grantedScope: tokens.scope,
  });
  await record(options, isFirst);
  return (await findCredential(tx, id)) ?? credential;
}

/**
 * A refresh under way may have spent the refresh token that would be kept, and its answer, the only one to bring the next,
 * would come too late for the new consent_no.
 */
function refuseWhileSpent(grant: GrantRow): void {
  if (grant.attemptId === null && !grant.outcomeUnknown) return;
  throw new Fault('conflict', 'A refresh is under way that may replace the refresh token.', {
    cure: 'Try again when it has ended, or send the refresh token too.',
  });
}

function merged(current: StoredTokens | null, given: ManualTokens): StoredTokens {
  const accessToken = given.accessToken ?? current?.accessToken;
  if (accessToken === undefined) {
    throw invalidField('accessToken', 'is required.', 'There is no token yet that could be kept.');
  }
  checkAccessToken(accessToken, 'accessToken');
  const refreshToken =
    given.refreshToken === undefined ? (current?.refreshToken ?? null) : given.refreshToken;
  if (refreshToken !== null) checkAccessToken(refreshToken, 'refreshToken');
  return {
    accessToken,
    refreshToken,
    tokenType: given.tokenType ?? current?.tokenType ?? 'Bearer',
    scope: current?.scope ?? null,
    extra: { ...current?.extra, ...given.extra },
    callbackParams: current?.callbackParams ?? {},
  };
}

function timingOf(
  options: SetTokens,
  of: {
    readonly tokens: StoredTokens;
    readonly grant: GrantRow;
    readonly client: AuthClient | null;
    readonly learnedSeconds: number | null;
  },
): TokenTiming {
  const { tokens, grant, client } = of;
  const quirks = client?.registration == null ? null : createProvider(client.registration).quirks;
  const { accessToken, refreshToken, expiresInSeconds } = options.tokens;
  const isSameToken = accessToken === undefined && expiresInSeconds === undefined;
  const heldMs = 1000 * Math.min(heldForSeconds, (expiresInSeconds ?? Number.POSITIVE_INFINITY) / 4);
  const issuedAt = isSameToken ? (grant.issuedAt ?? options.now) : new Date(options.now.getTime() - heldMs);
  const keptSeconds =
    grant.expiresAt === null || grant.issuedAt === null || grant.expiryAssumed
      ? null
      : (grant.expiresAt.getTime() - grant.issuedAt.getTime()) / 1000;
  // Of a refresh token that was brought along, nobody knows how old it is.
  const refreshExpiresAt = refreshToken === undefined ? grant.refreshExpiresAt : null;
  const isRenewable = tokens.refreshToken !== null && client?.registration != null;
  const due = nextDue({
    issuedAt,
    answer: {
      accessToken: tokens.accessToken,
      expiresInSeconds: isSameToken ? keptSeconds : (expiresInSeconds ?? null),
      refreshExpiresInSeconds: null,
    },
    refreshToken: isRenewable ? { keptUntil: refreshExpiresAt } : 'none',
    client,
    quirks,
    learnedSeconds: of.learnedSeconds,
    lastUsedAt: options.now,
    random: options.random,
  });
  return { ...due, issuedAt, refreshExpiresAt };
}

async function record(options: SetTokens, isFirst: boolean): Promise<void> {
  const { tx, actor, id } = options;
  const object = { kind: 'credential', id } as const;
  await audit(tx, { action: 'grant.tokens_set', actor, object, fields: Object.keys(options.tokens) });
  await writeConnectionLog(tx, {
    credentialId: id,
    severity: 'info',
    code: 'tokens_set',
    message: `${actor.name} ${isFirst ? 'set its tokens' : 'replaced its tokens'} by hand.`,
  });
}
