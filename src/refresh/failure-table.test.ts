// The table of failures, row by row, from the provider's bytes to what becomes of the grant. Each row's name is the
// row's text in the specification; `answers` are the cases it names.
import { createServer, type Server, type Socket } from 'node:net';
import { afterAll, expect, test } from 'vitest';
import { systemClock } from '../kernel/clock.ts';
import { silentLog } from '../kernel/log.ts';
import { Plain } from '../kernel/plain.ts';
import { createEgress } from '../oauth/egress.ts';
import { createProvider } from '../oauth/provider.ts';
import { classifyTokenAnswer, type TokenOutcome } from '../oauth/token-outcome.ts';
import { refreshToken } from '../oauth/token-request.ts';
import { decideFailure } from './failure-rule.ts';

type Answer = {
  readonly status: number;
  readonly body: string | null;
  readonly headers?: Readonly<Record<string, string>>;
  readonly at?: string;
};
/** What a row does to a grant in good health, to one that was suspect, and to one with an outcome unknown. */
type Effect = readonly [first: string, again: string, afterUnknown: string];
type Row = readonly [text: string, answers: readonly Answer[], effect: Effect];

const generic = 'https://as.example/token';
const github = 'https://github.com/login/oauth/access_token';
const slack = 'https://slack.com/api/oauth.v2.access';
const zoho = 'https://accounts.zoho.com/oauth/v2/token';
const hubspot = 'https://api.hubapi.com/oauth/v1/token';
const error = (code: string, status = 400, at = generic): Answer => ({
  status,
  body: JSON.stringify({ error: code }),
  at,
});
const bare = (status: number, headers: Readonly<Record<string, string>> = {}): Answer => ({
  status,
  body: '',
  headers,
});

const keepsRefreshToken: Effect = ['refreshed', 'refreshed', 'refreshed'];
const unknown: Effect = ['degraded, 5 s, unknown', 'degraded, 15 s, unknown', 'degraded, 15 s, unknown'];
const over: Effect = ['degraded, 60 s, suspect', 'needs_reauth', 'needs_reauth lost_rotation'];
const client: Effect = [
  'degraded, 600 s, trips the client',
  'degraded, 600 s, trips the client',
  'degraded, 600 s, trips the client',
];
const transient: Effect = ['degraded, 5 s', 'degraded, 15 s', 'degraded, 15 s'];
const wait = (seconds: number): Effect => [
  `degraded, ${seconds} s`,
  `degraded, ${seconds} s`,
  `degraded, ${seconds} s`,
];

