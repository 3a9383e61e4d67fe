// Named quirks: how well-known services differ from the standard, as far as a client can see it, plus plain
// weather. Facts for tests of integrations, not promises about those services; check their documentation.
// cspell:ignore shpat
import { invalidField } from '../src/kernel/fault.ts';
import type { QuirkInput } from './quirk.ts';

export const quirks = {
  // -- modelled on services --
  slack: {
    rotation: 'always',
    accessTokenSeconds: 43_200,
    scopeSeparator: ',',
    errorStyle: 'ok_false',
    pkce: 'ignored',
    tokenPrefix: 'xoxe-',
    shape: { tokenType: 'bot', fields: { ok: true, team: { id: 'T0001', name: 'Emulated' } } },
  },
  /** Slack's user tokens stand one level down. */
  'slack-user': {
    rotation: 'always',
    accessTokenSeconds: 43_200,
    scopeSeparator: ',',
    errorStyle: 'ok_false',
    pkce: 'ignored',
    shape: { path: ['authed_user'], fields: { ok: true, team: { id: 'T0001', name: 'Emulated' } } },
  },
  /** An OAuth app: form-encoded unless asked, tokens that never expire, errors under 200. */
  github: {
    accessTokenSeconds: null,
    refreshTokenOnConsent: false,
    scopeSeparator: ',',
    errorStyle: 'with_200',
    tokenPrefix: 'gho_',
    shape: { encoding: 'form_unless_asked', tokenType: 'bearer' },
  },
  google: {
    refreshTokenRequires: { access_type: 'offline' },
    accessTokenSeconds: 3599,
    refreshTokenSeconds: 15_552_000,
    tokenPrefix: 'ya29.',
    tokenLength: 200,
  },
  salesforce: {
    accessTokenSeconds: 7200,
    shape: {
      expiresIn: 'absent',
      fields: {
        instance_url: 'https://emulated.my.salesforce.example',
        id: 'https://login.salesforce.example/id/00Dx/005x',
        issued_at: '1278448832702',
        signature: 'SSSbLO/gBhmmyNUvN18ODBDFYHzakxOMgqYtu+hDPsc=',
      },
    },
  },
  /** Refresh token rotation switched on: no grace, reuse revokes everything. */
  'salesforce-rotation': {
    rotation: 'always',
    accessTokenSeconds: 7200,
    shape: { expiresIn: 'absent', fields: { instance_url: 'https://emulated.my.salesforce.example' } },
  },
  dropbox: {
    accessTokenSeconds: 14_400,
    refreshTokenRequires: { token_access_type: 'offline' },
    tokenPrefix: 'sl.',
    tokenLength: 130,
    shape: { tokenType: 'bearer', fields: { uid: '12345', account_id: 'dbid:AAemulated' } },
  },
  /** Rotation with ten minutes of grace, after which the old access token is dead too. */
  atlassian: {
    rotation: 'always',
    graceSeconds: 600,
    revokeAccessTokenOnRefresh: true,
    refreshTokenSeconds: 7_776_000,
    tokenLength: 2000,
  },
  zoho: {
    scopeSeparator: ',',
    maxLiveAccessTokens: 30,
    errorStyle: 'with_200',
    refreshTokenRequires: { access_type: 'offline' },
    callbackParams: { location: 'eu', 'accounts-server': 'https://accounts.zoho.example' },
    shape: { fields: { api_domain: 'https://www.zohoapis.example' } },
  },
  /** Ten-minute tokens that may not be renewed until 30 s before their end; the number comes as text. */
  'exact-online': {
    rotation: 'always',
    accessTokenSeconds: 600,
    earliestRefreshSeconds: 30,
    refreshTokenSeconds: 2_592_000,
    shape: { expiresIn: 'text', tokenType: 'bearer' },
  },
  quickbooks: {
    clientAuth: 'basic',
    refreshTokenOnRefresh: 'same',
    refreshTokenSeconds: 8_640_000,
    grantSeconds: 157_680_000,
    callbackParams: { realmId: '1234567890' },
    shape: {
      fields: { x_refresh_token_expires_in: 8_640_000, x_refresh_token_hard_expires_in: 157_680_000 },
    },
  },
  shopify: {
    rotation: 'always',
    graceSeconds: 'until_next_use',
    scopeSeparator: ',',
    pkce: 'ignored',
    callbackParams: { shop: 'emulated.myshopify.example', hmac: '0'.repeat(64) },
    tokenPrefix: 'shpat_',
  },
  okta: { rotation: 'always', graceSeconds: 30, clientAuth: 'any_but_both', iss: 'right' },
  // -- plain kinds --
  'strict-rotation': { rotation: 'always', graceSeconds: 0, reuse: 'revoke_family' },
  'grace-rotation': { rotation: 'always', graceSeconds: 60, reuse: 'revoke_family' },
  'lax-rotation': { rotation: 'always', reuse: 'accept' },
  'no-expiry': { accessTokenSeconds: null, refreshTokenOnConsent: false, shape: { expiresIn: 'absent' } },
  'short-lived': { accessTokenSeconds: 60 },
  'silent-expiry': { accessTokenSeconds: 60, shape: { expiresIn: 'absent' } },
  'pkce-required': { pkce: 'required' },
  'pkce-rejected': { pkce: 'rejected' },
  'mix-up': { iss: 'wrong' },
  slow: { latency: { kind: 'exponential', meanMs: 2000, maxMs: 15_000 } },
  /** Every third token request meets trouble, each time another one. */
  flaky: {
    faults: [
      { fault: 'unavailable', times: null, every: 9 },
      { fault: 'reset', when: 'before', times: null, every: 9, skip: 3 },
      { fault: 'rate_limited', retryAfter: 1, times: null, every: 9, skip: 6 },
    ],
  },
  /** Answers get lost after the work was done: the hardest case for rotating tokens. */
  'lost-answers': { faults: [{ fault: 'reset', when: 'after', times: null, every: 3, on: 'refresh' }] },
  'rate-limited': { maxPerSecond: 5, retryAfterSeconds: 1 },
  down: { outage: 'unavailable' },
} as const satisfies Record<string, QuirkInput>;

export type QuirkName = keyof typeof quirks;

export const quirkNames = Object.keys(quirks) as QuirkName[];

/** The settings behind a name that somebody typed. */
export function presetInput(name: string): QuirkInput {
  if (Object.hasOwn(quirks, name)) return quirks[name as QuirkName];
  throw invalidField(
    'quirk',
    `there is no quirk named "${name.slice(0, 60)}".`,
    `Known: ${quirkNames.join(', ')}.`,
  );
}
