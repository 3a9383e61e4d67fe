// The URL that sends a browser to the provider's consent page (RFC 6749 4.1.1, RFC 7636 4.3).
import { invalidField } from '../kernel/fault.ts';
import type { Params } from './client-style.ts';
import { checkEndpointUrl } from './endpoint-url.ts';
import type { PkceChallenge } from './pkce.ts';
import type { Provider } from './provider.ts';

export type AuthorizeUrlInput = {
  readonly provider: Provider;
  readonly clientId: string;
  readonly redirectUri: string;
  readonly state: string;
  /** Blank for providers whose scopes are fixed at the app: then no scope is sent. Space or comma separated. */
  readonly scopes: string;
  readonly challenge: PkceChallenge | null;
  /** The connection's own additional parameters; they win over the catalogue's, never over the protocol's. */
  readonly params?: Params;
};

// Whoever could set one of these could redirect the answer, unbind it from the browser or switch PKCE off.
const reserved = new Set([
  'response_type',
  'client_id',
  'redirect_uri',
  'state',
  'code_challenge',
  'code_challenge_method',
]);

// These change what comes back or where it is put (a fragment or a form post never reaches our callback).
const refused = new Set(['response_mode', 'request', 'request_uri']);

/** Throws `invalid_field` when a parameter of the protocol was to be overridden. */
export function buildAuthorizeUrl(input: AuthorizeUrlInput): string {
  const { provider } = input;
  if (provider.authorizeUrl === null) throw invalidField('authorizeUrl', 'is needed to ask for consent.');
  const url = checkEndpointUrl(provider.authorizeUrl, 'authorizeUrl');
  const query = url.searchParams;
  for (const name of [...query.keys()]) {
    if (isProtocolParam(name)) query.delete(name);
  }
  for (const [name, value] of Object.entries({ ...provider.authorizeParams, ...input.params })) {
    assertFreeParam(name);
    query.set(name, value);
  }
  query.set('response_type', 'code');
  query.set('client_id', input.clientId);
  query.set('redirect_uri', input.redirectUri);
  query.set('state', input.state);
  const scope = joinScopes(input.scopes, provider.scopeSeparator);
  if (scope !== null) query.set('scope', scope);
  if (input.challenge !== null) {
    query.set('code_challenge', input.challenge.challenge);
    query.set('code_challenge_method', input.challenge.method);
  }
  return url.href;
}

/** Save-time check of additional authorize parameters. */
export function checkAuthorizeParams(params: Params, field: string): void {
  for (const name of Object.keys(params)) assertFreeParam(name, field);
}

function assertFreeParam(name: string, field = 'params'): void {
  if (!isProtocolParam(name)) return;
  throw invalidField(field, `the parameter ${name.trim().slice(0, 40)} is set by Latchkey.`, 'Remove it.');
}

function isProtocolParam(name: string): boolean {
  // Providers differ in how strictly they read names (`State`, `state[]`, `redirect_uri%20`).
  const plain = name.toLowerCase().replace(/[^a-z_]/g, '');
  return reserved.has(plain) || refused.has(plain);
}

/**
 * People write scopes with spaces, commas or both; the provider wants its own separator. Where the provider's own
 * separator is a space, commas stay: some scopes contain them. Null when blank.
 */
export function joinScopes(scopes: string, separator: string): string | null {
  const parts = scopes.split(separator === ' ' ? /\s+/ : /[\s,]+/).filter((part) => part !== '');
  return parts.length === 0 ? null : [...new Set(parts)].join(separator);
}
