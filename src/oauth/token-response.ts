// Reads the body of a token answer as it comes in the wild: JSON, form-encoded, mislabelled, nested, numbers as text,
// errors under status 200. Lenient about form, strict about what is stored: a token must be fit for a header.
import { Plain } from '../kernel/plain.ts';
import type { ProviderQuirks } from './catalogue/provider-entry.ts';
import { isNeverShown } from './never-shown.ts';
import { parseBody } from './token-body.ts';
import { readLifetime } from './token-lifetime.ts';
import type { TokenSet } from './token-set.ts';

export type TokenReading =
  | { readonly kind: 'tokens'; readonly tokens: TokenSet }
  /** The provider's own words, not yet redacted. */
  | { readonly kind: 'error'; readonly code: string; readonly description: string | null }
  /** Tokens that must not be used as bearer tokens. */
  | { readonly kind: 'unsupported_token_type' }
  | { readonly kind: 'unreadable'; readonly problem: string };

// 2 kB at Microsoft, more with group claims; a header of 16 kB is the most that servers take.
const maxTokenLength = 16_384;
// What can stand in an Authorization header: anything else would be header injection.
const headerSafe = /^[\x21-\x7e]+$/;
// RFC 6749 A.17 lets a refresh token hold spaces too; it travels in bodies only.
const bodySafe = /^[\x20-\x7e]+$/;
// Proof-of-possession types (RFC 9449 and drafts): handed out as Bearer they would be useless or worse.
const boundTokenTypes = new Set(['mac', 'dpop', 'pop', 'hoba', 'n_a']);
const consumed = new Set(['access_token', 'accessToken', 'token_type', 'tokenType', 'scope', 'expires_in']);

type Fields = Readonly<Record<string, unknown>>;

/** Never throws. `now` only turns dates into lifetimes. */
export function readTokenResponse(
  answer: { readonly body: Buffer; readonly contentType: string | null; readonly now: Date },
  quirks: Pick<ProviderQuirks, 'tokenPaths' | 'lifetimeUnit'>,
): TokenReading {
  const parsed = parseBody(answer.body, answer.contentType);
  if (parsed.kind === 'unreadable') return parsed;
  const { fields } = parsed;
  const error = readError(fields);
  const holder = findHolder(fields, quirks.tokenPaths);
  if (error !== null) {
    // Both at once: whatever it is, it is not a success, and it may have been executed.
    if (holder !== null) return { kind: 'unreadable', problem: 'an access token and an error at once' };
    return error;
  }
  if (holder === null) return { kind: 'unreadable', problem: 'no access token' };
  return readTokens({ fields, holder, quirks, now: answer.now });
}

function readTokens(input: {
  readonly fields: Fields;
  readonly holder: Fields;
  readonly quirks: Pick<ProviderQuirks, 'lifetimeUnit'>;
  readonly now: Date;
}): TokenReading {
  const { fields, holder } = input;
  const accessToken = tokenText(holder.access_token ?? holder.accessToken, headerSafe);
  if (accessToken === null)
    return { kind: 'unreadable', problem: 'the access token is not fit for a header' };
  const rawRefresh = holder.refresh_token ?? holder.refreshToken;
  const refreshToken = isAbsent(rawRefresh) ? null : tokenText(rawRefresh, bodySafe);
  // Dropping a malformed one would keep the old, perhaps spent, refresh token without anybody noticing.
  if (!isAbsent(rawRefresh) && refreshToken === null) {
    return { kind: 'unreadable', problem: 'the refresh token is not fit for use' };
  }
  const tokenType = readTokenType(holder.token_type ?? holder.tokenType ?? fields.token_type);
  if (boundTokenTypes.has(tokenType.toLowerCase())) return { kind: 'unsupported_token_type' };
  return {
    kind: 'tokens',
    tokens: {
      accessToken: Plain.fromText(accessToken),
      refreshToken: refreshToken === null ? null : Plain.fromText(refreshToken),
      tokenType,
      scope: readScope(holder.scope ?? fields.scope),
      ...readLifetime({ fields: holder, unit: input.quirks.lifetimeUnit, now: input.now }),
      extra: withoutTokens(fields, holder),
    },
  };
}

