// What an answer of a token endpoint means: the one place where provider failures become permanent or transient.
// Decided by tables (codes, then statuses) that a catalogue entry can override; see `Verdict` for the kinds.
import type { Plain } from '../kernel/plain.ts';
import type { Verdict } from './catalogue/provider-entry.ts';
import type { EgressFault, EgressResponse } from './egress.ts';
import {
  cureFor,
  type GrantKind,
  type OAuthProblem,
  readErrorCode,
  redactProviderText,
} from './oauth-fault.ts';
import type { Provider } from './provider.ts';
import { readTokenResponse, type TokenReading } from './token-response.ts';
import type { TokenSet } from './token-set.ts';

export type TokenOutcome =
  | { readonly kind: 'success'; readonly tokens: TokenSet }
  /** The grant (or the code) is over. */
  | ({ readonly kind: 'revoked' } & OAuthProblem)
  /** The client's configuration is wrong; says nothing about the grant. */
  | ({ readonly kind: 'client_rejected' } & OAuthProblem)
  /** Certainly not executed: the same request may be repeated. */
  | ({ readonly kind: 'transient'; readonly retryAfterMs: number | null } & OAuthProblem)
  | ({ readonly kind: 'throttled'; readonly retryAfterMs: number } & OAuthProblem)
  /** May have been executed: a rotating refresh token may be spent. */
  | ({ readonly kind: 'unknown' } & OAuthProblem);

export type TokenProblem = Exclude<TokenOutcome, { readonly kind: 'success' }>;

export type TokenAnswer =
  | { readonly kind: 'answered'; readonly response: EgressResponse }
  | { readonly kind: 'failed'; readonly fault: EgressFault };

/** Codes of RFC 6749 5.2 and what is commonly sent in their place; the same for every provider. */
const codeVerdicts: Readonly<Record<string, Verdict>> = {
  invalid_grant: 'revoked',
  bad_refresh_token: 'revoked',
  invalid_refresh_token: 'revoked',
  expired_refresh_token: 'revoked',
  invalid_code: 'revoked',
  bad_verification_code: 'revoked',
  token_expired: 'revoked',
  token_revoked: 'revoked',
  // OpenID Connect: only a person can go on.
  interaction_required: 'revoked',
  login_required: 'revoked',
  consent_required: 'revoked',
  invalid_client: 'client_rejected',
  invalid_client_id: 'client_rejected',
  incorrect_client_credentials: 'client_rejected',
  unauthorized_client: 'client_rejected',
  unsupported_grant_type: 'client_rejected',
  invalid_scope: 'client_rejected',
  redirect_uri_mismatch: 'client_rejected',
  temporarily_unavailable: 'transient',
  slow_down: 'throttled',
  rate_limited: 'throttled',
  ratelimited: 'throttled',
  rate_limit_exceeded: 'throttled',
  too_many_requests: 'throttled',
  // Says itself that something went wrong while it worked.
  server_error: 'unknown',
};

/** Statuses that outrank whatever the body says. */
const statusFirst: Readonly<Record<number, Verdict>> = {
  408: 'transient',
  425: 'transient',
  429: 'throttled',
  503: 'transient',
  // Proxies in front of the provider that never reached it, or that shed load (Cloudflare's numbers).
  521: 'transient',
  523: 'transient',
  525: 'transient',
  526: 'transient',
  529: 'transient',
};

/** Statuses without a code that we know. */
const statusOnly: Readonly<Record<number, Verdict>> = {
  // RFC 6749 5.2: 401 is for a client that did not prove itself.
  401: 'client_rejected',
  404: 'client_rejected',
  405: 'client_rejected',
  410: 'client_rejected',
};

const ownCodes: Readonly<Record<Verdict, string>> = {
  revoked: 'invalid_grant',
  client_rejected: 'wrong_endpoint',
  transient: 'unavailable',
  throttled: 'rate_limited',
  unknown: 'unexpected_status',
};

/** Codes of ours that stand for answers without a code of the provider's. */
const ownVerdicts: Readonly<Record<string, Verdict>> = {
  ...Object.fromEntries(Object.entries(ownCodes).map(([verdict, code]) => [code, verdict as Verdict])),
  unexpected_redirect: 'client_rejected',
  unsupported_token_type: 'client_rejected',
  egress_refused: 'client_rejected',
  unreadable_answer: 'unknown',
  internal_error: 'unknown',
};

/** What a code means by itself, for whoever explains a failure that was stored; null when only its status decided. */
export function verdictOfCode(
  code: string,
  quirks: Pick<Provider['quirks'], 'errorVerdicts'>,
): Verdict | null {
  for (const table of [quirks.errorVerdicts, codeVerdicts, ownVerdicts]) {
    if (Object.hasOwn(table, code)) return table[code] ?? null;
  }
  return null;
}

export type ClassifyInput = {
  readonly answer: TokenAnswer;
  readonly provider: Provider;
  readonly grant: GrantKind;
  readonly now: Date;
  /** What the request carried: removed from whatever the provider echoes. */
  readonly secrets: readonly Plain[];
};

