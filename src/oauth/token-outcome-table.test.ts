import { expect, test } from 'vitest';
import { Plain } from '../kernel/plain.ts';
import type { GrantKind } from './oauth-fault.ts';
import { createProvider, type Provider } from './provider.ts';
import { classifyTokenAnswer, type TokenOutcome } from './token-outcome.ts';

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

// What providers answer in the wild, and what it means.
const table: readonly [string, Given, TokenOutcome['kind'], string | null][] = [
  [
    'standard success',
    { status: 200, body: '{"access_token":"a","token_type":"Bearer","expires_in":3599}' },
    'success',
    null,
  ],
  [
    'GitHub form-encoded',
    { status: 200, body: 'access_token=gho_1&scope=repo%2Cgist&token_type=bearer', provider: github },
    'success',
    null,
  ],
  [
    'Slack bot',
    {
      status: 200,
      body: '{"ok":true,"access_token":"xoxe.xoxb-1","token_type":"bot","refresh_token":"xoxe-1","expires_in":43200}',
      provider: slack,
    },
    'success',
    null,
  ],
  ['201', { status: 201, body: '{"access_token":"a"}' }, 'success', null],
  [
    'Google revoked',
    {
      status: 400,
      body: '{"error":"invalid_grant","error_description":"Token has been expired or revoked."}',
      provider: google,
    },
    'revoked',
    'invalid_grant',
  ],
  ['401 invalid_grant', { status: 401, body: '{"error":"invalid_grant"}' }, 'revoked', 'invalid_grant'],
  [
    'Atlassian 403 invalid_grant',
    {
      status: 403,
      body: '{"error":"invalid_grant","error_description":"Unknown or invalid refresh token."}',
      provider: atlassian,
    },
    'revoked',
    'invalid_grant',
  ],
  [
    'Atlassian dead refresh token',
    {
      status: 403,
      body: '{"error":"unauthorized_client","error_description":"refresh_token is invalid"}',
      provider: atlassian,
    },
    'revoked',
    'unauthorized_client',
  ],
  [
    'the same code elsewhere',
    { status: 403, body: '{"error":"unauthorized_client"}' },
    'client_rejected',
    'unauthorized_client',
  ],
  [
    'Microsoft needs a person',
    { status: 400, body: '{"error":"interaction_required","error_codes":[50076]}', provider: microsoft },
    'revoked',
    'interaction_required',
  ],
  [
    'GitHub 200 with error',
    {
      status: 200,
      body: '{"error":"bad_refresh_token","error_description":"The refresh token passed is incorrect or expired."}',
      provider: github,
    },
    'revoked',
    'bad_refresh_token',
  ],
  [
    'GitHub form with error',
    {
      status: 200,
      body: 'error=incorrect_client_credentials&error_description=The+client_id',
      provider: github,
    },
    'client_rejected',
    'incorrect_client_credentials',
  ],
  [
    'Slack 200 with error',
    { status: 200, body: '{"ok":false,"error":"invalid_refresh_token"}', provider: slack },
    'revoked',
    'invalid_refresh_token',
  ],
  [
    'Slack internal error',
    { status: 200, body: '{"ok":false,"error":"internal_error"}', provider: slack },
    'unknown',
    'internal_error',
  ],
  [
    'Slack rate limit',
    { status: 200, body: '{"ok":false,"error":"ratelimited"}', provider: slack },
    'throttled',
    'ratelimited',
  ],
  [
    'Zoho 200 with error',
    { status: 200, body: '{"error":"invalid_code"}', provider: zoho },
    'revoked',
    'invalid_code',
  ],
  [
    'Zoho throttles',
    {
      status: 400,
      body: '{"error":"Access Denied","error_description":"You have made too many requests continuously."}',
      provider: zoho,
    },
    'throttled',
    'access_denied',
  ],
  [
    'HubSpot names errors in status',
    {
      status: 400,
      body: '{"status":"BAD_REFRESH_TOKEN","message":"missing or invalid refresh token"}',
      provider: hubspot,
    },
    'revoked',
    'bad_refresh_token',
  ],
  [
    'Salesforce blocked app',
    {
      status: 400,
      body: '{"error":"OAUTH_APP_BLOCKED","error_description":"this app is blocked by admin"}',
      provider: salesforce,
    },
    'client_rejected',
    'oauth_app_blocked',
  ],
  ['wrong secret', { status: 401, body: '{"error":"invalid_client"}' }, 'client_rejected', 'invalid_client'],
  ['401 without a word', { status: 401, body: '' }, 'client_rejected', 'invalid_client'],
  [
    'unsupported grant',
    { status: 400, body: '{"error":"unsupported_grant_type"}' },
    'client_rejected',
    'unsupported_grant_type',
  ],
  ['invalid scope', { status: 400, body: '{"error":"invalid_scope"}' }, 'client_rejected', 'invalid_scope'],
  ['404 page', { status: 404, body: '<html>' }, 'client_rejected', 'wrong_endpoint'],
  ['405', { status: 405, body: '' }, 'client_rejected', 'wrong_endpoint'],
  ['410', { status: 410, body: '' }, 'client_rejected', 'wrong_endpoint'],
  ...[301, 302, 303, 307, 308].map((status): [string, Given, TokenOutcome['kind'], string] => [
    `redirect ${status}`,
    { status, body: '{"access_token":"a"}', headers: { location: 'https://evil.example' } },
    'client_rejected',
    'unexpected_redirect',
  ]),
  [
    'bound tokens',
    { status: 200, body: '{"access_token":"a","token_type":"DPoP"}' },
    'client_rejected',
    'unsupported_token_type',
  ],
  ['503', { status: 503, body: '<html>' }, 'transient', 'unavailable'],
  [
    '503 that says invalid_grant',
    { status: 503, body: '{"error":"invalid_grant"}' },
    'transient',
    'invalid_grant',
  ],
  ['408', { status: 408, body: '' }, 'transient', 'unavailable'],
  ['425', { status: 425, body: '' }, 'transient', 'unavailable'],
  ['529', { status: 529, body: '' }, 'transient', 'unavailable'],
  [
    'temporarily_unavailable',
    { status: 400, body: '{"error":"temporarily_unavailable"}' },
    'transient',
    'temporarily_unavailable',
  ],
  ['an unknown 400', { status: 400, body: '{"error":"some_new_code"}' }, 'transient', 'some_new_code'],
  ['a firewall page', { status: 403, body: '<html>blocked</html>' }, 'transient', 'unavailable'],
  ['429', { status: 429, body: '<html>' }, 'throttled', 'rate_limited'],
  [
    '429 that says invalid_grant',
    { status: 429, body: '{"error":"invalid_grant"}' },
    'throttled',
    'invalid_grant',
  ],
  ['500', { status: 500, body: '' }, 'unknown', 'unexpected_status'],
  [
    '500 that says invalid_grant',
    { status: 500, body: '{"error":"invalid_grant"}' },
    'unknown',
    'invalid_grant',
  ],
  ['502', { status: 502, body: '<html>' }, 'unknown', 'unexpected_status'],
  ['504', { status: 504, body: '<html>' }, 'unknown', 'unexpected_status'],
  ['524', { status: 524, body: '' }, 'unknown', 'unexpected_status'],
  ['server_error', { status: 400, body: '{"error":"server_error"}' }, 'unknown', 'server_error'],
  ['200 HTML', { status: 200, body: '<html>Sign in</html>' }, 'unknown', 'unreadable_answer'],
  ['200 empty', { status: 200, body: '' }, 'unknown', 'unreadable_answer'],
  ['200 truncated JSON', { status: 200, body: '{"access_token":"a","refre' }, 'unknown', 'unreadable_answer'],
  ['200 cut off', { status: 200, body: null }, 'unknown', 'unreadable_answer'],
  ['200 without a token', { status: 200, body: '{"token":"a"}' }, 'unknown', 'unreadable_answer'],
  ['204', { status: 204, body: '' }, 'unknown', 'unreadable_answer'],
  ['400 cut off', { status: 400, body: null }, 'transient', 'unavailable'],
  ['400 with a token', { status: 400, body: '{"access_token":"a"}' }, 'transient', 'unavailable'],
  [
    'client credentials, invalid_grant',
    { status: 400, body: '{"error":"invalid_grant"}', grant: 'client_credentials' },
    'client_rejected',
    'invalid_grant',
  ],
];

test.each(table)('%s', (_name, given, kind, code) => {
  const result = outcome(given);
  expect([result.kind, result.kind === 'success' ? null : result.code]).toEqual([kind, code]);
  if (result.kind !== 'success') expect(result.cure.length).toBeGreaterThan(10);
});