const rows: readonly Row[] = [
  [
    '200, JSON or form body with access_token: success; missing or empty refresh_token keeps the old one',
    [
      { status: 200, body: '{"access_token":"a","refresh_token":"b","expires_in":3600}' },
      { status: 200, body: '{"access_token":"a","refresh_token":""}' },
      { status: 200, body: 'access_token=a&token_type=bearer', at: github },
    ],
    keepsRefreshToken,
  ],
  [
    '200 with error or ok:false (GitHub, Slack): its code as if 400, refresh token refused',
    [
      error('bad_refresh_token', 200, github),
      { status: 200, body: 'error=bad_refresh_token', at: github },
      { status: 200, body: '{"ok":false,"error":"invalid_refresh_token"}', at: slack },
      error('invalid_code', 200, zoho),
    ],
    over,
  ],
  [
    '200 with error or ok:false (GitHub, Slack): its code as if 400, client refused',
    [
      error('incorrect_client_credentials', 200, github),
      { status: 200, body: '{"ok":false,"error":"bad_client_secret"}', at: slack },
    ],
    client,
  ],
  [
    '200 HTML / empty / truncated JSON: unknown outcome (may have rotated)',
    [
      { status: 200, body: '<html>Sign in</html>' },
      { status: 200, body: '' },
      { status: 200, body: '{"access_token":"a","refre' },
      { status: 200, body: null },
      { status: 204, body: '' },
      { status: 200, body: '{"ok":true}' },
    ],
    unknown,
  ],
  [
    '400/401/403 invalid_grant and its synonyms: suspect first, dead when refused again, lost_rotation after an unknown outcome',
    [
      ...[400, 401, 403].map((status) => error('invalid_grant', status)),
      ...['bad_refresh_token', 'invalid_refresh_token', 'invalid_code', 'token_expired'].map((code) =>
        error(code),
      ),
      { status: 400, body: '{"status":"BAD_REFRESH_TOKEN","message":"x"}', at: hubspot },
    ],
    over,
  ],
  [
    'invalid_client, unauthorized_client, unsupported_grant_type, invalid_scope, 404/405/410/3xx: the auth client’s configuration',
    [
      ...['invalid_client', 'unauthorized_client', 'unsupported_grant_type', 'invalid_scope'].map((code) =>
        error(code),
      ),
      error('invalid_client', 401),
      ...[401, 404, 405, 410, 301, 302, 303, 307, 308].map((status) => bare(status)),
    ],
    client,
  ],
  [
    'temporarily_unavailable, 408, 425, 503: transient, certainly not executed',
    [
      error('temporarily_unavailable'),
      error('invalid_grant', 503),
      ...[408, 425, 503].map((status) => bare(status)),
    ],
    transient,
  ],
  ['503 with Retry-After: not before it', [bare(503, { 'retry-after': '120' })], wait(120)],
  [
    'server_error, 500/502/504 after send: unknown outcome',
    [
      error('server_error'),
      error('invalid_grant', 500),
      error('temporarily_unavailable', 502),
      ...[500, 502, 504].map((status) => bare(status)),
      { status: 200, body: '{"ok":false,"error":"internal_error"}', at: slack },
    ],
    unknown,
  ],
  [
    '429, 403 rate_limited, Zoho Access Denied: throttled, 30 s where nobody says how long',
    [
      bare(429),
      error('invalid_grant', 429),
      error('rate_limited', 403),
      error('slow_down'),
      { status: 400, body: '{"error":"Access Denied","error_description":"x"}', at: zoho },
      { status: 200, body: '{"ok":false,"error":"ratelimited"}', at: slack },
    ],
    wait(30),
  ],
  [
    'Retry-After in seconds, or as a date by the provider’s own clock',
    [
      bare(429, { 'retry-after': '90' }),
      bare(429, {
        'retry-after': 'Thu, 01 Jan 2015 00:01:30 GMT',
        date: 'Thu, 01 Jan 2015 00:00:00 GMT',
      }),
    ],
    wait(90),
  ],
  ['Retry-After is at least 1 s', [bare(429, { 'retry-after': '0' })], wait(1)],
  ['Retry-After is at most 1 h', [bare(429, { 'retry-after': '31536000' })], wait(3_600)],
];

const good = { outcomeUnknown: false, suspectSince: null, failCount: 0 };
const histories = [
  good,
  { ...good, failCount: 1, suspectSince: new Date(0) },
  { ...good, failCount: 1, outcomeUnknown: true },
] as const;

function effectOf(outcome: TokenOutcome): Effect {
  const [first, again, afterUnknown] = histories.map((grant) => {
    if (outcome.kind === 'success') return 'refreshed';
    const decided = decideFailure(outcome, grant, () => 0.5);
    if (decided.state === 'needs_reauth') {
      return decided.errorCode === 'lost_rotation' ? 'needs_reauth lost_rotation' : 'needs_reauth';
    }
    return [
      `degraded, ${decided.retryAfterSeconds} s`,
      ...(decided.outcomeUnknown ? ['unknown'] : []),
      ...(decided.isSuspect ? ['suspect'] : []),
      ...(decided.tripsClient ? ['trips the client'] : []),
    ].join(', ');
  });
  return [first ?? '', again ?? '', afterUnknown ?? ''];
}

