// What the provider's redirect brought back (RFC 6749 4.1.2, RFC 9207): read strictly, because anybody can call it.
import { Plain } from '../kernel/plain.ts';
import { readErrorCode, redactProviderText } from './oauth-fault.ts';
import type { Provider } from './provider.ts';

const maxQueryLength = 4_096;

export type AuthorizationResponse =
  | {
      readonly kind: 'code';
      readonly state: string;
      readonly code: Plain;
      readonly iss: string | null;
      /** Every other parameter (`realmId`, `shop` ...), single and short, no prototype. */
      readonly params: Readonly<Record<string, string>>;
    }
  | {
      readonly kind: 'denied';
      readonly state: string;
      readonly iss: string | null;
      readonly code: string;
      readonly message: string | null;
    }
  | { readonly kind: 'malformed'; readonly problem: string };

/** Reads the raw query string (with or without `?`). Repeated or oversized parameters are malformed, never chosen from. */
export function readAuthorizationResponse(query: string): AuthorizationResponse {
  if (query.length > maxQueryLength) return malformed('The answer of the provider is too long.');
  const params: Record<string, string> = Object.create(null);
  for (const [name, value] of new URLSearchParams(query)) {
    if (name in params) return malformed(`The answer of the provider repeats a parameter.`);
    params[name] = value;
  }
  const { state, code, error, iss, error_description: description, ...others } = params;
  if (state === undefined || state === '') return malformed('The answer of the provider has no state.');
  const issuer = iss ?? null;
  if (error !== undefined && error !== '') {
    const message = redactProviderText(description ?? '', []);
    return { kind: 'denied', state, iss: issuer, code: readErrorCode(error, []), message };
  }
  if (code === undefined || code === '') return malformed('The answer of the provider has no code.');
  const kept = Object.assign(Object.create(null), others);
  return { kind: 'code', state, code: Plain.fromText(code), iss: issuer, params: kept };
}

/**
 * RFC 9207 2.4: an `iss` must be the issuer that the browser was sent to, and must be there when the provider promises
 * it. Compared exactly; without a known issuer an `iss` that nobody promised says nothing.
 */
export function isIssuerAccepted(provider: Provider, iss: string | null): boolean {
  if (iss === null) return !provider.issAdvertised;
  return provider.issuer === null || iss === provider.issuer;
}

function malformed(problem: string): AuthorizationResponse {
  return { kind: 'malformed', problem };
}
