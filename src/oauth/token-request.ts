// The three token requests (RFC 6749 4.1.3, 6, 4.4.2): one HTTP request each, never repeated, never redirected.
// What the provider does comes back as an outcome; nothing a provider does is thrown.
import type { Clock } from '../kernel/clock.ts';
import type { Plain } from '../kernel/plain.ts';
import type { LongLivedStyle } from './catalogue/provider-entry.ts';
import { type ClientIdentity, proveClient } from './client-auth.ts';
import type { Params } from './client-style.ts';
import { type Egress, EgressFault, type EgressRequest } from './egress.ts';
import type { GrantKind } from './oauth-fault.ts';
import type { Provider } from './provider.ts';
import { maxTokenBodyBytes } from './token-body.ts';
import { classifyTokenAnswer, type TokenAnswer, type TokenOutcome } from './token-outcome.ts';
import { mergeRefreshed } from './token-set.ts';

/** What every token request needs. */
export type TokenRequest = {
  readonly egress: Egress;
  readonly clock: Clock;
  readonly provider: Provider;
  readonly client: ClientIdentity;
  /** Total, default 20 s. The attempt's deadline in the database is this one. */
  readonly deadlineMs?: number;
  readonly signal?: AbortSignal;
};

const defaultDeadlineMs = 20_000;

/** Trades an authorization code for tokens. The redirect URI is the one the authorization used, to the letter. */
export function exchangeCode(
  input: TokenRequest & {
    readonly code: Plain;
    readonly redirectUri: string;
    readonly codeVerifier: Plain | null;
  },
): Promise<TokenOutcome> {
  const { code, codeVerifier, provider } = input;
  const first = requestTokens(input, {
    grant: 'authorization_code',
    url: provider.tokenUrl,
    extra: provider.tokenParams,
    secrets: codeVerifier === null ? [code] : [code, codeVerifier],
    params: {
      code: code.revealText(),
      redirect_uri: input.redirectUri,
      ...(codeVerifier === null || provider.pkce === 'off'
        ? {}
        : { code_verifier: codeVerifier.revealText() }),
    },
  });
  return provider.longLived === null ? first : tradeForLongLived(input, provider.longLived, first);
}

/** The first token lives for an hour and cannot be renewed: only the second is of use. */
async function tradeForLongLived(
  input: TokenRequest,
  style: LongLivedStyle,
  first: Promise<TokenOutcome>,
): Promise<TokenOutcome> {
  const outcome = await first;
  if (outcome.kind !== 'success') return outcome;
  const { accessToken } = outcome.tokens;
  const { clientSecret } = input.client;
  const second = await requestTokens(input, {
    grant: 'authorization_code',
    url: style.exchangeUrl,
    byQuery: {
      grant_type: style.exchangeGrant,
      access_token: accessToken.revealText(),
      ...(clientSecret === null ? {} : { client_secret: clientSecret.revealText() }),
    },
    secrets: [accessToken],
  });
  if (second.kind !== 'success') return second;
  // Whose account it is, and what was granted, stands beside the first.
  return renewable({ ...second, tokens: mergeRefreshed(outcome.tokens, second.tokens) });
}

function renewable(outcome: TokenOutcome): TokenOutcome {
  if (outcome.kind !== 'success') return outcome;
  const { tokens } = outcome;
  return { ...outcome, tokens: { ...tokens, refreshToken: tokens.accessToken } };
}

/** Trades a refresh token. `scope` is what the grant has; sent only to providers that ask for it. */
export function refreshToken(
  input: TokenRequest & { readonly refreshToken: Plain; readonly scope: string | null },
): Promise<TokenOutcome> {
  const { provider, scope } = input;
  if (provider.longLived !== null) return renewLongLived(input, provider.longLived);
  const sendsScope = provider.quirks.sendsScopeOnRefresh && scope !== null;
  return requestTokens(input, {
    grant: 'refresh_token',
    url: provider.refreshUrl ?? provider.tokenUrl,
    extra: { ...provider.tokenParams, ...provider.refreshParams },
    secrets: [input.refreshToken],
    params: {
      refresh_token: input.refreshToken.revealText(),
      ...(sendsScope ? { scope } : {}),
    },
  });
}