test.each(rows)('%s', (_text, answers, effect) => {
  for (const { status, body, headers = {}, at = generic } of answers) {
    const outcome = classifyTokenAnswer({
      answer: {
        kind: 'answered',
        response: {
          status,
          headers,
          body: body === null ? null : Buffer.from(body),
          bodyProblem: body === null ? 'cut off' : null,
        },
      },
      provider: createProvider({ authorizeUrl: null, tokenUrl: at }),
      grant: 'refresh_token',
      now: new Date('2026-01-01T00:00:00Z'),
      secrets: [],
    });
    expect(effectOf(outcome), `${at} ${status} ${body ?? 'cut off'}`).toEqual(effect);
    if (outcome.kind === 'success') expect(outcome.tokens.refreshToken?.revealText() ?? 'b').toBe('b');
  }
});

const servers: Server[] = [];
afterAll(() => {
  for (const server of servers) server.close();
});

/** Listens, and treats whoever connects like this. */
async function listening(treat: (socket: Socket) => void): Promise<number> {
  const server = createServer((socket) => {
    socket.on('error', () => {});
    treat(socket);
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  return typeof address === 'object' && address !== null ? address.port : 0;
}

async function ask(url: string, deadlineMs = 5_000): Promise<Effect> {
  const { host, port } = new URL(url);
  const allow = [port === '' ? `${host}:443` : host];
  return effectOf(
    await refreshToken({
      egress: createEgress({ allow, log: silentLog, resolve: async () => [] }),
      clock: systemClock,
      provider: createProvider({ authorizeUrl: null, tokenUrl: url }),
      client: { clientId: 'c', clientSecret: Plain.fromText('s') },
      refreshToken: Plain.fromText('r'),
      scope: null,
      deadlineMs,
    }),
  );
}

test('DNS/TCP/TLS error before send: certainly not executed', async () => {
  const closed = await listening(() => {});
  servers.at(-1)?.close();
  const hangsUp = await listening((socket) => socket.destroy());
  expect(await ask('http://no-such-host.example:1234/token')).toEqual(transient);
  expect(await ask(`http://127.0.0.1:${closed}/token`)).toEqual(transient);
  expect(await ask(`https://127.0.0.1:${hangsUp}/token`)).toEqual(transient);
});

test('reset or timeout after send; a socket that is closed under the request: unknown outcome', async () => {
  const resets = await listening((socket) => socket.once('data', () => socket.resetAndDestroy()));
  const closes = await listening((socket) => socket.once('data', () => socket.end()));
  const half = await listening((socket) =>
    socket.once('data', () => socket.end('HTTP/1.1 200 OK\r\nContent-')),
  );
  const silent = await listening((socket) => socket.resume());
  expect(await ask(`http://127.0.0.1:${resets}/token`)).toEqual(unknown);
  expect(await ask(`http://127.0.0.1:${closes}/token`)).toEqual(unknown);
  expect(await ask(`http://127.0.0.1:${half}/token`)).toEqual(unknown);
  expect(await ask(`http://127.0.0.1:${silent}/token`, 200)).toEqual(unknown);
});

test('no second request after a reset, and no connection is used twice: the client library does not retry', async () => {
  let connections = 0;
  let requests = 0;
  const port = await listening((socket) => {
    connections += 1;
    socket.on('data', () => {
      requests += 1;
      socket.resetAndDestroy();
    });
  });
  await ask(`http://127.0.0.1:${port}/token`);
  expect([connections, requests]).toEqual([1, 1]);
});

test('each provider’s own codes outrank the common table, and only there', () => {
  const kind = (code: string, at: string) =>
    classifyTokenAnswer({
      answer: {
        kind: 'answered',
        response: {
          status: 400,
          headers: {},
          body: Buffer.from(JSON.stringify({ error: code })),
          bodyProblem: null,
        },
      },
      provider: createProvider({ authorizeUrl: null, tokenUrl: at }),
      grant: 'refresh_token',
      now: new Date(0),
      secrets: [],
    }).kind;
  expect(kind('access_denied', zoho)).toBe('throttled');
  expect(kind('access_denied', generic)).not.toBe('throttled');
  expect(kind('unauthorized_client', 'https://auth.atlassian.com/oauth/token')).toBe('revoked');
  expect(kind('unauthorized_client', generic)).toBe('client_rejected');
});
