import { expect, test } from 'vitest';
import type { Why } from '../refresh/why.ts';
import { type Told, whyText } from './why-text.ts';

const fresh: Told<Why> = {
  now: '2026-03-01T12:00:00.000Z',
  credential: {
    id: '5a0f7c1e-0000-4000-8000-000000000001',
    tenantId: '5a0f7c1e-0000-4000-8000-000000000009',
    label: 'Files of Ada',
    type: 'OAuth 2.0',
    unit: { id: '5a0f7c1e-0000-4000-8000-000000000002', name: 'Umbra Ltd' },
    provider: 'Dropbox',
    account: 'ada@example.com',
  },
  situation: 'fresh',
  text: 'The token is good and is refreshed before it expires.',
  cure: 'Nothing needs to be done.',
  needs: 'nobody',
  token: {
    issuedAt: '2026-03-01T11:30:00.000Z',
    expiresAt: '2026-03-01T15:30:00.000Z',
    isExpiryAssumed: false,
    refreshedAt: '2026-03-01T11:30:01.000Z',
    consentNo: 1,
    tokenNo: 7,
  },
  refreshToken: { expiresAt: null, rotates: false },
  next: { at: '2026-03-01T15:05:00.000Z', because: '25 min before the token expires, of the 4 h it lives' },
  failure: null,
  lastUsedAt: '2026-03-01T11:58:00.000Z',
  reportedError: null,
  timeLine: {
    isCut: false,
    entries: [
      {
        at: '2026-02-28T09:00:00.000Z',
        kind: 'consent_completed',
        severity: 'info',
        text: 'Ada connected the account ada@example.com.',
      },
      {
        at: '2026-03-01T11:30:01.000Z',
        kind: 'refreshed',
        severity: 'info',
        text: 'Refreshed 3 times on 2026-03-01, here for the last time.',
      },
    ],
  },
};

test('one that is well, for people', () => {
  expect(whyText(fresh)).toMatchInlineSnapshot(`
    "credential     Files of Ada (OAuth 2.0)
    id             5a0f7c1e-0000-4000-8000-000000000001
    of             Umbra Ltd in organization 5a0f7c1e-0000-4000-8000-000000000009
    provider       Dropbox
    account        ada@example.com
    state          fresh: The token is good and is refreshed before it expires.
    token issued   2026-03-01 11:30:00Z (30 min ago)
    expires        2026-03-01 15:30:00Z (in 3 h 30 min), as the provider said
    counters       consent 1, token 7
    refresh token  no expiry known, not replaced at refreshes
    next refresh   2026-03-01 15:05:00Z (in 3 h 5 min): 25 min before the token expires, of the 4 h it lives
    last used      2026-03-01 11:58:00Z (2 min ago)

    What happened, newest last:
      2026-02-28 09:00:00Z  1 d 3 h ago       Ada connected the account ada@example.com.
      2026-03-01 11:30:01Z  29 min 59 s ago   Refreshed 3 times on 2026-03-01, here for the last time.

    What to do: Nothing needs to be done.
    "
  `);
});

test('one that is lost, for people', () => {
  const lost: Told<Why> = {
    ...fresh,
    situation: 'lost_rotation',
    text: 'An answer of the provider was lost.',
    cure: 'Connect the account again.',
    needs: 'person',
    refreshToken: null,
    next: { at: null, because: 'the refresh token is spent' },
    failure: {
      at: '2026-03-01T11:59:15.000Z',
      code: 'lost_rotation',
      text: 'An answer of the provider was lost after it had replaced the refresh token.',
      tries: 2,
    },
    lastUsedAt: null,
    reportedError: 'AuthenticationError: 401',
    timeLine: {
      isCut: true,
      entries: [
        {
          at: '2026-03-01T11:58:30.000Z',
          kind: 'refresh_failed',
          severity: 'warn',
          text: 'Refreshing failed (provider_unreachable).',
        },
        {
          at: '2026-03-01T11:59:15.000Z',
          kind: 'needs_authorization',
          severity: 'error',
          text: 'Refreshing failed (lost_rotation).',
        },
      ],
    },
  };
  expect(whyText(lost)).toMatchInlineSnapshot(`
    "credential    Files of Ada (OAuth 2.0)
    id            5a0f7c1e-0000-4000-8000-000000000001
    of            Umbra Ltd in organization 5a0f7c1e-0000-4000-8000-000000000009
    provider      Dropbox
    account       ada@example.com
    state         lost_rotation: An answer of the provider was lost.
    token issued  2026-03-01 11:30:00Z (30 min ago)
    expires       2026-03-01 15:30:00Z (in 3 h 30 min), as the provider said
    counters      consent 1, token 7
    next refresh  none: the refresh token is spent
    last failure  2026-03-01 11:59:15Z (45 s ago): lost_rotation
                  An answer of the provider was lost after it had replaced the refresh token.
    reported      AuthenticationError: 401
    last used     never, as far as known

    What happened, newest last (older lines are left out):
    ! 2026-03-01 11:58:30Z  1 min 30 s ago    Refreshing failed (provider_unreachable).
    x 2026-03-01 11:59:15Z  45 s ago          Refreshing failed (lost_rotation).

    What to do: Connect the account again.
    "
  `);
});

test('names that would steer a terminal do not', () => {
  const text = whyText({
    ...fresh,
    credential: { ...fresh.credential, label: '\u001b[31m gone\u202e', account: 'a\nstate  fresh: forged' },
  });
  expect(text).toContain('[31m gone');
  expect(text).not.toContain('\u001b');
  expect(text).not.toContain('\u202e');
  expect(text).not.toMatch(/^state {2}fresh: forged/m);
});