/** Never throws, whatever the provider sent. */
export function classifyTokenAnswer(input: ClassifyInput): TokenOutcome {
  if (input.answer.kind === 'failed') return ofFault(input.answer.fault, input.grant);
  const { response } = input.answer;
  const first = input.provider.quirks.statusVerdicts[response.status] ?? verdictByStatus(response.status);
  const reading = read(response, input);
  if (first !== null) return problem(first, reading, response, input);
  if (reading.kind === 'error') return problem(verdictOf(reading, response, input), reading, response, input);
  if (response.status < 200 || response.status > 299) {
    return problem(statusOnly[response.status] ?? 'transient', reading, response, input);
  }
  if (reading.kind === 'tokens') return { kind: 'success', tokens: reading.tokens };
  // A 2xx means that something was done, and we cannot tell what: a rotation may be lost in it.
  const verdict = reading.kind === 'unsupported_token_type' ? 'client_rejected' : 'unknown';
  return problem(verdict, reading, response, input);
}

function verdictByStatus(status: number): Verdict | null {
  // Redirects are not followed (a 307 would carry the client's secret to another host): the URL is wrong.
  if (status >= 300 && status <= 399) return 'client_rejected';
  return statusFirst[status] ?? (status >= 500 || status < 200 ? 'unknown' : null);
}

function verdictOf(
  reading: { readonly code: string },
  response: EgressResponse,
  input: ClassifyInput,
): Verdict {
  const code = readErrorCode(reading.code, input.secrets);
  const { errorVerdicts } = input.provider.quirks;
  // A number is no code that is repeated to anybody, but some providers number their errors.
  const known = /^[0-9]{1,6}$/.test(reading.code) ? reading.code : code;
  const own = Object.hasOwn(errorVerdicts, known) ? errorVerdicts[known] : undefined;
  const common = Object.hasOwn(codeVerdicts, code) ? codeVerdicts[code] : undefined;
  const verdict = own ?? common ?? statusOnly[response.status] ?? 'transient';
  // There is no grant that could be over: it is the app that is not allowed.
  return verdict === 'revoked' && input.grant === 'client_credentials' ? 'client_rejected' : verdict;
}

function read(response: EgressResponse, input: ClassifyInput): TokenReading {
  if (response.body === null) return { kind: 'unreadable', problem: response.bodyProblem ?? 'cut off' };
  const contentType = response.headers['content-type'] ?? null;
  return readTokenResponse({ body: response.body, contentType, now: input.now }, input.provider.quirks);
}

function problem(
  verdict: Verdict,
  reading: TokenReading,
  response: EgressResponse,
  input: ClassifyInput,
): TokenProblem {
  const said = reading.kind === 'error' ? reading.description : null;
  const code = codeOf(verdict, reading, response, input);
  return withKind(verdict, response, {
    code,
    message: said === null ? null : redactProviderText(said, input.secrets),
    cure: cureFor(verdict, code, input.grant),
  });
}

function codeOf(
  verdict: Verdict,
  reading: TokenReading,
  response: EgressResponse,
  input: ClassifyInput,
): string {
  if (reading.kind === 'error') return readErrorCode(reading.code, input.secrets);
  if (response.status >= 300 && response.status <= 399) return 'unexpected_redirect';
  if (response.status === 401) return 'invalid_client';
  if (response.status < 200 || response.status > 299) return ownCodes[verdict];
  return reading.kind === 'unsupported_token_type' ? 'unsupported_token_type' : 'unreadable_answer';
}

function withKind(verdict: Verdict, response: EgressResponse, what: OAuthProblem): TokenProblem {
  switch (verdict) {
    case 'throttled':
      return { kind: verdict, retryAfterMs: retryAfterMs(response) ?? defaultThrottleMs, ...what };
    case 'transient':
      return { kind: verdict, retryAfterMs: retryAfterMs(response), ...what };
    default:
      return { kind: verdict, ...what };
  }
}

function ofFault(fault: EgressFault, grant: GrantKind): TokenProblem {
  const code: string = fault.code;
  const explain = (kind: Verdict): OAuthProblem => ({
    code,
    message: null,
    cure: cureFor(kind, code, grant),
  });
  if (fault.wasSent) return { kind: 'unknown', ...explain('unknown') };
  if (code === 'egress_refused') return { kind: 'client_rejected', ...explain('client_rejected') };
  return { kind: 'transient', retryAfterMs: null, ...explain('transient') };
}

const defaultThrottleMs = 30_000;
const minRetryAfterMs = 1_000;
const maxRetryAfterMs = 3_600_000;

/**
 * RFC 9110 10.2.3: seconds or a date, between 1 s and 1 h; null when absent or nonsense. A date is compared with the
 * provider's own `Date`, so that its clock may be wrong.
 */
export function retryAfterMs(response: Pick<EgressResponse, 'headers'>): number | null {
  const text = response.headers['retry-after']?.trim() ?? '';
  const waitMs = /^\d{1,9}$/.test(text)
    ? Number(text) * 1000
    : Date.parse(text) - Date.parse(response.headers.date ?? '');
  if (Number.isNaN(waitMs)) return null;
  return Math.min(Math.max(waitMs, minRetryAfterMs), maxRetryAfterMs);
}
