import { gunzipSync } from 'node:zlib';
import { expect, onTestFinished, test } from 'vitest';
import { startEmulator } from './emulator.ts';
import { executes, faultSchema, type ScriptedFaultInput } from './fault.ts';
import type { QuirkInput } from './quirk.ts';
import { createTrialClient, tokensIn } from './trial-client.ts';

async function start(set: QuirkInput = {}) {
  const emulator = await startEmulator({ mode: 'quirky', set, random: () => 0.5 });
  onTestFinished(() => emulator.close());
  const client = createTrialClient(emulator);
  const { refreshToken, accessToken } = await client.connect();
  const last = () => emulator.ledger.records().at(-1);
  return { emulator, client, refreshToken, accessToken, last };
}

/** ECONNRESET and its like, wherever fetch hides them. */
const codeOf = (error: unknown): string =>
  error instanceof Error ? String(Reflect.get(Reflect.get(error, 'cause') ?? error, 'code')) : '';

test.each<[ScriptedFaultInput, number, string, RegExp]>([
  [{ fault: 'rate_limited' }, 429, 'rate_limited', /rate_limited/],
  [{ fault: 'unavailable' }, 503, 'unavailable', /Unavailable/],
  [{ fault: 'server_error', when: 'before' }, 500, 'server_error', /server_error/],
  [{ fault: 'server_error' }, 500, 'issued', /server_error/],
  [{ fault: 'oauth_error', error: 'invalid_grant' }, 400, 'invalid_grant', /scripted refusal/],
  [{ fault: 'oauth_error', error: 'invalid_client', status: 401 }, 401, 'invalid_client', /invalid_client/],
  [{ fault: 'error_with_200' }, 200, 'error_with_200', /"error":"bad_things"/],
  [{ fault: 'html' }, 200, 'html', /^<!doctype html>/],
  [{ fault: 'html', when: 'after' }, 200, 'issued', /^<!doctype html>/],
  [{ fault: 'redirect', location: 'https://evil.example/token' }, 307, 'redirect', /^$/],
  [{ fault: 'empty' }, 200, 'issued', /^$/],
  [{ fault: 'huge_body', megabytes: 1 }, 200, 'issued', /^.{1048576,}$/],
  [{ fault: 'answer', status: 418, body: 'short', headers: { 'x-odd': '1' } }, 418, 'answer', /^short$/],
])('%j answers %i, and the ledger says %s', async (fault, status, outcome, text) => {
  const { emulator, client, refreshToken, last } = await start();
  emulator.schedule([fault]);
  const reply = await client.refresh(refreshToken);
  expect(reply.status).toBe(status);
  expect(reply.text).toMatch(text);
  expect(last()).toMatchObject({
    outcome,
    status,
    fault: fault.fault,
    executed: executes(faultSchema.parse(fault)),
  });
  expect((await client.refresh(refreshToken)).status).toBe(200);
});

test('Retry-After may be seconds, a date or absent', async () => {
  const { emulator, client, refreshToken } = await start();
  const date = 'Wed, 21 Oct 2065 07:28:00 GMT';
  emulator.schedule([
    { fault: 'rate_limited', retryAfter: 7 },
    { fault: 'unavailable', retryAfter: date },
    { fault: 'unavailable', retryAfter: null },
  ]);
  const seen = [];
  for (let i = 0; i < 3; i += 1) seen.push((await client.refresh(refreshToken)).headers.get('retry-after'));
  expect(seen).toEqual(['7', date, null]);
});

test.each([
  ['before', false],
  ['after', true],
] as const)('a reset %s executing: the client cannot tell, the ledger can', async (when, executed) => {
  const { emulator, client, refreshToken, last } = await start();
  emulator.schedule([{ fault: 'reset', when }]);
  expect(await client.refresh(refreshToken).catch(codeOf)).toMatch(/ECONNRESET|UND_ERR_SOCKET/);
  expect(last()).toMatchObject({ executed, answeredAt: null, fault: 'reset' });
  expect(last()?.endedAt).not.toBeNull();
});

test('a truncated body announces more than it brings', async () => {
  const { emulator, client, refreshToken, last } = await start();
  emulator.schedule([{ fault: 'truncate' }]);
  await expect(client.refresh(refreshToken)).rejects.toThrow();
  expect(last()).toMatchObject({ executed: true, answeredAt: null });
});

