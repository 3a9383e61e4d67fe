// What a token answer looks like on the wire. The tokens behind it are the same; only the clothes differ.
import { z } from 'zod';
import { type Answer, formAnswer, jsonAnswer, textAnswer } from './answer.ts';

export const tokenShapeSchema = z
  .strictObject({
    expiresIn: z.union([
      z.enum(['seconds', 'absent', 'text', 'milliseconds', 'date']),
      z.strictObject({ literal: z.json() }),
    ]),
    /** `form_unless_asked`: JSON only for `Accept: application/json` (GitHub). */
    encoding: z.enum(['json', 'form', 'form_unless_asked', 'html', 'xml']),
    contentType: z.string(),
    /** Keys under which the token fields stand, for example `["authed_user"]`. */
    path: z.array(z.string()),
    scope: z.enum(['granted', 'absent', 'wider', 'narrower']),
    tokenType: z.json(),
    /** Further fields beside the tokens: instance_url, api_domain, ok ... */
    fields: z.record(z.string(), z.json()),
    omit: z.array(z.string()),
    /** `line_break`: CRLF inside the access token. `non_ascii`: letters no header can carry. */
    accessToken: z.enum(['plain', 'line_break', 'non_ascii', 'empty', 'number']),
    prototypeKeys: z.boolean(),
    wrapInArray: z.boolean(),
  })
  .partial();

export type TokenShape = z.infer<typeof tokenShapeSchema>;

/** The truth of a success before it is dressed: RFC 6749 5.1 fields. */
export type TokenAnswer = {
  readonly access_token: string;
  readonly token_type: string;
  readonly expires_in: number | null;
  readonly refresh_token?: string;
  readonly scopes: readonly string[] | null;
  readonly id_token?: string;
};

export type ShapeContext = { readonly accept: string; readonly now: Date; readonly scopeSeparator: string };

export function shapeTokens(tokens: TokenAnswer, shape: TokenShape, context: ShapeContext): Answer {
  const plain: Record<string, unknown> = {
    access_token: clothedAccessToken(tokens.access_token, shape.accessToken),
    token_type: shape.tokenType ?? tokens.token_type,
    ...expiry(tokens.expires_in, shape.expiresIn ?? 'seconds', context.now),
    ...(tokens.refresh_token === undefined ? {} : { refresh_token: tokens.refresh_token }),
    ...scope(tokens.scopes, shape.scope ?? 'granted', context.scopeSeparator),
    ...(tokens.id_token === undefined ? {} : { id_token: tokens.id_token }),
  };
  for (const name of shape.omit ?? []) delete plain[name];
  const nested = (shape.path ?? []).reduceRight<Record<string, unknown>>(
    (inner, key) => ({ [key]: inner }),
    plain,
  );
  return encode({ ...nested, ...shape.fields }, shape, context);
}

function clothedAccessToken(token: string, style: TokenShape['accessToken']): unknown {
  switch (style) {
    case 'line_break':
      return `${token}\r\nX-Injected: 1`;
    case 'non_ascii':
      return `${token}\u{1f511}`;
    case 'empty':
      return '';
    case 'number':
      return 12345678;
    default:
      return token;
  }
}

function expiry(
  lifeSeconds: number | null,
  style: NonNullable<TokenShape['expiresIn']>,
  now: Date,
): Record<string, unknown> {
  if (typeof style === 'object') return { expires_in: style.literal };
  if (style === 'absent' || lifeSeconds === null) return {};
  switch (style) {
    case 'seconds':
      return { expires_in: lifeSeconds };
    case 'text':
      return { expires_in: String(lifeSeconds) };
    case 'milliseconds':
      return { expires_in: lifeSeconds * 1000 };
    case 'date':
      return { expires_in: new Date(now.getTime() + lifeSeconds * 1000).toISOString() };
  }
}

function scope(
  scopes: readonly string[] | null,
  style: NonNullable<TokenShape['scope']>,
  separator: string,
): Record<string, unknown> {
  if (style === 'absent' || (scopes === null && style !== 'wider')) return {};
  const granted = scopes ?? [];
  const shown =
    style === 'wider'
      ? [...granted, 'admin.everything']
      : style === 'narrower'
        ? granted.slice(0, -1)
        : granted;
  return { scope: shown.join(separator) };
}

function encode(body: Record<string, unknown>, shape: TokenShape, context: ShapeContext): Answer {
  const headers = shape.contentType === undefined ? {} : { 'content-type': shape.contentType };
  switch (shape.encoding ?? 'json') {
    case 'form':
      return formAnswer(200, body, headers);
    case 'form_unless_asked':
      if (!context.accept.includes('application/json')) return formAnswer(200, body, headers);
      break;
    case 'html':
      return textAnswer(200, `<html><body>${JSON.stringify(body)}</body></html>`, {
        'content-type': 'text/html; charset=utf-8',
        ...headers,
      });
    case 'xml':
      return textAnswer(200, xml(body), { 'content-type': 'application/xml', ...headers });
    default:
  }
  if (shape.wrapInArray) return jsonAnswer(200, [body], headers);
  if (!shape.prototypeKeys) return jsonAnswer(200, body, headers);
  // Written as text: an object literal would set the prototype instead of a key.
  const hostile = '"__proto__":{"polluted":true},"constructor":{"prototype":{"polluted":true}},';
  return textAnswer(200, `{${hostile}${JSON.stringify(body).slice(1)}`, {
    'content-type': 'application/json',
    ...headers,
  });
}

function xml(body: Record<string, unknown>): string {
  const entries = Object.entries(body).map(([key, value]) => `<${key}>${String(value)}</${key}>`);
  return `<?xml version="1.0"?><OAuth>${entries.join('')}</OAuth>`;
}
