import { expect, onTestFinished, test } from 'vitest';
import { startEmulator } from './emulator.ts';
import type { QuirkInput } from './quirk.ts';
import { createTrialClient, tokensIn } from './trial-client.ts';

async function start(set: QuirkInput = {}) {
  const emulator = await startEmulator({ mode: 'quirky', set });
  onTestFinished(() => emulator.close());
  return { emulator, client: createTrialClient(emulator) };
}

test('without rotation a refresh answers no refresh token, and the first one keeps working', async () => {
  const { emulator, client } = await start();
  const { refreshToken } = await client.connect();
  expect((await client.refresh(refreshToken)).body).not.toHaveProperty('refresh_token');
  emulator.adjust({ refreshTokenOnRefresh: 'same' });
  expect(tokensIn(await client.refresh(refreshToken)).refreshToken).toBe(refreshToken);
});

test('50 simultaneous refreshes with one rotating token: exactly one succeeds, and the family dies', async () => {
  const { emulator, client } = await start({ rotation: 'always' });
  const { refreshToken } = await client.connect();
  const replies = await Promise.all(Array.from({ length: 50 }, () => client.refresh(refreshToken)));
  const winners = replies.filter(({ status }) => status === 200).map(tokensIn);
  expect(winners).toHaveLength(1);
  expect((await client.use(winners[0]?.accessToken ?? '')).status).toBe(401);
  const grant = emulator.ledger.records()[0]?.grant ?? '';
  const refreshes = emulator.ledger.refreshesOf(grant);
  expect(refreshes.filter(({ executed }) => executed)).toHaveLength(1);
  expect(refreshes.filter(({ presentedAgain }) => presentedAgain)).toHaveLength(49);
});

test.each([
  ['accept', 200, 200],
  ['reject', 400, 200],
  ['revoke_family', 400, 400],
] as const)('reuse %s: the old token gets %i, its successor then %i', async (reuse, old, successor) => {
  const { client } = await start({ rotation: 'always', reuse });
  const first = await client.connect();
  const second = tokensIn(await client.refresh(first.refreshToken));
  expect((await client.refresh(first.refreshToken)).status).toBe(old);
  expect((await client.refresh(second.refreshToken)).status).toBe(successor);
});

test('within the grace a retired refresh token still works; after it, it is reuse', async () => {
  const { emulator, client } = await start({ rotation: 'always', graceSeconds: 60 });
  const { refreshToken } = await client.connect();
  expect((await client.refresh(refreshToken)).status).toBe(200);
  emulator.advance(59);
  expect((await client.refresh(refreshToken)).status).toBe(200);
  emulator.advance(1);
  expect((await client.refresh(refreshToken)).status).toBe(400);
});

test('grace until next use: the old token works until its successor is used', async () => {
  const { client } = await start({ rotation: 'always', graceSeconds: 'until_next_use', reuse: 'reject' });
  const first = await client.connect();
  await client.refresh(first.refreshToken);
  const second = tokensIn(await client.refresh(first.refreshToken));
  expect((await client.refresh(second.refreshToken)).status).toBe(200);
  expect((await client.refresh(first.refreshToken)).status).toBe(400);
});

test('access tokens die on time at the resource server', async () => {
  const { emulator, client } = await start({ accessTokenSeconds: 60 });
  const { accessToken } = await client.connect();
  emulator.advance(59);
  expect((await client.use(accessToken)).status).toBe(200);
  emulator.advance(1);
  expect((await client.use(accessToken)).status).toBe(401);
  expect(emulator.ledger.resourceUses()).toEqual({ accepted: 1, refused: 1 });
});

test('a refresh token dies of idleness, and a grant of old age', async () => {
  const { emulator, client } = await start({ refreshTokenSeconds: 100, grantSeconds: 250 });
  const { refreshToken } = await client.connect();
  for (const step of [99, 99]) {
    emulator.advance(step);
    expect((await client.refresh(refreshToken)).status).toBe(200);
  }
  emulator.advance(52);
  expect((await client.refresh(refreshToken)).text).toContain('grant expired');
  const idle = await client.connect();
  emulator.advance(100);
  expect((await client.refresh(idle.refreshToken)).text).toContain('refresh token expired');
});

test('codes are single use, and the second use takes the tokens of the first', async () => {
  const { emulator, client } = await start({ codeSeconds: 60 });
  const code = (await client.consent()).searchParams.get('code');
  const { accessToken } = tokensIn(await client.exchange(code));
  expect((await client.exchange(code)).status).toBe(400);
  expect((await client.use(accessToken)).status).toBe(401);
  const late = (await client.consent()).searchParams.get('code');
  emulator.advance(60);
  expect((await client.exchange(late)).text).toContain('code expired');
});

