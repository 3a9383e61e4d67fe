// Secrets of type oauth2: tokens with everything around them. The refresh token goes in and never comes out; whoever
// sends back what an answer showed changes nothing by it.
import { isDeepStrictEqual } from 'node:util';
import { z } from 'zod';
import type { ManualTokens } from '../../../credentials/set-tokens.ts';
import { invalidField } from '../../../kernel/fault.ts';
import { Plain } from '../../../kernel/plain.ts';
import { neverShownNameIn } from '../../../oauth/never-shown.ts';
import type { Reading } from '../../../refresh/reading.ts';
import { readPart } from '../read-input.ts';
import { additionalParamsSchema, readAdditionalParams } from './additional-params.ts';
import { extraFieldsKey, freeObject, readExtraFields, sealableFields } from './extra-fields.ts';
import { seconds } from './seconds.ts';
import { credentialsPath, neverShown, type SecretInput, type SecretKind } from './secret-kind.ts';

const tenYears = 315_360_000;
const maxTokenLength = 16_384;
const scopesKey = 'scopes';

const changed = z.strictObject({
  access_token: z
    .string()
    .min(1)
    .max(maxTokenLength)
    .meta({ description: 'Printable ASCII without spaces.' })
    .optional(),
  refresh_token: z.string().max(maxTokenLength).nullable().optional(),
  token_type: z
    .string()
    .regex(/^[\x21-\x7e]{1,64}$/, 'is not a token type.')
    .optional(),
  expires_in: seconds(1).nullable().optional(),
  expires_at: z
    .string()
    .refine(
      (text) => /^\d{4}-\d\d-\d\d/.test(text) && !Number.isNaN(Date.parse(text)),
      'is not a time such as 2030-01-31T12:00:00Z.',
    )
    .nullable()
    .optional(),
  scope: z.union([z.string().max(4_000), z.array(z.string().max(500)).max(200)]).optional(),
  additional_params: additionalParamsSchema.optional(),
  undefined_params: freeObject.optional(),
  fields: freeObject.optional(),
});

const made = changed.required({ access_token: true });

type Given = z.infer<typeof changed>;

export const oauth2Kind: SecretKind = {
  connectionType: 'oauth2',
  schemas: { made, changed },

  read(credentials, current, now): SecretInput {
    const given: Given = readPart(current === null ? made : changed, credentials ?? {}, credentialsPath);
    const values = new Map<string, Plain>();
    if (given.scope !== undefined) values.set(scopesKey, Plain.fromText(scopeText(given.scope)));
    refuseNeverShown('fields', given.fields);
    if (given.fields !== undefined) values.set(extraFieldsKey, sealableFields(given.fields));
    return {
      values,
      tokens: readTokens(given, current, now),
      authorizeParams:
        given.additional_params === undefined ? null : readAdditionalParams(given.additional_params),
    };
  },

  show(reading) {
    const { grant, authorizeParams } = reading;
    const tokens = grant?.tokens ?? null;
    const scope = reading.values.get(scopesKey)?.revealText() ?? tokens?.scope ?? null;
    const hasParams = Object.keys(authorizeParams).length > 0;
    const fields = readExtraFields(reading) ?? declaredFields(reading);
    const lifetime = lifetimeOf(reading);
    // On the hot path: absent members are undefined, which JSON leaves out, because spreading costs more than writing.
    return {
      access_token: tokens?.accessToken.revealText(),
      refresh_token: tokens === null || tokens.refreshToken === null ? undefined : neverShown,
      token_type: tokens?.tokenType,
      expires_in: lifetime.expires_in,
      expires_at: lifetime.expires_at,
      scope: scope ?? undefined,
      additional_params: hasParams ? JSON.stringify(authorizeParams) : undefined,
      // Always there with a token: components read members of it unasked.
      undefined_params: tokens?.extra,
      fields: fields ?? undefined,
    };
  },
};

/** There are no refresh tokens: the token itself is traded for the next. */
export const instagramKind: SecretKind = {
  ...oauth2Kind,
  read(credentials, current, now) {
    const input = oauth2Kind.read(credentials, current, now);
    const accessToken = input.tokens?.accessToken;
    if (accessToken === undefined) return input;
    return { ...input, tokens: { ...input.tokens, refreshToken: accessToken } };
  },
};

/** What may be said of a secret before there are tokens: what to ask the provider for. */
export function readRequest(given: {
  readonly scope: string;
  readonly additionalParams: string;
}): Pick<SecretInput, 'values'> & { readonly authorizeParams: Readonly<Record<string, string>> } {
  const scope = scopeText(given.scope);
  return {
    values: new Map(scope === '' ? [] : [[scopesKey, Plain.fromText(scope)]]),
    authorizeParams: readAdditionalParams(given.additionalParams),
  };
}