function findHolder(fields: Fields, paths: readonly (readonly string[])[]): Fields | null {
  for (const path of paths) {
    let at: unknown = fields;
    for (const name of path) at = isFields(at) ? at[name] : undefined;
    if (isFields(at) && !isAbsent(at.access_token ?? at.accessToken)) return at;
  }
  return null;
}

/** `error` as RFC 6749 has it, or one of the shapes that stand for it elsewhere. */
function readError(fields: Fields): Extract<TokenReading, { kind: 'error' }> | null {
  const { error } = fields;
  if (isFields(error)) {
    const code = firstText(error.code, error.type, error.status, error.error);
    return errorOf(code, describe(error) ?? describe(fields));
  }
  if (typeof error === 'string' ? error.trim() !== '' : Boolean(error) && !Array.isArray(error)) {
    return errorOf(firstText(error), describe(fields));
  }
  const code = firstText(fields.error_code, fields.errorCode, fields.errorcode, fields.code);
  if (fields.ok === false || fields.success === false) return errorOf(code, describe(fields));
  // Without a token beside them these are errors; with one they are decoration.
  if (hasToken(fields)) return null;
  const hasErrors = Array.isArray(fields.errors) && fields.errors.length > 0;
  if (code !== null || hasErrors) return errorOf(code, describe(fields));
  // HubSpot puts a word where others put a number.
  const { status } = fields;
  const isWord = typeof status === 'string' && /^[A-Z_]{4,}$/.test(status);
  return isWord ? errorOf(status, describe(fields)) : null;
}

function errorOf(code: string | null, description: string | null): Extract<TokenReading, { kind: 'error' }> {
  return { kind: 'error', code: code ?? 'unrecognised_error', description };
}

function describe(fields: Fields): string | null {
  return firstText(
    fields.error_description,
    fields.errorDescription,
    fields.error_message,
    fields.message,
    fields.detail,
    fields.description,
  );
}

function hasToken(fields: Fields): boolean {
  return !isAbsent(fields.access_token ?? fields.accessToken);
}

function firstText(...values: readonly unknown[]): string | null {
  for (const value of values) {
    if (typeof value === 'string' && value.trim() !== '') return value;
    if (typeof value === 'number' && value !== 0) return String(value);
  }
  return null;
}

function tokenText(value: unknown, allowed: RegExp): string | null {
  if (typeof value !== 'string' || value.length > maxTokenLength) return null;
  return allowed.test(value) ? value : null;
}

function readTokenType(value: unknown): string {
  if (typeof value !== 'string') return 'Bearer';
  const type = value.trim();
  if (!/^[\x21-\x7e]{1,64}$/.test(type) || type.toLowerCase() === 'bearer') return 'Bearer';
  return type;
}

function readScope(value: unknown): string | null {
  if (typeof value === 'string') return value.trim() === '' ? null : value;
  if (!Array.isArray(value)) return null;
  const parts = value.filter((part) => typeof part === 'string' && part !== '');
  return parts.length === 0 ? null : parts.join(' ');
}

/**
 * Everything but the standard fields. Refresh tokens and client secrets are left out at any depth: these fields are handed to
 * steps, and those are handed to nobody.
 */
function withoutTokens(fields: Fields, holder: Fields): Fields {
  const copy = (from: Fields): Fields => {
    const to: Record<string, unknown> = Object.create(null);
    for (const [name, value] of Object.entries(from)) {
      if (isNeverShown(name)) continue;
      if (from === holder && consumed.has(name)) continue;
      to[name] = copyValue(value);
    }
    return to;
  };
  const copyValue = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(copyValue);
    return isFields(value) ? copy(value) : value;
  };
  return copy(fields);
}

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isAbsent(value: unknown): boolean {
  return value === undefined || value === null || value === '';
}
