// Tokens that renew themselves, as Meta documents them (links beside each request); a recording server is the provider.
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { systemClock } from '../kernel/clock.ts';
import { silentLog } from '../kernel/log.ts';
import { Plain } from '../kernel/plain.ts';
import { createEgress } from './egress.ts';
import { createProvider, type Provider } from './provider.ts';
import { exchangeCode, refreshToken } from './token-request.ts';

const open: (() => void)[] = [];
afterEach(() => {
  for (const close of open.splice(0)) close();
});

type Answer = { readonly status?: number; readonly body: object };

/** Answers what is listed for a path, and remembers what came. */
async function serve(answers: Readonly<Record<string, Answer>>) {
  const seen: { readonly method: string; readonly url: URL; readonly body: string }[] = [];
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const url = new URL(request.url ?? '', 'http://provider');
    seen.push({ method: request.method ?? '', url, body: Buffer.concat(chunks).toString('utf8') });
    const { status = 200, body } = answers[url.pathname] ?? { status: 404, body: {} };
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  open.push(() => {
    server.closeAllConnections();
    server.close();
  });
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const known = createProvider({
    authorizeUrl: null,
    tokenUrl: 'https://api.instagram.com/oauth/access_token',
  });
  if (known.longLived === null) throw new Error('Instagram has long-lived tokens');
  const provider: Provider = {
    ...known,
    tokenUrl: `${origin}/oauth/access_token`,
    longLived: {
      ...known.longLived,
      exchangeUrl: `${origin}/access_token`,
      renewUrl: `${origin}/refresh_access_token`,
    },
  };
  const egress = createEgress({ allow: ['127.0.0.0/8'], log: silentLog });
  const client = { clientId: 'app', clientSecret: Plain.fromText('app-secret') };
  return { seen, request: { egress, clock: systemClock, provider, client } };
}

const short = { access_token: 'short', user_id: 17, permissions: ['instagram_business_basic'] };
const long = { access_token: 'long', token_type: 'bearer', expires_in: 5_183_944 };

// https://developers.facebook.com/docs/instagram-platform/instagram-api-with-instagram-login/business-login
test('a code becomes a long-lived token, which is its own refresh token', async () => {
  const { seen, request } = await serve({
    '/oauth/access_token': { body: short },
    '/access_token': { body: long },
  });
  const outcome = await exchangeCode({
    ...request,
    code: Plain.fromText('the-code'),
    redirectUri: 'https://here.example/callback',
    codeVerifier: null,
  });
  if (outcome.kind !== 'success') throw new Error(outcome.code);
  const { tokens } = outcome;
  expect(tokens.accessToken.revealText()).toBe('long');
  expect(tokens.refreshToken?.revealText()).toBe('long');
  expect(tokens.expiresInSeconds).toBe(5_183_944);
  expect({ ...tokens.extra }).toEqual({ user_id: 17, permissions: ['instagram_business_basic'] });
  const [code, trade] = seen;
  expect([code?.method, Object.fromEntries(new URLSearchParams(code?.body))]).toEqual([
    'POST',
    {
      grant_type: 'authorization_code',
      client_id: 'app',
      client_secret: 'app-secret',
      redirect_uri: 'https://here.example/callback',
      code: 'the-code',
    },
  ]);
  expect([trade?.method, Object.fromEntries(trade?.url.searchParams ?? [])]).toEqual([
    'GET',
    { grant_type: 'ig_exchange_token', client_secret: 'app-secret', access_token: 'short' },
  ]);
});

// https://developers.facebook.com/docs/instagram-platform/reference/refresh_access_token
test('a renewal sends the token itself and nothing else, to the address that was typed if one was', async () => {
  const { seen, request } = await serve({
    '/refresh_access_token': { body: { ...long, access_token: 'longer' } },
    '/typed': { body: long },
  });
  const token = Plain.fromText('long');
  const renewed = await refreshToken({ ...request, refreshToken: token, scope: null });
  if (renewed.kind !== 'success') throw new Error(renewed.code);
  expect(renewed.tokens.accessToken.revealText()).toBe('longer');
  expect(renewed.tokens.refreshToken?.revealText()).toBe('longer');
  const url = new URL(request.provider.longLived?.renewUrl ?? '');
  const provider = { ...request.provider, refreshUrl: `${url.origin}/typed?x=y` };
  expect((await refreshToken({ ...request, provider, refreshToken: token, scope: null })).kind).toBe(
    'success',
  );
  expect(seen.map(({ method, body }) => [method, body])).toEqual([
    ['GET', ''],
    ['GET', ''],
  ]);
  expect(seen.map((one) => Object.fromEntries(one.url.searchParams))).toEqual([
    { grant_type: 'ig_refresh_token', access_token: 'long' },
    { x: 'y', grant_type: 'ig_refresh_token', access_token: 'long' },
  ]);
});

test('a token that has ended is over, and neither refusal repeats a token or the secret', async () => {
  const refusal = {
    error: {
      message: 'Error validating access token: short long app-secret',
      type: 'OAuthException',
      code: 190,
    },
  };
  const { request } = await serve({
    '/oauth/access_token': { body: short },
    '/access_token': { status: 400, body: refusal },
    '/refresh_access_token': { status: 400, body: refusal },
  });
  const renewed = await refreshToken({ ...request, refreshToken: Plain.fromText('long'), scope: null });
  expect(renewed.kind).toBe('revoked');
  const code = Plain.fromText('the-code');
  const exchanged = await exchangeCode({
    ...request,
    code,
    redirectUri: 'https://x.example',
    codeVerifier: null,
  });
  expect(exchanged.kind).toBe('revoked');
  expect(JSON.stringify([renewed, exchanged])).not.toMatch(/app-secret/);
});