test('a code is bound to its redirect URI and its client', async () => {
  const { emulator, client } = await start();
  const code = (await client.consent()).searchParams.get('code');
  expect((await client.exchange(code, {}, { redirect_uri: 'http://127.0.0.1:9/other' })).status).toBe(400);
  emulator.addClient({ client_id: 'thief', client_secret: 'thief-secret' });
  const thief = createTrialClient(emulator, { client_id: 'thief', client_secret: 'thief-secret' });
  expect((await thief.exchange(code)).status).toBe(400);
});

test('too early a refresh is refused, and may be repeated later with the same token', async () => {
  const { emulator, client } = await start({ accessTokenSeconds: 600, earliestRefreshSeconds: 30 });
  const { refreshToken } = await client.connect();
  emulator.advance(569);
  expect((await client.refresh(refreshToken)).body.error).toBe('unauthorized_client');
  emulator.advance(1);
  expect((await client.refresh(refreshToken)).status).toBe(200);
});

test('the old access token dies with the refresh, after the grace if there is one', async () => {
  const { emulator, client } = await start({ revokeAccessTokenOnRefresh: true });
  const first = await client.connect();
  const second = tokensIn(await client.refresh(first.refreshToken));
  expect((await client.use(first.accessToken)).status).toBe(401);
  emulator.adjust({ graceSeconds: 60 });
  await client.refresh(first.refreshToken);
  expect((await client.use(second.accessToken)).status).toBe(200);
  emulator.advance(60);
  expect((await client.use(second.accessToken)).status).toBe(401);
});

test('beyond the limit of live access tokens the oldest dies', async () => {
  const { client } = await start({ maxLiveAccessTokens: 2 });
  const first = await client.connect();
  const second = tokensIn(await client.refresh(first.refreshToken));
  await client.refresh(first.refreshToken);
  expect((await client.use(first.accessToken)).status).toBe(401);
  expect((await client.use(second.accessToken)).status).toBe(200);
});

test.each([
  ['basic', ['basic']],
  ['post', ['post']],
  ['any_but_both', ['basic', 'post']],
  ['any', ['basic', 'post', 'both']],
] as const)('client authentication %s accepts %j only', async (clientAuth, accepted) => {
  const { emulator, client } = await start();
  const { refreshToken } = await client.connect();
  emulator.adjust({ clientAuth });
  for (const auth of ['basic', 'post', 'both'] as const) {
    const { status, body } = await client.refresh(refreshToken, { auth });
    expect([auth, status === 200]).toEqual([auth, (accepted as readonly string[]).includes(auth)]);
    if (status !== 200) expect(body.error).toBe('invalid_client');
  }
});

test('a wrong secret and an unknown client are invalid_client', async () => {
  const { emulator } = await start();
  for (const client_id of ['latchkey-demo', 'nobody']) {
    const reply = await createTrialClient(emulator, { client_id, client_secret: 'wrong' }).refresh('x');
    expect(reply).toMatchObject({ status: 401, body: { error: 'invalid_client' } });
  }
});

test('a refresh may narrow the scope but not widen it', async () => {
  const { client } = await start();
  const { refreshToken } = await client.connect();
  expect((await client.refresh(refreshToken, {}, { scope: 'files.read' })).body.scope).toBe('files.read');
  expect((await client.refresh(refreshToken, {}, { scope: 'admin' })).body.error).toBe('invalid_scope');
});

test.each([
  ['with_200', 200, { error: 'invalid_grant', error_description: 'unknown refresh token' }],
  ['ok_false', 200, { ok: false, error: 'invalid_grant' }],
  ['html', 400, {}],
] as const)('errors in the style %s', async (errorStyle, status, body) => {
  const { client } = await start({ errorStyle });
  expect(await client.refresh('unknown')).toMatchObject({ status, body });
});

test('client credentials get a token without a refresh token', async () => {
  const { client } = await start();
  const { accessToken, refreshToken } = tokensIn(
    await client.post('/token', { grant_type: 'client_credentials' }),
  );
  expect(refreshToken).toBe('');
  expect((await client.use(accessToken)).status).toBe(200);
});

test('revoking a refresh token ends the grant, revoking an access token only that', async () => {
  const { client } = await start();
  const first = await client.connect();
  await client.revoke(first.accessToken);
  expect((await client.use(first.accessToken)).status).toBe(401);
  const second = tokensIn(await client.refresh(first.refreshToken));
  await client.revoke(first.refreshToken);
  expect((await client.use(second.accessToken)).status).toBe(401);
  expect((await client.refresh(first.refreshToken)).status).toBe(400);
});

test('an unknown grant type and an oversized body are refused, not crashed on', async () => {
  const { emulator, client } = await start();
  expect((await client.post('/token', { grant_type: 'password' })).body.error).toBe('unsupported_grant_type');
  const huge = await fetch(`${emulator.url}/token`, { method: 'POST', body: 'x'.repeat(300_000) });
  expect(huge.status).toBe(413);
});
