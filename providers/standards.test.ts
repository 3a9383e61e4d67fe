import { afterAll, beforeAll, expect, onTestFinished, test, vi } from 'vitest';
import { type EmulatorOptions, startEmulator } from './emulator.ts';
import { createTrialClient, redirectUri, tokensIn } from './trial-client.ts';
import { createCookieJar } from './walk-consent.ts';

// The library under this mode likes to talk; each of its notices comes once per process, so all tests listen.
const printed: unknown[] = [];
beforeAll(() => {
  for (const name of ['log', 'info', 'warn', 'error'] as const) {
    vi.spyOn(console, name).mockImplementation((text) => void printed.push(text));
  }
});
afterAll(() => {
  vi.restoreAllMocks();
});

async function start(options: EmulatorOptions = {}) {
  const emulator = await startEmulator({ mode: 'standards', ...options });
  onTestFinished(() => emulator.close());
  return { emulator, client: createTrialClient(emulator) };
}

test('a person signs in, consents, and the code becomes tokens that open the resource', async () => {
  const { emulator, client } = await start();
  const callback = await client.consent({}, { login: 'grace@example.test' });
  expect(callback.searchParams.get('state')).toBe('state-1');
  expect(callback.searchParams.get('iss')).toBe(emulator.url);
  const { accessToken, refreshToken, reply } = tokensIn(
    await client.exchange(callback.searchParams.get('code')),
  );
  expect(reply.body).toMatchObject({
    token_type: 'Bearer',
    expires_in: 3600,
    scope: 'openid files.read files.write',
  });
  expect(await client.use(accessToken)).toMatchObject({
    status: 200,
    body: { account: 'grace@example.test' },
  });
  expect((await client.use(accessToken, '/userinfo')).body.sub).toBe('grace@example.test');
  expect(tokensIn(await client.refresh(refreshToken)).accessToken).not.toBe(accessToken);
});

test('PKCE is checked: the wrong verifier spends the code on nothing', async () => {
  const { emulator, client } = await start();
  const callback = await client.consent();
  const reply = await client.exchange(
    callback.searchParams.get('code'),
    {},
    { code_verifier: 'x'.repeat(43) },
  );
  expect(reply).toMatchObject({ status: 400, body: { error: 'invalid_grant' } });
  expect(emulator.ledger.records().at(-1)).toMatchObject({ executed: false, outcome: 'invalid_grant' });
});

test('a denied consent comes back as access_denied', async () => {
  const { client } = await start();
  const callback = await client.consent({}, { decision: 'deny' });
  expect(callback.searchParams.get('error')).toBe('access_denied');
  expect(callback.searchParams.has('code')).toBe(false);
});

test('an interaction of another browser shows nothing', async () => {
  const { emulator, client } = await start();
  const begun = await createCookieJar().fetch(client.authorizeUrl());
  const page = await createCookieJar().fetch(new URL(begun.headers.get('location') ?? '', emulator.url).href);
  expect(page.status).toBe(400);
});

test('metadata advertises issuer identification, revocation and S256', async () => {
  const { emulator } = await start();
  const metadata = await (await fetch(`${emulator.url}/.well-known/openid-configuration`)).json();
  expect(metadata).toMatchObject({
    issuer: emulator.url,
    authorization_response_iss_parameter_supported: true,
    code_challenge_methods_supported: ['S256'],
    token_endpoint: `${emulator.url}/token`,
    revocation_endpoint: `${emulator.url}/revoke`,
    introspection_endpoint: `${emulator.url}/introspect`,
  });
});

test('without rotation the same refresh token goes on working, with rotation it works once', async () => {
  const { emulator, client } = await start();
  const { refreshToken } = await client.connect();
  expect(tokensIn(await client.refresh(refreshToken)).refreshToken).toBe(refreshToken);
  emulator.adjust({ rotation: 'always' });
  const next = tokensIn(await client.refresh(refreshToken));
  expect(next.refreshToken).not.toBe(refreshToken);
  expect((await client.refresh(next.refreshToken)).status).toBe(200);
});

test('reuse of a rotated refresh token revokes the whole family', async () => {
  const { emulator, client } = await start({ set: { rotation: 'always' } });
  const first = await client.connect();
  const second = tokensIn(await client.refresh(first.refreshToken));
  expect((await client.refresh(first.refreshToken)).status).toBe(400);
  expect((await client.refresh(second.refreshToken)).status).toBe(400);
  expect((await client.use(second.accessToken)).status).toBe(401);
  expect(emulator.ledger.records().filter(({ presentedAgain }) => presentedAgain)).toHaveLength(1);
});

