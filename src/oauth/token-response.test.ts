import fc from 'fast-check';
import { expect, test } from 'vitest';
import { maxTokenBodyBytes } from './token-body.ts';
import { readTokenResponse, type TokenReading } from './token-response.ts';
import { mergeRefreshed, type TokenSet } from './token-set.ts';

const now = new Date('2026-01-01T00:00:00Z');
type Quirks = Parameters<typeof readTokenResponse>[1];

function read(
  body: string | Buffer,
  contentType: string | null = 'application/json',
  quirks: Partial<Quirks> = {},
): TokenReading {
  return readTokenResponse(
    { body: Buffer.isBuffer(body) ? body : Buffer.from(body), contentType, now },
    { tokenPaths: [[]], lifetimeUnit: 's', ...quirks },
  );
}

function tokens(body: string | Buffer, contentType?: string | null, quirks?: Partial<Quirks>): TokenSet {
  const reading = read(body, contentType, quirks);
  if (reading.kind !== 'tokens') throw new Error(`read as ${JSON.stringify(reading)}`);
  return reading.tokens;
}

test('the ordinary answer', () => {
  const set = tokens(
    '{"access_token":"at","token_type":"bearer","expires_in":3600,"refresh_token":"rt","scope":"a b","instance_url":"https://x","n":{"a":[1]}}',
  );
  expect([set.accessToken.revealText(), set.refreshToken?.revealText()]).toEqual(['at', 'rt']);
  expect(set).toMatchObject({
    tokenType: 'Bearer',
    scope: 'a b',
    expiresInSeconds: 3600,
    refreshExpiresInSeconds: null,
  });
  expect(JSON.parse(JSON.stringify(set.extra))).toEqual({ instance_url: 'https://x', n: { a: [1] } });
});

test.each([
  ['application/json', '{"access_token":"at"}'],
  ['text/html', '{"access_token":"at"}'],
  ['application/x-www-form-urlencoded', '{"access_token":"at"}'],
  [null, ' \ufeff{"access_token":"at"}\n'],
  ['application/x-www-form-urlencoded', 'access_token=at&token_type=bearer'],
  ['text/plain', 'access_token=at&scope=a%20b'],
  ['application/json', 'access_token=at'],
  ['application/json', '{"accessToken":"at"}'],
  ['application/json', '{"access_token":"at","error":null}'],
  ['application/json', '{"access_token":"at","error":""}'],
  ['application/json', '{"access_token":"at","ok":true,"code":0,"status":"OK"}'],
])('a token is found under content type %s in %s', (contentType, body) => {
  expect(tokens(body, contentType).accessToken.revealText()).toBe('at');
});

test('tokens are found by path, and no refresh token is left among the other fields', () => {
  const body = JSON.stringify({
    ok: true,
    authed_user: {
      id: 'U1',
      access_token: 'xoxp',
      refresh_token: 'xoxe',
      expires_in: 43_200,
      token_type: 'user',
    },
  });
  const user = tokens(body, 'application/json', { tokenPaths: [[], ['authed_user']] });
  expect([user.accessToken.revealText(), user.refreshToken?.revealText(), user.expiresInSeconds]).toEqual([
    'xoxp',
    'xoxe',
    43_200,
  ]);
  expect(JSON.stringify(user.extra)).toBe('{"ok":true,"authed_user":{"id":"U1"}}');
  const both = tokens(
    JSON.stringify({
      access_token: 'bot',
      authed_user: { refresh_token: 'x', RefreshToken: 'y', 'refresh-token': 'z', client_secret: 's' },
    }),
  );
  expect(JSON.stringify(both.extra)).toBe('{"authed_user":{}}');
  expect(read(body, 'application/json').kind).toBe('unreadable');
});

test.each([
  ['3600', 3600],
  ['"3600"', 3600],
  ['" 3600 "', 3600],
  ['3599.7', 3599],
  ['"3599.7"', 3599],
  ['0', null],
  ['-1', null],
  ['"-1"', null],
  ['"abc"', null],
  ['""', null],
  ['null', null],
  ['true', null],
  ['[3600]', null],
  ['{}', null],
  ['1e309', null],
  ['"1e5"', null],
  ['"0x10"', null],
  ['"Infinity"', null],
  ['1e12', 315_360_000],
  ['99999999999999999999', 315_360_000],
  ['5', 5],
  [String(now.getTime() / 1000 + 600), 600],
  [String(now.getTime() + 600_000), 600],
  [String(now.getTime() / 1000 - 5), null],
  ['"2026-01-01T01:00:00Z"', 3600],
  ['"2026-01-01T02:00:00+01:00"', 3600],
  ['"2025-12-31T00:00:00Z"', null],
  ['"2026-01-01T01:00:00"', null],
  ['"tomorrow"', null],
  ['"2026-13-45T99:99:99Z"', null],
] as const)('expires_in %s is %s seconds', (json, seconds) => {
  expect(tokens(`{"access_token":"at","expires_in":${json}}`).expiresInSeconds).toBe(seconds);
});