/** The token is its own refresh token; the client proves nothing. */
async function renewLongLived(
  input: TokenRequest & { readonly refreshToken: Plain },
  style: LongLivedStyle,
): Promise<TokenOutcome> {
  const { refreshToken: token, provider } = input;
  const outcome = await requestTokens(input, {
    grant: 'refresh_token',
    url: provider.refreshUrl ?? style.renewUrl,
    byQuery: { grant_type: style.renewGrant, access_token: token.revealText() },
    secrets: [token],
  });
  return renewable(outcome);
}

/** Asks for a token of the client's own; also how such a token is renewed. */
export function clientCredentials(
  input: TokenRequest & { readonly scope: string | null },
): Promise<TokenOutcome> {
  return requestTokens(input, {
    grant: 'client_credentials',
    url: input.provider.tokenUrl,
    extra: input.provider.tokenParams,
    secrets: [],
    params: input.scope === null || input.scope.trim() === '' ? {} : { scope: input.scope },
  });
}

type Wanted = {
  readonly grant: GrantKind;
  readonly url: string;
  readonly secrets: readonly Plain[];
} & (
  | { readonly params: Params; readonly extra: Params }
  /** All of it goes into the address, as GET; the client is not proved beside it. */
  | { readonly byQuery: Params }
);

async function requestTokens(input: TokenRequest, wanted: Wanted): Promise<TokenOutcome> {
  const { clientSecret } = input.client;
  const answer = await send(input, wanted);
  return classifyTokenAnswer({
    answer,
    provider: input.provider,
    grant: wanted.grant,
    now: input.clock.now(),
    secrets: clientSecret === null ? wanted.secrets : [...wanted.secrets, clientSecret],
  });
}

async function send(input: TokenRequest, wanted: Wanted): Promise<TokenAnswer> {
  const { url, method, headers, body } = 'byQuery' in wanted ? asQuery(wanted) : asPost(input, wanted);
  const request: EgressRequest = {
    method,
    // GitHub answers form-encoded without it.
    headers: { accept: 'application/json', ...headers },
    body,
    deadlineMs: input.deadlineMs ?? defaultDeadlineMs,
    maxBytes: maxTokenBodyBytes,
    ...(input.signal === undefined ? {} : { signal: input.signal }),
  };
  try {
    return { kind: 'answered', response: await input.egress.fetch(url, request) };
  } catch (error) {
    if (error instanceof EgressFault) return { kind: 'failed', fault: error };
    throw error;
  }
}

type Sent = Pick<EgressRequest, 'method' | 'headers' | 'body'> & { readonly url: string };

function asPost(input: TokenRequest, wanted: Extract<Wanted, { readonly params: Params }>): Sent {
  const proof = proveClient(input.provider.clientAuth, input.client);
  const params = { ...freeParams(wanted.extra), ...wanted.params, grant_type: wanted.grant, ...proof.params };
  const { url, body, contentType } = encode(input.provider, wanted.url, params);
  const type = contentType === null ? {} : { 'content-type': contentType };
  return { url, method: 'POST', headers: { ...type, ...proof.headers }, body };
}

function asQuery(wanted: Extract<Wanted, { readonly byQuery: Params }>): Sent {
  return { url: withQuery(wanted.url, wanted.byQuery), method: 'GET', headers: {}, body: null };
}

function withQuery(url: string, params: Params): string {
  const target = new URL(url);
  for (const [name, value] of Object.entries(params)) target.searchParams.set(name, value);
  return target.href;
}

// Additional parameters are for the provider's extensions: with one of these they could change the grant, bring a
// constant verifier, or be a second proof of the client beside the chosen one.
const reserved = new Set([
  'grant_type',
  'code',
  'redirect_uri',
  'code_verifier',
  'refresh_token',
  'client_id',
  'client_secret',
  'client_assertion',
  'client_assertion_type',
  'username',
  'password',
]);

function freeParams(params: Params): Params {
  return Object.fromEntries(Object.entries(params).filter(([name]) => !reserved.has(name.toLowerCase())));
}

/** The URL keeps the query it was typed with, in every format. */
function encode(
  provider: Provider,
  url: string,
  params: Params,
): { readonly url: string; readonly body: string | null; readonly contentType: string | null } {
  switch (provider.bodyFormat) {
    case 'form':
      return {
        url,
        body: new URLSearchParams(params).toString(),
        contentType: 'application/x-www-form-urlencoded',
      };
    case 'json':
      return { url, body: JSON.stringify(params), contentType: 'application/json' };
    case 'query':
      return { url: withQuery(url, params), body: null, contentType: null };
  }
}
