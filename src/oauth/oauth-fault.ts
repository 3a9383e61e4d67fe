// Names what went wrong at a provider, in words for people, with the cure; and cleans what the provider itself said.
import type { Plain } from '../kernel/plain.ts';

/** Which token request it was: the same code asks for another cure. */
export type GrantKind = 'authorization_code' | 'refresh_token' | 'client_credentials';

/** The part of an outcome that explains it. `code` and `message` may be shown to the tenant. */
export type OAuthProblem = {
  /** RFC 6749 5.2 code, a provider's own, or one of ours (`unreadable_answer`, `unexpected_status` ...). */
  readonly code: string;
  /** What the provider said, redacted, at most 500 characters; null when it said nothing. */
  readonly message: string | null;
  readonly cure: string;
};

const reconnect = 'Connect the account again.';
const later = 'Latchkey tries again by itself; nothing needs to be done unless this lasts.';

const curesByCode: Readonly<Record<string, string>> = {
  invalid_client: 'Check the client id, the client secret and how they are sent (client authentication).',
  unauthorized_client: 'Allow this grant type for the app at the provider, or use another app.',
  unsupported_grant_type: 'Check that the token URL is right and that the provider allows this grant type.',
  invalid_scope: 'Check the scopes: spelling, separator, and whether the app may ask for them.',
  redirect_uri_mismatch:
    'Register the redirect URI that Latchkey shows, character by character, at the provider.',
  unsupported_token_type: 'This provider binds tokens to keys (not Bearer); ask it for plain Bearer tokens.',
  egress_refused:
    'Use an https URL of a public host, or ask the operator to list it in LATCHKEY_EGRESS_ALLOW.',
  unexpected_redirect: 'Enter the final token URL: token requests do not follow redirects.',
  wrong_endpoint: 'Check the token URL: the host answers there, but not as a token endpoint.',
};

const curesByKind = {
  revoked: reconnect,
  client_rejected: 'Check the settings of the OAuth app here and at the provider.',
  transient: later,
  throttled: 'The provider limits how often we may ask; Latchkey waits and tries again by itself.',
  unknown: later,
} as const;

/** The named cure for a code; falls back to what helps with its kind. */
export function cureFor(kind: keyof typeof curesByKind, code: string, grant: GrantKind): string {
  const byCode = Object.hasOwn(curesByCode, code) ? curesByCode[code] : undefined;
  if (byCode !== undefined && kind === 'client_rejected') return byCode;
  if (kind === 'revoked' && grant === 'authorization_code') {
    return 'Start again: authorization codes are used once and live a few minutes. If it lasts, compare the redirect URI at the provider.';
  }
  if (kind !== 'revoked' && kind !== 'client_rejected' && grant === 'authorization_code') {
    return 'Start again in a moment: an authorization code cannot be tried twice.';
  }
  return curesByKind[kind];
}

const maxMessageLength = 500;
// Bounded before any pattern runs over it, so that a hostile text costs linear time on a small input.
const maxInputLength = 8_000;
const removed = '[removed]';

/**
 * What a provider said, fit for a log line and a stranger: one line, no control or direction characters, none of
 * `secrets` in any usual encoding, nothing that looks like a token, at most 500 characters. Null when nothing is left.
 */
export function redactProviderText(text: string, secrets: readonly Plain[]): string | null {
  let clean = text.slice(0, maxInputLength);
  for (const spelling of secrets.flatMap(spellings)) clean = clean.replaceAll(spelling, removed);
  clean = clean
    .replace(/[\p{C}\p{Zl}\p{Zp}\s]+/gu, ' ')
    .replace(/[A-Za-z0-9_\-+/=~%]{16,}/g, (run) => (looksLikeToken(run) ? removed : run))
    .trim();
  // Cut by code points: half of a surrogate pair is not text.
  const points = [...clean];
  const short =
    points.length > maxMessageLength ? `${points.slice(0, maxMessageLength - 1).join('')}…` : clean;
  return short === '' ? null : short;
}

/** Error codes are short words; whatever else stands there is not repeated. */
export function readErrorCode(text: string, secrets: readonly Plain[]): string {
  const code = text
    .trim()
    .toLowerCase()
    .replace(/[\s-]+/g, '_');
  const isWord = /^[a-z][a-z0-9_.:]{0,63}$/.test(code);
  const isClean = isWord && redactProviderText(text, secrets) === text.trim().replace(/\s+/g, ' ');
  return isClean ? code : 'unrecognised_error';
}

function looksLikeToken(run: string): boolean {
  if (/[0-9]/.test(run)) return true;
  if (run.length >= 24 && /[A-Z]/.test(run) && /[a-z]/.test(run)) return true;
  return run.length >= 40;
}

function spellings(secret: Plain): string[] {
  const text = secret.revealText();
  // Replacing every "a" would protect nothing and destroy the sentence.
  if (text.length < 4) return [];
  const bytes = secret.revealBytes();
  return [
    text,
    encodeURIComponent(text),
    bytes.toString('base64'),
    bytes.toString('base64url'),
    bytes.toString('hex'),
  ];
}
