import { expect, onTestFinished, test } from 'vitest';
import { startEmulator } from './emulator.ts';
import type { QuirkInput } from './quirk.ts';
import { createTrialClient, redirectUri, tokensIn } from './trial-client.ts';

async function start(set: QuirkInput = {}) {
  const emulator = await startEmulator({ mode: 'quirky', set });
  onTestFinished(() => emulator.close());
  return { emulator, client: createTrialClient(emulator) };
}
const withoutPkce = { code_challenge: '', code_challenge_method: '' };

test('PKCE required: no challenge, no code', async () => {
  const { client } = await start({ pkce: 'required' });
  expect((await client.consent(withoutPkce)).searchParams.get('error')).toBe('invalid_request');
  expect((await client.connect()).reply.status).toBe(200);
});

test('PKCE rejected: a challenge is an error', async () => {
  const { client } = await start({ pkce: 'rejected' });
  expect((await client.consent()).searchParams.get('error')).toBe('invalid_request');
  const callback = await client.consent(withoutPkce);
  const reply = await client.exchange(callback.searchParams.get('code'), {}, { code_verifier: '' });
  expect(reply.status).toBe(200);
});

test('PKCE ignored: any verifier passes; optional: only the right one', async () => {
  const { emulator, client } = await start({ pkce: 'ignored' });
  const wrong = { code_verifier: 'w'.repeat(43) };
  const code = async () => (await client.consent()).searchParams.get('code');
  expect((await client.exchange(await code(), {}, wrong)).status).toBe(200);
  emulator.adjust({ pkce: 'optional' });
  expect((await client.exchange(await code(), {}, wrong)).status).toBe(400);
});

test('iss is right, absent or wrong as told, and metadata agrees', async () => {
  const { emulator, client } = await start();
  const metadata = async () => (await fetch(`${emulator.url}/.well-known/oauth-authorization-server`)).json();
  expect((await client.consent()).searchParams.has('iss')).toBe(false);
  expect(await metadata()).not.toHaveProperty('authorization_response_iss_parameter_supported');
  emulator.adjust({ iss: 'right' });
  expect((await client.consent()).searchParams.get('iss')).toBe(emulator.url);
  expect(await metadata()).toHaveProperty('authorization_response_iss_parameter_supported', true);
  emulator.adjust({ iss: 'wrong' });
  expect((await client.consent()).searchParams.get('iss')).not.toBe(emulator.url);
});

test('the callback carries extra parameters', async () => {
  const { client } = await start({ callbackParams: { realmId: '42' } });
  expect((await client.consent()).searchParams.get('realmId')).toBe('42');
});

test('scopes are split and joined by the separator', async () => {
  const { client } = await start({ scopeSeparator: ',' });
  const { accessToken, reply } = await client.connect({ scope: 'chat:write,users:read' });
  expect(reply.body.scope).toBe('chat:write,users:read');
  expect((await client.use(accessToken)).body.scopes).toEqual(['chat:write', 'users:read']);
});

test('a refresh token comes only to those who ask for offline access', async () => {
  const { client } = await start({ refreshTokenRequires: { access_type: 'offline' } });
  expect((await client.connect()).refreshToken).toBe('');
  expect((await client.connect({ access_type: 'offline' })).refreshToken).not.toBe('');
});

test('a denied consent comes back as access_denied with the state', async () => {
  const { client } = await start();
  const { searchParams } = await client.consent({}, { decision: 'deny' });
  expect([searchParams.get('error'), searchParams.get('state'), searchParams.get('code')]).toEqual([
    'access_denied',
    'state-1',
    null,
  ]);
});

test('what a client sends is shown as text, never as markup', async () => {
  const { client } = await start();
  const begun = await fetch(client.authorizeUrl({ login_hint: '"><script>alert(1)</script>' }));
  const page = await begun.text();
  expect(page).not.toContain('<script>');
  expect(begun.headers.get('content-security-policy')).toContain("default-src 'none'");
});

test('an unregistered client or redirect URI gets a page, not a redirect', async () => {
  const { emulator, client } = await start();
  for (const params of [
    { client_id: 'nobody' },
    { redirect_uri: 'https://evil.example/' },
    { redirect_uri: 'http://localhost.evil.example/' },
    { redirect_uri: 'http://user@127.0.0.1/' },
    { redirect_uri: 'javascript:alert(1)' },
    { redirect_uri: 'http://127.0.0.1/#x' },
  ]) {
    const response = await fetch(client.authorizeUrl(params), { redirect: 'manual' });
    expect([params, response.status, response.headers.get('location')]).toEqual([params, 400, null]);
  }
  for (const uri of ['http://localhost:1234/x', 'http://[::1]:1/', 'http://127.9.9.9/cb']) {
    const response = await fetch(client.authorizeUrl({ redirect_uri: uri }), { redirect: 'manual' });
    expect([uri, response.status]).toEqual([uri, 303]);
  }
  emulator.addClient({ client_id: 'exact', redirect_uris: [redirectUri] });
  const exact = createTrialClient(emulator, { client_id: 'exact', client_secret: '' });
  const near = await fetch(exact.authorizeUrl({ redirect_uri: 'http://127.0.0.1/' }), { redirect: 'manual' });
  expect(near.status).toBe(400);
});

test('userinfo reports whoever signed in, or the account that the quirk names', async () => {
  const { emulator, client } = await start();
  const { accessToken } = await client.connect({}, { login: 'Linus T' });
  const userinfo = async () => (await client.use(accessToken, '/userinfo')).body;
  expect(await userinfo()).toMatchObject({ sub: 'Linus T', email: 'linus.t@example.test' });
  emulator.adjust({ userinfoAccount: 'somebody-else' });
  expect(await userinfo()).toMatchObject({ sub: 'somebody-else' });
  expect((await client.use('nonsense', '/userinfo')).status).toBe(401);
});

test('tokens have the prefix and length that the quirk asks for', async () => {
  const { client } = await start({ tokenPrefix: 'xoxe-', tokenLength: 3000 });
  const { accessToken } = await client.connect();
  expect(accessToken).toMatch(/^xoxe-[\w-]{3000}$/);
  expect(tokensIn(await client.post('/introspect', { token: accessToken })).reply.body.active).toBe(true);
});
