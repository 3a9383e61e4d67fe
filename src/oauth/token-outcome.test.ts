import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Plain } from '../kernel/plain.ts';
import { EgressFault } from './egress.ts';
import type { GrantKind } from './oauth-fault.ts';
import { createProvider, type Provider } from './provider.ts';
import { classifyTokenAnswer, retryAfterMs, type TokenOutcome } from './token-outcome.ts';

const now = new Date('2026-01-01T00:00:00Z');
const generic = createProvider({ authorizeUrl: null, tokenUrl: 'https://as.example/token' });
const at = (tokenUrl: string): Provider => createProvider({ authorizeUrl: null, tokenUrl });
const secret = Plain.fromText('rt-1234567-secret');

type Given = {
  readonly status: number;
  readonly body: string | Buffer | null;
  readonly headers?: Readonly<Record<string, string>>;
  readonly provider?: Provider;
  readonly grant?: GrantKind;
};

function outcome(given: Given): TokenOutcome {
  const body = typeof given.body === 'string' ? Buffer.from(given.body) : given.body;
  return classifyTokenAnswer({
    answer: {
      kind: 'answered',
      response: {
        status: given.status,
        headers: given.headers ?? {},
        body,
        bodyProblem: body === null ? 'cut off' : null,
      },
    },
    provider: given.provider ?? generic,
    grant: given.grant ?? 'refresh_token',
    now,
    secrets: [secret],
  });
}

const google = at('https://oauth2.googleapis.com/token');
const slack = at('https://slack.com/api/oauth.v2.access');
const github = at('https://github.com/login/oauth/access_token');
const atlassian = at('https://auth.atlassian.com/oauth/token');
const zoho = at('https://accounts.zoho.eu/oauth/v2/token');
const hubspot = at('https://api.hubapi.com/oauth/v1/token');
const salesforce = at('https://acme.my.salesforce.com/services/oauth2/token');
const microsoft = at('https://login.microsoftonline.com/common/oauth2/v2.0/token');

test('the catalogue may overrule by status too', () => {
  const provider = { ...generic, quirks: { ...generic.quirks, statusVerdicts: { 500: 'revoked' as const } } };
  expect(outcome({ status: 500, body: '', provider }).kind).toBe('revoked');
});

test('a request that was never sent is safe to repeat, one that was is not known', () => {
  const classify = (code: 'egress_refused' | 'provider_unreachable', wasSent: boolean): TokenOutcome =>
    classifyTokenAnswer({
      answer: { kind: 'failed', fault: new EgressFault(code, { wasSent, detail: 'x' }) },
      provider: generic,
      grant: 'refresh_token',
      now,
      secrets: [],
    });
  expect(classify('provider_unreachable', false)).toMatchObject({
    kind: 'transient',
    retryAfterMs: null,
    code: 'provider_unreachable',
  });
  expect(classify('provider_unreachable', true).kind).toBe('unknown');
  expect(classify('egress_refused', false)).toMatchObject({
    kind: 'client_rejected',
    code: 'egress_refused',
  });
});

test('Retry-After is seconds or a date, between a second and an hour; a throttle without one waits 30 s', () => {
  const date = 'Thu, 01 Jan 2026 00:00:00 GMT';
  const cases: [Record<string, string>, number | null][] = [
    [{ 'retry-after': '7' }, 7_000],
    [{ 'retry-after': '0' }, 1_000],
    [{ 'retry-after': '999999' }, 3_600_000],
    [{}, null],
    [{ 'retry-after': '-5' }, null],
    [{ 'retry-after': 'soon' }, null],
    [{ 'retry-after': '9'.repeat(400) }, null],
    [{ 'retry-after': 'Thu, 01 Jan 2026 00:01:00 GMT', date }, 60_000],
    [{ 'retry-after': 'Thu, 01 Jan 2026 00:01:00 GMT' }, null],
    [{ 'retry-after': 'Wed, 31 Dec 2025 00:00:00 GMT', date }, 1_000],
  ];
  for (const [headers, expected] of cases)
    expect(retryAfterMs({ headers }), JSON.stringify(headers)).toBe(expected);
  expect(outcome({ status: 429, body: '' })).toMatchObject({ retryAfterMs: 30_000 });
  expect(outcome({ status: 429, body: '', headers: { 'retry-after': '7' } })).toMatchObject({
    retryAfterMs: 7_000,
  });
  expect(outcome({ status: 503, body: '' })).toMatchObject({ retryAfterMs: null });
});