test('lifetimes come under other names, in milliseconds, and for refresh tokens', () => {
  expect(tokens('{"access_token":"at"}').expiresInSeconds).toBeNull();
  expect(tokens('{"access_token":"at","expires_in":3600000,"expires_in_sec":3600}').expiresInSeconds).toBe(
    3600,
  );
  expect(
    tokens('{"access_token":"at","expires_in":28800000}', null, { lifetimeUnit: 'ms' }).expiresInSeconds,
  ).toBe(28_800);
  expect(tokens('access_token=at&expires=5184000').expiresInSeconds).toBe(5_184_000);
  expect(tokens('{"access_token":"at","refresh_expires_in":1800}').refreshExpiresInSeconds).toBe(1800);
  expect(tokens('{"access_token":"at","refresh_expires_in":0}').refreshExpiresInSeconds).toBeNull();
  expect(tokens('{"access_token":"at","refresh_token_expires_in":"15897600"}').refreshExpiresInSeconds).toBe(
    15_897_600,
  );
  const intuit =
    '{"access_token":"at","x_refresh_token_expires_in":8726400,"x_refresh_token_hard_expires_in":100}';
  expect(tokens(intuit).refreshExpiresInSeconds).toBe(100);
});

const errors: readonly [string, string, string | null][] = [
  ['{"error":"invalid_grant","error_description":"gone"}', 'invalid_grant', 'gone'],
  ['error=bad_verification_code&error_description=The+code', 'bad_verification_code', 'The code'],
  ['{"ok":false,"error":"invalid_refresh_token"}', 'invalid_refresh_token', null],
  ['{"ok":false}', 'unrecognised_error', null],
  ['{"ok":false,"access_token":"at"}', 'unreadable', null],
  ['{"error":{"code":"invalid_grant","message":"m"}}', 'invalid_grant', 'm'],
  ['{"error":{"type":"OAuthException","message":"m","code":190}}', '190', 'm'],
  ['{"error":true,"message":"m"}', 'unrecognised_error', 'm'],
  ['{"error":500}', '500', null],
  ['{"code":10007,"message":"m"}', '10007', 'm'],
  ['{"status":"BAD_REFRESH_TOKEN","message":"m"}', 'BAD_REFRESH_TOKEN', 'm'],
  ['{"errors":[{"x":1}]}', 'unrecognised_error', null],
  ['{"success":false,"errorCode":"E1"}', 'E1', null],
];
test.each(errors)('an error is read out of %s', (body, code, description) => {
  const reading = read(body);
  if (code === 'unreadable') expect(reading.kind).toBe('unreadable');
  else expect(reading).toEqual({ kind: 'error', code, description });
});