test('50 simultaneous refreshes with one rotating token: exactly one succeeds', async () => {
  const { emulator, client } = await start({ set: { rotation: 'always' } });
  const { refreshToken } = await client.connect();
  const replies = await Promise.all(Array.from({ length: 50 }, () => client.refresh(refreshToken)));
  expect(replies.filter(({ status }) => status === 200)).toHaveLength(1);
  expect(replies.filter(({ body }) => body.error === 'invalid_grant')).toHaveLength(49);
  const grant = emulator.ledger.records()[0]?.grant ?? '';
  expect(emulator.ledger.refreshesOf(grant)).toHaveLength(50);
  expect(emulator.ledger.refreshesOf(grant).filter(({ executed }) => executed)).toHaveLength(1);
});

test('revocation kills refresh and access token and is in the ledger; an unknown token is no error', async () => {
  const { emulator, client } = await start();
  const { accessToken, refreshToken } = await client.connect();
  expect((await client.revoke(refreshToken)).status).toBe(200);
  expect((await client.use(accessToken)).status).toBe(401);
  expect((await client.refresh(refreshToken)).body.error).toBe('invalid_grant');
  expect((await client.revoke('unknown')).status).toBe(200);
  const kinds = emulator.ledger.records().map(({ kind, outcome }) => `${kind} ${outcome}`);
  expect(kinds).toEqual([
    'code issued',
    'revoke revoked',
    'resource invalid_token',
    'refresh invalid_grant',
    'revoke nothing_to_revoke',
  ]);
});

test('introspection tells live from dead', async () => {
  const { emulator, client } = await start();
  const { accessToken } = await client.connect();
  const ask = async () => (await client.post('/introspect', { token: accessToken })).body.active;
  expect(await ask()).toBe(true);
  emulator.expireAccessTokens();
  expect(await ask()).toBe(false);
});

test('access tokens live exactly as long as the provider clock says', async () => {
  const { emulator, client } = await start({ set: { accessTokenSeconds: 100 } });
  const { accessToken, refreshToken } = await client.connect();
  emulator.advance(99);
  expect(emulator.isLiveAccessToken(accessToken)).toBe(true);
  emulator.advance(1);
  expect(emulator.isLiveAccessToken(accessToken)).toBe(false);
  expect((await client.use(tokensIn(await client.refresh(refreshToken)).accessToken)).status).toBe(200);
});

test('each consent is a grant of its own, also for the same account in the same browser', async () => {
  const { emulator, client } = await start();
  const jar = createCookieJar();
  const one = await client.connect({}, { jar });
  const two = await client.connect({}, { jar });
  await client.revoke(one.refreshToken);
  expect((await client.use(two.accessToken)).status).toBe(200);
  expect(new Set(emulator.ledger.records().map(({ grant }) => grant)).size).toBe(2);
});

test('a client registered at run time may use both ways of authentication, one at a time', async () => {
  const { emulator } = await start();
  const added = emulator.addClient({ client_id: 'late', client_secret: 'p:a+s%s word' });
  const client = createTrialClient(emulator, {
    client_id: added.client_id,
    client_secret: added.client_secret ?? '',
  });
  for (const auth of ['basic', 'post'] as const) {
    const callback = await client.consent();
    expect((await client.exchange(callback.searchParams.get('code'), { auth })).status).toBe(200);
  }
  const callback = await client.consent();
  expect((await client.exchange(callback.searchParams.get('code'), { auth: 'both' })).status).toBe(400);
  expect(emulator.ledger.records().map(({ clientAuthStyle }) => clientAuthStyle)).toEqual([
    'basic',
    'post',
    'both',
  ]);
});

test('a redirect URI that is neither registered nor on loopback gets no redirect', async () => {
  const { emulator, client } = await start();
  const foreign = await fetch(client.authorizeUrl({ redirect_uri: 'https://evil.example/cb' }), {
    redirect: 'manual',
  });
  expect([foreign.status, foreign.headers.get('location')]).toEqual([400, null]);
  emulator.addClient({ client_id: 'exact', redirect_uris: [redirectUri] });
  const other = createTrialClient(emulator, { client_id: 'exact', client_secret: '' });
  const near = await fetch(other.authorizeUrl({ redirect_uri: `${redirectUri}/x` }), { redirect: 'manual' });
  expect(near.status).toBe(400);
});

test('weather and scripted faults reach standards mode too', async () => {
  const { emulator, client } = await start();
  const { refreshToken } = await client.connect();
  emulator.schedule([
    { fault: 'rate_limited' },
    { fault: 'reset', when: 'after' },
    { fault: 'shape', shape: { encoding: 'form' } },
  ]);
  expect((await client.refresh(refreshToken)).headers.get('retry-after')).toBe('7');
  await expect(client.refresh(refreshToken)).rejects.toThrow();
  expect(emulator.ledger.records().at(-1)).toMatchObject({
    executed: true,
    answeredAt: null,
    fault: 'reset',
  });
  expect((await client.refresh(refreshToken)).text).toMatch(/^access_token=/);
  emulator.adjust({ outage: 'unavailable' });
  expect((await client.refresh(refreshToken)).status).toBe(503);
});

test('nothing was printed on the console by any of this', () => {
  expect(printed).toEqual([]);
});