test('what the provider says is shown without what we sent it and without anything like a token', () => {
  const encodings = [
    secret.revealText(),
    encodeURIComponent(secret.revealText()),
    secret.revealBytes().toString('base64'),
    secret.revealBytes().toString('hex'),
  ];
  for (const echo of [
    ...encodings,
    'eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.c2lnbmF0dXJl',
    'ya29.a0AfH6SMBx1234567890abcdef',
    '3f2a9c1e-8b7d-4e6f-9a0b-1c2d3e4f5a6b',
  ]) {
    const result = outcome({
      status: 400,
      body: JSON.stringify({ error: 'invalid_grant', error_description: `The token ${echo} is gone` }),
    });
    expect(result).toMatchObject({ kind: 'revoked', message: expect.stringContaining('is gone') });
    expect(JSON.stringify(result)).not.toContain(echo);
  }
  const code = outcome({ status: 400, body: JSON.stringify({ error: secret.revealText() }) });
  expect(code).toMatchObject({ code: 'unrecognised_error' });
  const hostile = outcome({
    status: 400,
    body: JSON.stringify({
      error: 'invalid_grant',
      error_description: `a\r\nINJECTED\u0000\u001b[31m\u202e\u2028${'y '.repeat(5_000)}`,
    }),
  });
  if (hostile.kind !== 'revoked' || hostile.message === null) throw new Error('no message');
  expect([...hostile.message].length).toBeLessThanOrEqual(500);
  expect(hostile.message).not.toMatch(/[\p{C}\u2028\u2029]/u);
  expect(
    outcome({
      status: 400,
      body: '{"error":"invalid_grant","error_description":"AADSTS70008: The provided authorization code has expired."}',
    }),
  ).toMatchObject({ message: 'AADSTS70008: The provided authorization code has expired.' });
});

test('the cure fits the request: a code is asked for anew, a grant is reconnected', () => {
  const body = '{"error":"invalid_grant"}';
  expect(outcome({ status: 400, body, grant: 'authorization_code' })).toMatchObject({
    cure: expect.stringContaining('Start again'),
  });
  expect(outcome({ status: 400, body })).toMatchObject({
    cure: expect.stringContaining('Connect the account again'),
  });
  expect(outcome({ status: 401, body: '{"error":"invalid_client"}' })).toMatchObject({
    cure: expect.stringContaining('client secret'),
  });
});

test('10,000 random answers never throw, never leak, and only a 2xx with a token is a success', () => {
  const status = fc.oneof(
    fc.integer({ min: 100, max: 999 }),
    fc.constantFrom(200, 302, 400, 401, 403, 429, 500, 503),
  );
  const codes = fc.constantFrom(
    'invalid_grant',
    'invalid_client',
    '__proto__',
    'constructor',
    'toString',
    'server_error',
    'x'.repeat(100),
  );
  const body = fc.oneof(
    fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes)),
    fc.json().map((text) => Buffer.from(text)),
    fc
      .record(
        {
          error: fc.oneof(codes, fc.string(), fc.object()),
          error_description: fc.oneof(
            fc.string({ unit: 'binary' }),
            fc.constant(`see ${secret.revealText()}`),
          ),
          access_token: fc.oneof(fc.string(), fc.constant('a')),
        },
        { requiredKeys: [] },
      )
      .map((value) => Buffer.from(JSON.stringify(value))),
    fc.constant(null),
  );
  const headers = fc.record(
    { 'content-type': fc.string(), 'retry-after': fc.string(), date: fc.string() },
    { requiredKeys: [] },
  );
  const kinds = new Set(['success', 'revoked', 'client_rejected', 'transient', 'throttled', 'unknown']);
  const providers = fc.constantFrom(
    generic,
    google,
    slack,
    github,
    atlassian,
    zoho,
    hubspot,
    salesforce,
    microsoft,
  );
  const grants = fc.constantFrom<GrantKind>('authorization_code', 'refresh_token', 'client_credentials');
  const seen = new Set<string>();
  fc.assert(
    fc.property(status, headers, body, providers, grants, (code, given, bytes, provider, grant) => {
      const result = outcome({ status: code, headers: given, body: bytes, provider, grant });
      seen.add(result.kind);
      if (!kinds.has(result.kind)) return false;
      if (result.kind === 'success') return code >= 200 && code <= 299 && bytes !== null;
      if (result.kind === 'throttled' && !(result.retryAfterMs >= 1_000 && result.retryAfterMs <= 3_600_000))
        return false;
      return (
        !JSON.stringify(result).includes(secret.revealText()) && /^[a-z][a-z0-9_.:]{0,63}$/.test(result.code)
      );
    }),
    { numRuns: 10_000 },
  );
  expect(seen.size).toBe(6);
});