// Canned bodies of a malicious or broken provider: none may yield tokens, crash, or change a prototype.
const big = 'x'.repeat(70_000);
const deep = '['.repeat(20_000) + ']'.repeat(20_000);
const malicious: readonly (string | Buffer)[] = [
  '',
  ' ',
  '\n',
  'null',
  'true',
  '42',
  '"access_token"',
  '[]',
  '[{"access_token":"at"}]',
  '{}',
  '{"access_token":',
  '{"access_token":"at"',
  '{"access_token":"at"}}',
  '{access_token:"at"}',
  "{'access_token':'at'}",
  '<html><body>access_token=at</body></html>',
  '<?xml version="1.0"?><access_token>at</access_token>',
  'OK',
  'access_token',
  'access_token=',
  '=at',
  '&&&',
  'access_token=a&access_token=b',
  'access_token=a b',
  'access_token=%0d%0aX: y',
  'access_token=%00',
  'access_token=%E2%80%AE',
  '{"access_token":""}',
  '{"access_token":null}',
  '{"access_token":42}',
  '{"access_token":true}',
  '{"access_token":{}}',
  '{"access_token":["at"]}',
  '{"access_token":{"toString":"x"}}',
  '{"access_token":"a\\r\\nX-Evil: 1"}',
  '{"access_token":"a\\nb"}',
  '{"access_token":"a b"}',
  '{"access_token":"a\\u0000"}',
  '{"access_token":"\\u202eat"}',
  '{"access_token":"é"}',
  '{"access_token":"\\ud800"}',
  `{"access_token":"${'x'.repeat(16_385)}"}`,
  `{"access_token":"${big}"}`,
  `{"access_token":"at","x":"${big}"}`,
  Buffer.alloc(maxTokenBodyBytes + 1, 0x20),
  '{"access_token":"at","token_type":"mac"}',
  '{"access_token":"at","token_type":"DPoP"}',
  '{"access_token":"at","token_type":"PoP"}',
  '{"access_token":"at","token_type":"N_A"}',
  '{"access_token":"at","error":"invalid_grant"}',
  '{"access_token":"at","error":{"code":"x"}}',
  '{"access_token":"at","ok":false}',
  '{"access_token":"at","success":false}',
  '{"access_token":"at","refresh_token":"r\\r\\nt"}',
  '{"access_token":"at","refresh_token":42}',
  '{"access_token":"at","refresh_token":{"a":1}}',
  `{"access_token":"at","refresh_token":"${'x'.repeat(16_385)}"}`,
  '{"__proto__":{"access_token":"at"}}',
  '{"constructor":{"access_token":"at"}}',
  '{"data":{"access_token":"at"}}',
  deep,
  `{"x":${deep}}`,
  Buffer.from([0xff, 0xfe, 0x00]),
  Buffer.from('{"access_token":"at"}', 'utf16le'),
  Buffer.from([0x1f, 0x8b, 8, 0]),
  Buffer.alloc(1000, 0xff),
  '__proto__=x&access_token=',
  `${'a=b&'.repeat(10_000)}`,
  '{"error":"x","access_token":"at"}',
  `{${'"a":1,'.repeat(3000)}"b":1}`,
];
test(`${malicious.length} malicious bodies are never stored, never crash`, () => {
  expect(malicious.length).toBeGreaterThanOrEqual(60);
  const before = process.memoryUsage().rss;
  for (const body of malicious) {
    for (const contentType of ['application/json', 'application/x-www-form-urlencoded', null]) {
      expect(read(body, contentType).kind, String(body).slice(0, 60)).not.toBe('tokens');
    }
  }
  expect(process.memoryUsage().rss - before).toBeLessThan(40 * 1024 * 1024);
});

test('names that change prototypes are dropped at every depth', () => {
  const set = tokens(
    '{"access_token":"at","__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}},"a":{"__proto__":{"polluted":1},"b":[{"__proto__":1}]}}',
  );
  expect(Object.getPrototypeOf(set.extra)).toBeNull();
  expect(JSON.stringify(set.extra)).toBe('{"a":{"b":[{}]}}');
  expect(Object.assign({}, set.extra)).not.toHaveProperty('polluted');
  expect(({} as Record<string, unknown>).polluted).toBeUndefined();
});

test('any bytes at all are read without a throw, and what is stored is fit for a header', () => {
  const json = fc.json().map((text) => Buffer.from(text));
  const shaped = fc
    .record(
      {
        access_token: fc.anything(),
        expires_in: fc.anything(),
        scope: fc.anything(),
        refresh_token: fc.anything(),
        error: fc.anything(),
      },
      { requiredKeys: ['access_token'] },
    )
    .map((value) => Buffer.from(safeJson(value)));
  const bytes = fc.uint8Array({ maxLength: 300 }).map((array) => Buffer.from(array));
  fc.assert(
    fc.property(fc.oneof(json, shaped, bytes), fc.option(fc.string()), (body, contentType) => {
      const reading = read(body, contentType);
      if (reading.kind !== 'tokens') return;
      expect(reading.tokens.accessToken.revealText()).toMatch(/^[\x21-\x7e]{1,16384}$/);
      const { expiresInSeconds } = reading.tokens;
      expect(expiresInSeconds === null || (Number.isInteger(expiresInSeconds) && expiresInSeconds > 0)).toBe(
        true,
      );
    }),
    { numRuns: 5_000 },
  );
});

function safeJson(value: unknown): string {
  return JSON.stringify(value, (_name, inner) => (typeof inner === 'bigint' ? String(inner) : inner));
}

test('a refresh keeps what its answer leaves out', () => {
  const first = tokens('{"access_token":"a1","refresh_token":"r1","scope":"s","instance_url":"u","x":1}');
  const merged = mergeRefreshed(first, tokens('{"access_token":"a2","x":2}'));
  expect([merged.accessToken.revealText(), merged.refreshToken?.revealText(), merged.scope]).toEqual([
    'a2',
    'r1',
    's',
  ]);
  expect({ ...merged.extra }).toEqual({ instance_url: 'u', x: 2 });
  expect(
    mergeRefreshed(first, tokens('{"access_token":"a2","refresh_token":"r2"}')).refreshToken?.revealText(),
  ).toBe('r2');
  expect(
    mergeRefreshed(first, tokens('{"access_token":"a2","refresh_token":""}')).refreshToken?.revealText(),
  ).toBe('r1');
});
