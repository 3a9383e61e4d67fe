// What a provider can do wrong, and what each of it may do to a grant: the expectations of the fault matrix, as data. Each
// fault meets a forgiving provider, one that rotates with grace and one that rotates strictly, on each of the three ways
// that lead to a token request.
import type { ScriptedFaultInput } from '../providers/fault.ts';
import type { QuirkInput } from '../providers/quirk.ts';

export const rotations = {
  none: { rotation: 'none' },
  grace: { rotation: 'always', graceSeconds: 600, reuse: 'revoke_family' },
  strict: { rotation: 'always', graceSeconds: 0, reuse: 'revoke_family' },
} as const satisfies Record<string, QuirkInput>;
export type Rotation = keyof typeof rotations;

export const paths = ['scheduler', 'reader', 'forced'] as const;
export type Path = (typeof paths)[number];

/** What the grant must look like after the fault:
 *
 *  refreshed  it was only a success in odd clothes
 *  waits      certainly not executed: the same request again, after `waitSeconds`
 *  unknown    perhaps executed: nothing is sent before the attempt's deadline and the settling time are over
 *  suspect    refused once: one more try in 30-90 s, whoever asks
 *  client     the client's configuration: its breaker trips, the grant waits some ten minutes
 */
type Effect = 'refreshed' | 'waits' | 'unknown' | 'suspect' | 'client';

export type FaultCase = {
  readonly name: string;
  /** `refused`: the port is closed; `tls`: https is spoken to a port that does not know it. */
  readonly spoil: ScriptedFaultInput | 'refused' | 'tls';
  readonly effect: Effect;
  /** What the grant says about its last failure; null = any word. */
  readonly code: string | null;
  /** Bounds of the wait in seconds, for `waits`. */
  readonly waitSeconds?: readonly [number, number];
  /** The provider did the work, whatever it answered. */
  readonly isExecuted: boolean;
  /** The rotated refresh token is not in the answer: the provider keeps it to itself. */
  readonly withholdsRefreshToken?: boolean;
  /** The answer comes after the (shortened) deadline of the attempt. */
  readonly isLate?: boolean;
  /** Expected life of the new token in seconds. */
  readonly lifeSeconds?: number;
};

const on = 'refresh';
/** The first step of the matrix' timings, a minute, and its jitter. */
const firstBackoff = [45, 75] as const;
const answer = (status: number, body = '', when: 'before' | 'after' = 'before') =>
  ({ fault: 'answer', status, body, when, on }) as const;
const said = (error: string, status = 400) => ({ fault: 'oauth_error', error, status, on }) as const;
const lives = (literal: string | number) =>
  ({ fault: 'shape', shape: { expiresIn: { literal } }, on }) as const;

const throttled = { effect: 'waits', isExecuted: false } as const;
const notExecuted = { effect: 'waits', isExecuted: false, waitSeconds: firstBackoff } as const;
const maybe = { effect: 'unknown', isExecuted: false, code: null } as const;
const executed = { effect: 'unknown', isExecuted: true, code: null } as const;
const suspect = { effect: 'suspect', isExecuted: false } as const;
const client = { effect: 'client', isExecuted: false } as const;
const success = { effect: 'refreshed', isExecuted: true, code: null } as const;

