// The quirky mode's law: what a code, a refresh token or a revocation earns under the present quirk.
// Every function is synchronous, so simultaneous requests are decided one after another.
//
//   refresh token: live --(refresh, rotation always)--> retired --(grace over, or successor used)--> reuse
//   reuse: accept = works again; reject = refused; revoke_family = refused and the whole grant dies
import { createHash } from 'node:crypto';
import { type AccessToken, type Grant, type GrantBook, newGrantId, type RefreshToken } from './grant-book.ts';
import type { Quirk } from './quirk.ts';
import type { TokenAnswer } from './token-shape.ts';

export type Verdict =
  | { readonly kind: 'issued'; readonly grant: Grant; readonly tokens: TokenAnswer }
  | {
      readonly kind: 'refused';
      readonly error: string;
      readonly description: string;
      readonly status: number;
    };

export type RuleContext = {
  readonly book: GrantBook;
  readonly quirk: Quirk;
  readonly nowMs: number;
  /** A fault that hands out somebody else's tokens. */
  readonly account: string | null;
};

export function refused(error: string, description: string, status = 400): Verdict {
  return { kind: 'refused', error, description, status };
}

export function redeemCode(
  context: RuleContext,
  request: {
    readonly clientId: string;
    readonly code: string;
    readonly redirectUri: string;
    readonly verifier: string;
  },
): Verdict {
  const { book, quirk, nowMs } = context;
  const code = book.findCode(request.code);
  if (code === null || code.clientId !== request.clientId) return refused('invalid_grant', 'unknown code');
  if (code.redeemed) {
    // RFC 6749 4.1.2: a code used twice takes the tokens of its first use with it.
    book.revokeGrant(code.grantId);
    return refused('invalid_grant', 'code already used');
  }
  if (nowMs >= code.expiresAtMs) return refused('invalid_grant', 'code expired');
  if (code.redirectUri !== request.redirectUri)
    return refused('invalid_grant', 'redirect_uri does not match');
  if (quirk.pkce !== 'ignored' && !answersChallenge(code.challenge, request.verifier)) {
    return refused('invalid_grant', 'code_verifier does not match');
  }
  code.redeemed = true;
  const grant = book.addGrant({
    id: code.grantId,
    clientId: code.clientId,
    account: code.account,
    scopes: code.scopes,
    createdAtMs: nowMs,
  });
  const refreshToken = code.offline ? newRefreshToken(context, grant, null) : null;
  return issued(context, { grant, scopes: grant.scopes, refreshToken });
}

export function refreshGrant(
  context: RuleContext,
  request: {
    readonly clientId: string;
    readonly refreshToken: string;
    readonly scope: readonly string[] | null;
  },
): Verdict {
  const { book, quirk, nowMs } = context;
  const presented = book.findRefreshToken(request.refreshToken);
  if (presented === null || presented.grant.clientId !== request.clientId) {
    return refused('invalid_grant', 'unknown refresh token');
  }
  const { grant } = presented;
  const dead = whyDead(context, presented);
  if (dead !== null) return refused('invalid_grant', dead);
  if (isReuse(presented, quirk, nowMs) && quirk.reuse !== 'accept') {
    if (quirk.reuse === 'reject') return refused('invalid_grant', 'refresh token already used');
    book.revokeGrant(grant.id);
    return refused('invalid_grant', 'refresh token reused: the whole grant is revoked');
  }
  if (request.scope?.some((scope) => !grant.scopes.includes(scope))) {
    return refused('invalid_scope', 'more scope than granted');
  }
  if (isTooEarly(grant, quirk, nowMs)) return refused('unauthorized_client', 'access token not expired');

  presented.usedAtMs = nowMs;
  if (presented.predecessor !== null) presented.predecessor.superseded = true;
  if (quirk.revokeAccessTokenOnRefresh) retireAccessTokens(book, grant, nowMs + graceMs(quirk));
  const scopes = request.scope ?? grant.scopes;
  if (quirk.rotation === 'always') {
    presented.retiredAtMs ??= nowMs;
    return issued(context, { grant, scopes, refreshToken: newRefreshToken(context, grant, presented) });
  }
  return issued(context, {
    grant,
    scopes,
    refreshToken: quirk.refreshTokenOnRefresh === 'same' ? presented : null,
  });
}

export function grantClientItself(
  context: RuleContext,
  request: { readonly clientId: string; readonly grantId: string; readonly scope: readonly string[] },
): Verdict {
  const grant = context.book.addGrant({
    id: request.grantId,
    clientId: request.clientId,
    account: request.clientId,
    scopes: request.scope,
    createdAtMs: context.nowMs,
  });
  return issued(context, { grant, scopes: request.scope, refreshToken: null });
}

