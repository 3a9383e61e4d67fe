// How a provider behaves: one flat record, the same for presets, the command line, tests and the admin API.
// In standards mode only the fields marked "both modes" count; the rest is what standards do not allow.
import { z } from 'zod';
import { faultSchema } from './fault.ts';
import { parsed } from './parse.ts';
import { tokenShapeSchema } from './token-shape.ts';

const seconds = z.number().min(0).max(1e12);
const count = z.number().int().min(1).max(1e9);
const milliseconds = z.number().min(0).max(3_600_000);

const latencySchema = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('none') }),
  z.strictObject({ kind: z.literal('fixed'), ms: milliseconds }),
  z.strictObject({ kind: z.literal('uniform'), minMs: milliseconds, maxMs: milliseconds }),
  z.strictObject({ kind: z.literal('exponential'), meanMs: milliseconds, maxMs: milliseconds }),
]);

export type Latency = z.infer<typeof latencySchema>;

export const quirkSchema = z.strictObject({
  // -- tokens and their lives (both modes) --
  /** `always`: each refresh answers a new refresh token and retires the one presented. */
  rotation: z.enum(['none', 'always']).default('none'),
  /** Real lifetimes, enforced at the resource server; null lives for ever. */
  accessTokenSeconds: seconds.nullable().default(3600),
  /** Counted from the last use of the refresh token. */
  refreshTokenSeconds: seconds.nullable().default(null),
  codeSeconds: seconds.default(600),
  pkce: z.enum(['required', 'optional', 'ignored', 'rejected']).default('optional'),
  // -- weather (both modes) --
  latency: latencySchema.default({ kind: 'none' }),
  maxPerSecond: count.nullable().default(null),
  retryAfterSeconds: z.number().int().min(0).nullable().default(1),
  /** Every endpoint down: 503, connections reset, or silence. */
  outage: z.enum(['none', 'unavailable', 'reset', 'hang']).default('none'),
  /** The provider's clock runs ahead (or behind): its `Date` header and absolute dates show it. */
  clockOffsetSeconds: z.number().min(-1e9).max(1e9).default(0),
  faults: z.array(faultSchema).max(10_000).default([]),
  // -- rotation's finer points (quirky mode) --
  /** How long a retired refresh token still works; `until_next_use`: until its successor is used. */
  graceSeconds: z.union([seconds, z.literal('until_next_use')]).default(0),
  reuse: z.enum(['accept', 'reject', 'revoke_family']).default('revoke_family'),
  /** Hard cap of a grant's life from its consent, however often it is refreshed. */
  grantSeconds: seconds.nullable().default(null),
  refreshTokenOnConsent: z.boolean().default(true),
  /** Authorize parameters without which no refresh token comes, for example `access_type=offline`. */
  refreshTokenRequires: z.record(z.string(), z.string()).default({}),
  /** Without rotation: whether a refresh answers the same refresh token again. */
  refreshTokenOnRefresh: z.enum(['absent', 'same']).default('absent'),
  /** Refuses a refresh while the newest access token lives longer than this (Exact Online: 30). */
  earliestRefreshSeconds: seconds.nullable().default(null),
  /** Old access tokens die with the refresh (after the grace, if there is one). */
  revokeAccessTokenOnRefresh: z.boolean().default(false),
  maxLiveAccessTokens: count.nullable().default(null),
  // -- how the endpoints want to be spoken to (quirky mode) --
  clientAuth: z.enum(['any', 'basic', 'post', 'any_but_both']).default('any_but_both'),
  scopeSeparator: z.enum([' ', ',', '+']).default(' '),
  /** RFC 9207 `iss` in the authorization answer: right, absent, or another issuer's (a mix-up). */
  iss: z.enum(['right', 'absent', 'wrong']).default('absent'),
  callbackParams: z.record(z.string(), z.string()).default({}),
  /** `with_200`: `{"error":...}` under 200; `ok_false`: Slack's envelope; `html`: a web page. */
  errorStyle: z.enum(['standard', 'with_200', 'ok_false', 'html']).default('standard'),
  tokenPrefix: z
    .string()
    .regex(/^[\x21-\x7e]{0,64}$/)
    .default(''),
  tokenLength: z.number().int().min(16).max(100_000).default(43),
  /** The account that userinfo reports, whoever signed in. */
  userinfoAccount: z.string().nullable().default(null),
  /** How token answers look; see token-shape.ts. */
  shape: tokenShapeSchema.default({}),
});

export type Quirk = z.infer<typeof quirkSchema>;
export type QuirkInput = z.input<typeof quirkSchema>;

/** Those above that count in both modes. */
const ofBothModes = new Set([
  'rotation',
  'accessTokenSeconds',
  'refreshTokenSeconds',
  'codeSeconds',
  'pkce',
  'latency',
  'maxPerSecond',
  'retryAfterSeconds',
  'outage',
  'clockOffsetSeconds',
  'faults',
] satisfies readonly (keyof Quirk)[]);

/** The settings in it that standards mode does not look at. */
export function quirkyOnly(input: QuirkInput): readonly string[] {
  return Object.keys(input).filter((name) => !(ofBothModes as ReadonlySet<string>).has(name));
}

/** Parses a record somebody typed; the fault names the field and what is wrong with it. */
export function parseQuirk(input: unknown): Quirk {
  return parsed(quirkSchema, input);
}