function lifetimeOf(reading: Reading): { readonly expires_in?: number; readonly expires_at?: Date } {
  const { grant } = reading;
  if (grant?.expiresAt == null || grant.issuedAt === null) return {};
  return {
    expires_in: Math.round((grant.expiresAt.getTime() - grant.issuedAt.getTime()) / 1000),
    expires_at: grant.expiresAt,
  };
}

/** Fields of types that a component declared: everything but the scopes. */
function declaredFields(reading: Reading): Readonly<Record<string, string>> | null {
  if (reading.values.size === 0) return null;
  const own = [...reading.values].filter(([key]) => key !== scopesKey && key !== extraFieldsKey);
  return own.length === 0 ? null : Object.fromEntries(own.map(([key, value]) => [key, value.revealText()]));
}

function readTokens(given: Given, current: Reading | null, now: Date): ManualTokens | null {
  const grant = current?.grant ?? null;
  const known = grant?.tokens ?? null;
  const isNewToken =
    given.access_token !== undefined && given.access_token !== known?.accessToken.revealText();
  if (isNewToken && isOlderAnswer(given, current)) return null;
  const refreshToken = readRefreshToken(given, current);
  const expiresInSeconds = readLifetime(given, current, { isNewToken, now });
  const extra = given.undefined_params;
  refuseNeverShown('undefined_params', extra);
  const isNewExtra = extra !== undefined && !isDeepStrictEqual({ ...known?.extra }, { ...extra });
  const tokens: ManualTokens = {
    ...(isNewToken && given.access_token !== undefined
      ? { accessToken: Plain.fromText(given.access_token) }
      : {}),
    ...(refreshToken === undefined ? {} : { refreshToken }),
    ...(given.token_type === undefined || given.token_type === known?.tokenType
      ? {}
      : { tokenType: given.token_type }),
    ...(expiresInSeconds === undefined ? {} : { expiresInSeconds }),
    ...(isNewExtra ? { extra } : {}),
  };
  return Object.keys(tokens).length === 0 ? null : tokens;
}

/**
 * What was shown before the token was refreshed, sent back whole by somebody who changes something beside it: the old token
 * would come back with it.
 */
function isOlderAnswer(given: Given, current: Reading | null): boolean {
  const expiresAt = current?.grant?.expiresAt ?? null;
  if (given.refresh_token !== neverShown || given.expires_at == null || expiresAt === null) return false;
  return Date.parse(given.expires_at) < expiresAt.getTime();
}

function readRefreshToken(given: Given, current: Reading | null): Plain | null | undefined {
  const { refresh_token: text } = given;
  if (text === undefined) return undefined;
  if (text === null || text === '') return null;
  if (text === neverShown) {
    if (current !== null) return undefined;
    throw invalidField(
      `${credentialsPath.join('.')}.refresh_token`,
      'is the placeholder that answers show, not a token.',
      'Give the token itself, or leave it out.',
    );
  }
  return text === current?.grant?.tokens?.refreshToken?.revealText() ? undefined : Plain.fromText(text);
}

/** The point in time wins over the duration: it stays true however long the text has been lying about. */
function readLifetime(
  given: Given,
  current: Reading | null,
  at: { readonly isNewToken: boolean; readonly now: Date },
): number | undefined {
  const { expires_at: point, expires_in: duration } = given;
  const shown = current === null ? {} : lifetimeOf(current);
  if (point != null && (at.isNewToken || point !== shown.expires_at?.toISOString())) {
    return Math.min(Math.max(Math.floor((Date.parse(point) - at.now.getTime()) / 1000), 1), tenYears);
  }
  if (duration == null || (!at.isNewToken && duration === shown.expires_in)) return undefined;
  return duration;
}

/** These are handed to steps, and what such names hold is handed to nobody. */
function refuseNeverShown(member: 'fields' | 'undefined_params', value: unknown): void {
  const name = neverShownNameIn(value);
  if (name === null) return;
  throw invalidField(
    `${credentialsPath.join('.')}.${member}`,
    `holds ${name}, which would be shown to steps.`,
    'Give a refresh token as refresh_token of the token itself, and a client secret to the auth client.',
  );
}

function scopeText(scope: string | readonly string[]): string {
  const text = (typeof scope === 'string' ? scope : scope.join(' ')).trim();
  if (!/\p{Cc}/u.test(text)) return text;
  throw invalidField(`${credentialsPath.join('.')}.scope`, 'holds control characters.', 'Remove them.');
}
