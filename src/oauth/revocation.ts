// Ends tokens at the provider (RFC 7009, or the provider's own way). Deleting them here never waits for this.

import { assertNever } from '../kernel/assert-never.ts';
import type { Plain } from '../kernel/plain.ts';
import { type ClientIdentity, proveClient } from './client-auth.ts';
import { type Egress, EgressFault, type EgressRequest, type EgressResponse } from './egress.ts';
import { readErrorCode } from './oauth-fault.ts';
import type { Provider } from './provider.ts';
import { parseBody } from './token-body.ts';
import { retryAfterMs } from './token-outcome.ts';

export type RevocationOutcome =
  | { readonly kind: 'done' }
  /** The provider has no revocation that we know of. */
  | { readonly kind: 'unsupported' }
  | { readonly kind: 'retry'; readonly retryAfterMs: number | null; readonly code: string }
  /** It will not get better by repeating: tell the operator. */
  | { readonly kind: 'refused'; readonly code: string };

export type RevocationInput = {
  readonly egress: Egress;
  readonly provider: Provider;
  readonly client: ClientIdentity;
  readonly accessToken: Plain | null;
  readonly refreshToken: Plain | null;
  readonly deadlineMs?: number;
};

const defaultDeadlineMs = 10_000;
const maxBytes = 16_384;

type Call = { readonly url: string; readonly request: Pick<EgressRequest, 'method' | 'headers' | 'body'> };

/**
 * The refresh token first: a provider that ends the whole grant with it leaves nothing to do, and one that does not
 * leaves only a token that dies by itself. Never throws for what a provider does.
 */
export async function revokeTokens(input: RevocationInput): Promise<RevocationOutcome> {
  const calls = callsFor(input);
  if (calls === null) return { kind: 'unsupported' };
  let worst: RevocationOutcome = { kind: 'done' };
  for (const call of calls) {
    const outcome = await send(input, call);
    // Once out of reach, the second call would only wait as long again.
    if (outcome.kind === 'retry') return outcome;
    if (outcome.kind === 'refused' && worst.kind === 'done') worst = outcome;
  }
  return worst;
}

function callsFor(input: RevocationInput): Call[] | null {
  const { provider, accessToken, refreshToken } = input;
  const url = provider.revokeUrl;
  if (url === null) return null;
  switch (provider.revocationStyle) {
    case 'rfc7009':
    case 'rfc7009_json':
      return [
        ...(refreshToken === null ? [] : [standardCall(input, url, refreshToken, 'refresh_token')]),
        ...(accessToken === null ? [] : [standardCall(input, url, accessToken, 'access_token')]),
      ];
    case 'bearer_post':
      return accessToken === null ? [] : [bearerCall(url, 'POST', accessToken)];
    case 'bearer_delete':
      return accessToken === null ? [] : [bearerCall(url, 'DELETE', accessToken)];
    case 'refresh_token_in_path':
      return refreshToken === null ? [] : [pathCall(url, refreshToken)];
    case 'grant_by_client':
      return accessToken === null ? [] : [grantCall(input, url, accessToken)];
    default:
      return assertNever(provider.revocationStyle);
  }
}

function standardCall(input: RevocationInput, url: string, token: Plain, hint: string): Call {
  const { provider } = input;
  const proof = proveClient(provider.clientAuth, input.client);
  const params = { token: token.revealText(), token_type_hint: hint, ...proof.params };
  const isJson = provider.revocationStyle === 'rfc7009_json';
  return {
    url,
    request: {
      method: 'POST',
      headers: {
        accept: 'application/json',
        'content-type': isJson ? 'application/json' : 'application/x-www-form-urlencoded',
        ...proof.headers,
      },
      body: isJson
        ? JSON.stringify({ token: params.token, ...proof.params })
        : new URLSearchParams(params).toString(),
    },
  };
}

function bearerCall(url: string, method: 'POST' | 'DELETE', token: Plain): Call {
  return {
    url,
    request: { method, headers: { authorization: `Bearer ${token.revealText()}` }, body: null },
  };
}

/** The door never logs more of a URL than its host, so a token may stand in the path where a provider wants it. */
function pathCall(url: string, token: Plain): Call {
  const target = `${url.replace(/\/+$/, '')}/${encodeURIComponent(token.revealText())}`;
  return { url: target, request: { method: 'DELETE', headers: {}, body: null } };
}

/** GitHub: the app, proving itself with Basic, deletes what one of its tokens stands for. */
function grantCall(input: RevocationInput, url: string, token: Plain): Call {
  const proof = proveClient('basic_raw', input.client);
  return {
    url: url.replace('{clientId}', encodeURIComponent(input.client.clientId)),
    request: {
      method: 'DELETE',
      headers: {
        accept: 'application/json',
        'content-type': 'application/json',
        'user-agent': 'latchkey',
        ...proof.headers,
      },
      body: JSON.stringify({ access_token: token.revealText() }),
    },
  };
}

async function send(input: RevocationInput, call: Call): Promise<RevocationOutcome> {
  try {
    const deadlineMs = input.deadlineMs ?? defaultDeadlineMs;
    return judge(await input.egress.fetch(call.url, { ...call.request, deadlineMs, maxBytes }), input);
  } catch (error) {
    if (!(error instanceof EgressFault)) throw error;
    if (error.code === 'egress_refused') return { kind: 'refused', code: error.code };
    return { kind: 'retry', retryAfterMs: null, code: error.code };
  }
}

// Words for "this token does not exist any more": what we wanted.
const goneCodes = new Set([
  'invalid_token',
  'token_revoked',
  'token_expired',
  'invalid_auth',
  'not_authed',
  'not_found',
]);

/** RFC 7009 2.2: 200 is done, also for a token that the provider does not know. */
function judge(response: EgressResponse, input: RevocationInput): RevocationOutcome {
  const code = errorCode(response, input);
  if (code !== null && goneCodes.has(code)) return { kind: 'done' };
  if (response.status >= 200 && response.status <= 299) {
    return code === null ? { kind: 'done' } : { kind: 'refused', code };
  }
  const usesTokenAsProof = input.provider.revocationStyle.startsWith('bearer_');
  // A dead token cannot prove itself any more, and an unknown grant is a gone grant.
  if (response.status === 401 && usesTokenAsProof) return { kind: 'done' };
  if (response.status === 404 && !input.provider.revocationStyle.startsWith('rfc7009'))
    return { kind: 'done' };
  if (response.status === 408 || response.status === 429 || response.status >= 500) {
    return { kind: 'retry', retryAfterMs: retryAfterMs(response), code: code ?? `status_${response.status}` };
  }
  return { kind: 'refused', code: code ?? `status_${response.status}` };
}

function errorCode(response: EgressResponse, input: RevocationInput): string | null {
  if (response.body === null || response.body.length === 0) return null;
  const parsed = parseBody(response.body, response.headers['content-type'] ?? null);
  if (parsed.kind === 'unreadable') return null;
  const { error } = parsed.fields;
  const secrets = [input.accessToken, input.refreshToken, input.client.clientSecret].filter(
    (one) => one !== null,
  );
  return typeof error === 'string' && error !== '' ? readErrorCode(error, secrets) : null;
}