test('a gzip bomb is small on the wire and huge inside', async () => {
  const { emulator, refreshToken } = await start();
  emulator.schedule([{ fault: 'gzip_bomb', megabytes: 8 }]);
  const { request } = await import('node:http');
  const body = new URLSearchParams({
    grant_type: 'refresh_token',
    refresh_token: refreshToken,
    client_id: 'latchkey-demo',
    client_secret: 'latchkey-demo-secret',
  }).toString();
  const bytes = await new Promise<Buffer>((resolve) => {
    const outgoing = request(
      `${emulator.url}/token`,
      { method: 'POST', headers: { 'content-type': 'application/x-www-form-urlencoded' } },
      (incoming) => {
        const chunks: Buffer[] = [];
        incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
        incoming.on('end', () => resolve(Buffer.concat(chunks)));
      },
    );
    outgoing.end(body);
  });
  expect(bytes.length).toBeLessThan(64 * 1024);
  expect(gunzipSync(bytes).length).toBe(8 * 1024 * 1024);
});

test('a request hanging before execution executes nothing if the client gives up', async () => {
  const { emulator, client, refreshToken, last } = await start();
  emulator.schedule([{ fault: 'hang', when: 'before' }]);
  const impatience = new AbortController();
  const reply = client.refresh(refreshToken, { signal: impatience.signal }).catch(() => 'gave up');
  await emulator.whenHanging(1);
  expect(last()).toMatchObject({ executed: false, endedAt: null });
  impatience.abort();
  expect(await reply).toBe('gave up');
  await expect.poll(last).toMatchObject({ executed: false, outcome: 'never_executed' });
});

test('a request hanging before execution goes on when released, also without its client', async () => {
  const { emulator, client, refreshToken, last } = await start();
  emulator.schedule([{ fault: 'hang', when: 'before' }]);
  const patient = client.refresh(refreshToken);
  await emulator.whenHanging(1);
  expect(emulator.release()).toBe(1);
  expect((await patient).status).toBe(200);

  emulator.schedule([{ fault: 'hang', when: 'before', ms: 3_600_000 }]);
  const impatience = new AbortController();
  const reply = client.refresh(refreshToken, { signal: impatience.signal }).catch(() => 'gave up');
  await emulator.whenHanging(1);
  impatience.abort();
  expect(await reply).toBe('gave up');
  await expect.poll(() => last()?.leftAt).not.toBeNull();
  emulator.release();
  await expect.poll(last).toMatchObject({ executed: true, outcome: 'issued', answeredAt: null });
});

test('a request hanging after execution has rotated the token although nobody hears of it', async () => {
  const { emulator, client, refreshToken, last } = await start({ rotation: 'always', reuse: 'reject' });
  emulator.schedule([{ fault: 'hang', when: 'after' }]);
  const impatience = new AbortController();
  const reply = client.refresh(refreshToken, { signal: impatience.signal }).catch(() => 'gave up');
  await emulator.whenHanging(1);
  expect(last()).toMatchObject({ executed: true, answeredAt: null, endedAt: null });
  impatience.abort();
  expect(await reply).toBe('gave up');
  await expect.poll(() => last()?.endedAt).not.toBeNull();
  expect((await client.refresh(refreshToken)).body.error).toBe('invalid_grant');
});

test('the ledger counts token requests of one grant that are open at the same time', async () => {
  const { emulator, client, refreshToken, last } = await start();
  const grant = last()?.grant ?? '';
  await client.refresh(refreshToken);
  expect(emulator.ledger.outstandingMax(grant)).toBe(1);
  emulator.schedule([{ fault: 'hang', when: 'before', times: 3 }]);
  const replies = Promise.all([1, 2, 3].map(() => client.refresh(refreshToken)));
  await emulator.whenHanging(3);
  emulator.release();
  await replies;
  expect(emulator.ledger.outstandingMax(grant)).toBe(3);

  emulator.schedule([{ fault: 'hang', when: 'before' }]);
  const held = client.refresh(refreshToken);
  await emulator.whenHanging(1);
  await client.refresh(refreshToken);
  await client.refresh(refreshToken);
  expect(last()?.concurrent).toBe(2);
  emulator.release();
  await held;
  await client.refresh(refreshToken);
  expect(last()?.concurrent).toBe(1);

  const other = await client.connect();
  await client.refresh(other.refreshToken);
  expect(emulator.ledger.outstandingMax(last()?.grant ?? '')).toBe(1);
});