/** A grant as if somebody had consented, for tests that need many. */
export function seedGrant(
  context: RuleContext,
  request: { readonly clientId: string; readonly account: string; readonly scopes: readonly string[] },
): Extract<Verdict, { kind: 'issued' }> {
  const grant = context.book.addGrant({ id: newGrantId(), createdAtMs: context.nowMs, ...request });
  const refreshToken = context.quirk.refreshTokenOnConsent ? newRefreshToken(context, grant, null) : null;
  return issued(context, { grant, scopes: grant.scopes, refreshToken });
}

/** RFC 7009: a refresh token takes its grant along, an access token only itself. Null: nothing to revoke. */
export function revokeToken(
  context: Pick<RuleContext, 'book'>,
  request: { readonly clientId: string; readonly token: string },
): Grant | null {
  const refreshToken = context.book.findRefreshToken(request.token);
  if (refreshToken !== null && refreshToken.grant.clientId === request.clientId) {
    return context.book.revokeGrant(refreshToken.grant.id) ? refreshToken.grant : null;
  }
  const accessToken = context.book.findAccessToken(request.token);
  if (accessToken === null || accessToken.grant.clientId !== request.clientId) return null;
  context.book.dropAccessToken(accessToken);
  return accessToken.grant;
}

export function isLive(token: AccessToken, nowMs: number): boolean {
  return !token.grant.revoked && (token.expiresAtMs === null || nowMs < token.expiresAtMs);
}

function issued(
  { book, quirk, nowMs, account }: RuleContext,
  what: {
    readonly grant: Grant;
    readonly scopes: readonly string[];
    readonly refreshToken: RefreshToken | null;
  },
): Extract<Verdict, { kind: 'issued' }> {
  for (const old of [...what.grant.accessTokens]) if (!isLive(old, nowMs)) book.dropAccessToken(old);
  const life = quirk.accessTokenSeconds;
  const accessToken = book.addAccessToken(
    {
      grant: what.grant,
      scopes: what.scopes,
      account: account ?? what.grant.account,
      issuedAtMs: nowMs,
      expiresAtMs: life === null ? null : nowMs + life * 1000,
    },
    { prefix: quirk.tokenPrefix, length: quirk.tokenLength },
  );
  const surplus = what.grant.accessTokens.length - (quirk.maxLiveAccessTokens ?? Number.POSITIVE_INFINITY);
  for (const oldest of what.grant.accessTokens.slice(0, Math.max(0, surplus))) book.dropAccessToken(oldest);
  return {
    kind: 'issued',
    grant: what.grant,
    tokens: {
      access_token: accessToken.token,
      token_type: 'Bearer',
      expires_in: life,
      ...(what.refreshToken === null ? {} : { refresh_token: what.refreshToken.token }),
      scopes: what.scopes,
    },
  };
}

function newRefreshToken(
  { book, quirk, nowMs }: RuleContext,
  grant: Grant,
  predecessor: RefreshToken | null,
): RefreshToken {
  const mint = { prefix: quirk.tokenPrefix, length: quirk.tokenLength };
  return book.addRefreshToken({ grant, usedAtMs: nowMs, predecessor }, mint);
}

function whyDead({ quirk, nowMs }: RuleContext, { grant, usedAtMs }: RefreshToken): string | null {
  if (grant.revoked) return 'grant revoked';
  if (quirk.refreshTokenSeconds !== null && nowMs >= usedAtMs + quirk.refreshTokenSeconds * 1000) {
    return 'refresh token expired';
  }
  if (quirk.grantSeconds !== null && nowMs >= grant.createdAtMs + quirk.grantSeconds * 1000) {
    return 'grant expired';
  }
  return null;
}

function isReuse(token: RefreshToken, quirk: Quirk, nowMs: number): boolean {
  if (token.retiredAtMs === null) return false;
  if (quirk.graceSeconds === 'until_next_use') return token.superseded;
  return nowMs >= token.retiredAtMs + quirk.graceSeconds * 1000;
}

function isTooEarly(grant: Grant, quirk: Quirk, nowMs: number): boolean {
  if (quirk.earliestRefreshSeconds === null) return false;
  const newest = grant.accessTokens.at(-1);
  if (newest === undefined || newest.expiresAtMs === null) return false;
  return newest.expiresAtMs - nowMs > quirk.earliestRefreshSeconds * 1000;
}

function graceMs(quirk: Quirk): number {
  return quirk.graceSeconds === 'until_next_use' ? 0 : quirk.graceSeconds * 1000;
}

function retireAccessTokens(book: GrantBook, grant: Grant, atMs: number): void {
  for (const token of [...grant.accessTokens]) {
    token.expiresAtMs = Math.min(token.expiresAtMs ?? atMs, atMs);
    if (token.expiresAtMs <= token.issuedAtMs) book.dropAccessToken(token);
  }
}

function answersChallenge(
  challenge: { readonly value: string; readonly method: 'S256' | 'plain' } | null,
  verifier: string,
): boolean {
  if (challenge === null) return verifier === '';
  const answer =
    challenge.method === 'plain' ? verifier : createHash('sha256').update(verifier).digest('base64url');
  return answer === challenge.value;
}