export const faults: readonly FaultCase[] = [
  // -- told to wait --
  {
    name: '429 with Retry-After in seconds',
    spoil: { fault: 'rate_limited', retryAfter: 70, on },
    code: 'rate_limited',
    ...throttled,
    waitSeconds: [70, 70],
  },
  {
    name: '429 with Retry-After as a date',
    spoil: { fault: 'rate_limited', retryAfter: inOneHour(), on },
    code: 'rate_limited',
    ...throttled,
    waitSeconds: [3_300, 3_600],
  },
  {
    name: '429 without Retry-After',
    spoil: { fault: 'rate_limited', retryAfter: null, on },
    code: 'rate_limited',
    ...throttled,
    waitSeconds: [30, 30],
  },
  {
    name: '403 rate_limited',
    spoil: said('rate_limited', 403),
    code: 'rate_limited',
    ...throttled,
    waitSeconds: [30, 30],
  },
  {
    name: '503 with Retry-After',
    spoil: { fault: 'unavailable', retryAfter: 100, on },
    code: 'unavailable',
    ...throttled,
    waitSeconds: [100, 100],
  },
  // -- not executed --
  {
    name: '503 without Retry-After',
    spoil: { fault: 'unavailable', retryAfter: null, on },
    code: 'unavailable',
    ...notExecuted,
  },
  { name: '408', spoil: answer(408), code: 'unavailable', ...notExecuted },
  {
    name: '400 temporarily_unavailable',
    spoil: said('temporarily_unavailable'),
    code: 'temporarily_unavailable',
    ...notExecuted,
  },
  {
    name: '200 with an unknown error',
    spoil: { fault: 'error_with_200', on },
    code: 'bad_things',
    ...notExecuted,
  },
  { name: 'connection refused', spoil: 'refused', code: 'provider_unreachable', ...notExecuted },
  { name: 'TLS handshake fails', spoil: 'tls', code: 'provider_unreachable', ...notExecuted },
  // -- executed or not: nobody can tell --
  { name: '500 instead of the work', spoil: { fault: 'server_error', when: 'before', on }, ...maybe },
  { name: '500 after the work', spoil: { fault: 'server_error', when: 'after', on }, ...executed },
  { name: '502', spoil: answer(502, 'Bad Gateway'), ...maybe },
  { name: '504 while the provider works', spoil: answer(504, 'Gateway Timeout', 'after'), ...executed },
  { name: '400 server_error', spoil: said('server_error'), ...maybe },
  { name: 'reset before the work', spoil: { fault: 'reset', when: 'before', on }, ...maybe },
  { name: 'reset after the work', spoil: { fault: 'reset', when: 'after', on }, ...executed },
  { name: 'silence, never executed', spoil: { fault: 'hang', when: 'before', on }, ...maybe, isLate: true },
  {
    name: 'silence, executed after we have hung up',
    spoil: { fault: 'hang', when: 'before', ms: 3_000, on },
    ...executed,
    isLate: true,
  },
  { name: 'silence after the work', spoil: { fault: 'hang', when: 'after', on }, ...executed, isLate: true },
  { name: 'body cut off', spoil: { fault: 'truncate', on }, ...executed },
  { name: 'empty 200', spoil: { fault: 'empty', on }, ...executed },
  { name: '200 HTML instead of the work', spoil: { fault: 'html', when: 'before', on }, ...maybe },
  { name: '200 HTML after the work', spoil: { fault: 'html', when: 'after', on }, ...executed },
  { name: '200 XML', spoil: { fault: 'shape', shape: { encoding: 'xml' }, on }, ...executed },
  {
    name: 'line break in the token',
    spoil: { fault: 'shape', shape: { accessToken: 'line_break' }, on },
    ...executed,
  },
  { name: 'gzip bomb', spoil: { fault: 'gzip_bomb', megabytes: 8, on }, ...executed },
  // -- refused --
  { name: '400 invalid_grant', spoil: said('invalid_grant'), code: 'invalid_grant', ...suspect },
  {
    name: '200 ok:false',
    spoil: answer(200, '{"ok":false,"error":"invalid_refresh_token"}'),
    code: 'invalid_refresh_token',
    ...suspect,
  },
  // -- the client's configuration --
  { name: '400 invalid_client', spoil: said('invalid_client'), code: 'invalid_client', ...client },
  { name: '401 invalid_client', spoil: said('invalid_client', 401), code: 'invalid_client', ...client },
  { name: '401 without a word', spoil: answer(401), code: 'invalid_client', ...client },
  { name: 'unauthorized_client', spoil: said('unauthorized_client'), code: 'unauthorized_client', ...client },
  { name: 'invalid_scope', spoil: said('invalid_scope'), code: 'invalid_scope', ...client },
  { name: '404', spoil: answer(404, 'Not Found'), code: 'wrong_endpoint', ...client },
  { name: '405', spoil: answer(405), code: 'wrong_endpoint', ...client },
  { name: '410', spoil: answer(410), code: 'wrong_endpoint', ...client },
  {
    name: '302 to a login page',
    spoil: { fault: 'redirect', status: 302, location: 'http://127.0.0.1:9/login', on },
    code: 'unexpected_redirect',
    ...client,
  },
  {
    name: '307 to another host',
    spoil: { fault: 'redirect', location: 'http://127.0.0.1:9/token', on },
    code: 'unexpected_redirect',
    ...client,
  },
  // -- success in odd clothes --
  { name: 'form-encoded', spoil: { fault: 'shape', shape: { encoding: 'form' }, on }, ...success },
  {
    name: 'expires_in absent',
    spoil: { fault: 'shape', shape: { expiresIn: 'absent' }, on },
    ...success,
    lifeSeconds: 3_600,
  },
  { name: 'expires_in "1800"', spoil: lives('1800'), ...success, lifeSeconds: 1_800 },
  { name: 'expires_in 0', spoil: lives(0), ...success, lifeSeconds: 3_600 },
  { name: 'expires_in -1', spoil: lives(-1), ...success, lifeSeconds: 3_600 },
  { name: 'expires_in 1e12', spoil: lives(1e12), ...success, lifeSeconds: 315_360_000 },
  { name: 'expires_in "abc"', spoil: lives('abc'), ...success, lifeSeconds: 3_600 },
  {
    name: 'no refresh token in the answer',
    spoil: { fault: 'shape', shape: { omit: ['refresh_token'] }, on },
    ...success,
    withholdsRefreshToken: true,
  },
];

function inOneHour(): string {
  return new Date(Date.now() + 3_600_000).toUTCString();
}