test('faults strike by count, turn, kind and grant', async () => {
  const { emulator, client, refreshToken, last } = await start();
  const grant = last()?.grant ?? '';
  const other = await client.connect();
  const statuses = async (token: string, count: number) => {
    const seen = [];
    for (let i = 0; i < count; i += 1) seen.push((await client.refresh(token)).status);
    return seen;
  };
  emulator.schedule([{ fault: 'unavailable', times: 2, skip: 1 }]);
  expect(await statuses(refreshToken, 4)).toEqual([200, 503, 503, 200]);
  emulator.schedule([{ fault: 'unavailable', every: 3, times: 2 }]);
  expect(await statuses(refreshToken, 7)).toEqual([200, 200, 503, 200, 200, 503, 200]);
  emulator.schedule([
    { fault: 'unavailable', on: 'revoke' },
    { fault: 'rate_limited', grant },
  ]);
  expect(await statuses(other.refreshToken, 1)).toEqual([200]);
  expect(await statuses(refreshToken, 2)).toEqual([429, 200]);
  expect((await client.revoke(refreshToken)).status).toBe(503);
});

test('an outage takes every endpoint, and nothing is executed until it ends', async () => {
  const { emulator, client, refreshToken, accessToken, last } = await start();
  emulator.adjust({ outage: 'unavailable' });
  expect((await client.refresh(refreshToken)).status).toBe(503);
  expect(last()).toMatchObject({ executed: false, outcome: 'outage' });
  expect((await client.use(accessToken)).status).toBe(503);
  expect((await fetch(client.authorizeUrl())).status).toBe(503);
  emulator.adjust({ outage: 'reset' });
  expect(await client.refresh(refreshToken).catch(codeOf)).toMatch(/ECONNRESET|UND_ERR_SOCKET/);
  emulator.adjust({ outage: 'hang' });
  const impatience = new AbortController();
  const silent = client.refresh(refreshToken, { signal: impatience.signal }).catch(() => 'gave up');
  await emulator.whenHanging(1);
  impatience.abort();
  expect(await silent).toBe('gave up');
  emulator.adjust({ outage: 'none' });
  expect((await client.refresh(refreshToken)).status).toBe(200);
});

test('above the rate the answer is 429 with Retry-After, and a second later it is not', async () => {
  let monotonicMs = 0;
  const clock = { now: () => new Date(1_700_000_000_000), monotonicMs: () => monotonicMs };
  const emulator = await startEmulator({ mode: 'quirky', clock });
  onTestFinished(() => emulator.close());
  const client = createTrialClient(emulator);
  const { refreshToken } = await client.connect();
  emulator.adjust({ maxPerSecond: 2, retryAfterSeconds: 3 });
  const replies = [];
  for (let i = 0; i < 3; i += 1) replies.push(await client.refresh(refreshToken));
  expect(replies.map(({ status }) => status)).toEqual([200, 200, 429]);
  expect(replies[2]?.headers.get('retry-after')).toBe('3');
  monotonicMs = 1000;
  expect((await client.refresh(refreshToken)).status).toBe(200);
});

test('latency delays the answer, never the effect, and closing does not wait for it', async () => {
  const emulator = await startEmulator({ mode: 'quirky' });
  const client = createTrialClient(emulator);
  const { refreshToken } = await client.connect();
  emulator.adjust({ latency: { kind: 'fixed', ms: 3_600_000 } });
  const slow = client.refresh(refreshToken).catch(() => 'closed');
  await expect
    .poll(() => emulator.ledger.records().at(-1))
    .toMatchObject({ kind: 'refresh', executed: true });
  await emulator.close();
  expect(await slow).toBe('closed');
});

test('a clock that is wrong shows in the Date header and in absolute dates, not in lifetimes', async () => {
  const { emulator, client, refreshToken } = await start({ accessTokenSeconds: 60 });
  emulator.adjust({ clockOffsetSeconds: 86_400, shape: { expiresIn: 'date' } });
  const reply = await client.refresh(refreshToken);
  const aheadMs =
    Date.parse(String(reply.body.expires_in)) - Date.parse(emulator.ledger.records()[0]?.receivedAt ?? '');
  expect(aheadMs).toBeGreaterThan(86_000_000);
  expect(
    Date.parse(reply.headers.get('date') ?? '') + 60_000 - Date.parse(String(reply.body.expires_in)),
  ).toBeLessThan(2000);
  emulator.advance(59);
  expect(emulator.isLiveAccessToken(tokensIn(reply).accessToken)).toBe(true);
});

test('another account: the tokens belong to somebody else', async () => {
  const { emulator, client, refreshToken } = await start();
  emulator.schedule([{ fault: 'other_account', account: 'mallory' }]);
  const { accessToken } = tokensIn(await client.refresh(refreshToken));
  expect((await client.use(accessToken, '/userinfo')).body.sub).toBe('mallory');
  const { accessToken: honest } = tokensIn(await client.refresh(refreshToken));
  expect((await client.use(honest, '/userinfo')).body.sub).toBe('ada');
});
