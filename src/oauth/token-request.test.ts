import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { systemClock } from '../kernel/clock.ts';
import { silentLog } from '../kernel/log.ts';
import { Plain } from '../kernel/plain.ts';
import { type ClientIdentity, proveClient } from './client-auth.ts';
import { createEgress } from './egress.ts';
import { createProvider, type Provider, type ProviderInput } from './provider.ts';
import { revokeTokens } from './revocation.ts';
import { clientCredentials, exchangeCode, refreshToken, type TokenRequest } from './token-request.ts';

type Seen = {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
};

const open: (() => void)[] = [];
afterEach(() => {
  for (const close of open.splice(0)) close();
});

const ok = '{"access_token":"at","refresh_token":"rt2","expires_in":3600}';

async function serve(
  answer: (response: ServerResponse, seen: Seen) => void = (response) => response.end(ok),
) {
  const seen: Seen[] = [];
  const server = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk) => {
      body += chunk;
    });
    request.on('end', () => {
      const one = { method: request.method ?? '', url: request.url ?? '', headers: request.headers, body };
      seen.push(one);
      answer(response, one);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  open.push(() => {
    server.closeAllConnections();
    server.close();
  });
  return { origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, seen };
}

const egress = createEgress({ allow: ['127.0.0.0/8'], log: silentLog });
const client: ClientIdentity = { clientId: 'my id:é', clientSecret: Plain.fromText('s&cret+/=%') };

function request(
  origin: string,
  input: Partial<ProviderInput> = {},
  quirks: Partial<Provider['quirks']> = {},
): TokenRequest {
  const provider = createProvider({ authorizeUrl: null, tokenUrl: `${origin}/token`, ...input });
  return {
    egress,
    clock: systemClock,
    client,
    provider: { ...provider, quirks: { ...provider.quirks, ...quirks } },
  };
}

const exchange = {
  code: Plain.fromText('c0de'),
  redirectUri: 'https://us.example/callback/c/1',
  codeVerifier: Plain.fromText('v'.repeat(43)),
};

test('a code is exchanged with everything RFC 6749 4.1.3 and RFC 7636 4.5 ask for', async () => {
  const { origin, seen } = await serve();
  const outcome = await exchangeCode({ ...request(origin), ...exchange });
  expect(outcome).toMatchObject({ kind: 'success', tokens: { expiresInSeconds: 3600 } });
  expect(seen).toHaveLength(1);
  expect(seen[0]).toMatchObject({ method: 'POST', url: '/token' });
  expect(seen[0]?.headers).toMatchObject({
    accept: 'application/json',
    'content-type': 'application/x-www-form-urlencoded',
  });
  expect(Object.fromEntries(new URLSearchParams(seen[0]?.body))).toEqual({
    grant_type: 'authorization_code',
    code: 'c0de',
    redirect_uri: 'https://us.example/callback/c/1',
    code_verifier: 'v'.repeat(43),
    client_id: 'my id:é',
    client_secret: 's&cret+/=%',
  });
});

test('a refresh goes to the refresh URL with the query it was typed with; scope only where it is asked for', async () => {
  const { origin, seen } = await serve();
  const secrets = { refreshToken: Plain.fromText('rt1'), scope: 'a b' };
  await refreshToken({ ...request(origin, { refreshUrl: `${origin}/refresh?tenant=7` }), ...secrets });
  await refreshToken({ ...request(origin, {}, { sendsScopeOnRefresh: true }), ...secrets });
  expect(seen.map((one) => one.url)).toEqual(['/refresh?tenant=7', '/token']);
  expect(Object.fromEntries(new URLSearchParams(seen[0]?.body))).toMatchObject({
    grant_type: 'refresh_token',
    refresh_token: 'rt1',
  });
  expect(seen[0]?.body).not.toContain('scope');
  expect(new URLSearchParams(seen[1]?.body).get('scope')).toBe('a b');
});

test('client credentials send no grant of anybody', async () => {
  const { origin, seen } = await serve();
  await clientCredentials({ ...request(origin, { tokenParams: { audience: 'x' } }), scope: null });
  expect(Object.keys(Object.fromEntries(new URLSearchParams(seen[0]?.body))).sort()).toEqual([
    'audience',
    'client_id',
    'client_secret',
    'grant_type',
  ]);
});

test('exactly one proof of the client is sent, in every style', async () => {
  const basic = (pair: string): string => `Basic ${Buffer.from(pair).toString('base64')}`;
  expect(proveClient('basic', client).headers.authorization).toBe(
    basic('my+id%3A%C3%A9:s%26cret%2B%2F%3D%25'),
  );
  expect(proveClient('basic_raw', client).headers.authorization).toBe(basic('my id:é:s&cret+/=%'));
  for (const clientAuth of ['basic', 'basic_raw', 'post', 'none'] as const) {
    const { origin, seen } = await serve();
    // Additional parameters try to be a second proof.
    const tokenParams = {
      client_secret: 'other',
      client_id: 'other',
      client_assertion: 'x',
      Client_Secret: 'y',
    };
    await refreshToken({
      ...request(origin, { clientAuth, tokenParams }),
      refreshToken: Plain.fromText('rt'),
      scope: null,
    });
    const params = new URLSearchParams(seen[0]?.body);
    const inHeader = seen[0]?.headers.authorization !== undefined;
    expect(inHeader, clientAuth).toBe(clientAuth.startsWith('basic'));
    expect(params.get('client_secret'), clientAuth).toBe(clientAuth === 'post' ? 's&cret+/=%' : null);
    expect(params.get('client_id'), clientAuth).toBe(inHeader ? null : 'my id:é');
    expect(params.has('client_assertion') || params.has('Client_Secret')).toBe(false);
  }
});

test('no other grant can be smuggled in by additional parameters', async () => {
  const { origin, seen } = await serve();
  const tokenParams = {
    grant_type: 'password',
    username: 'u',
    password: 'p',
    code_verifier: 'constant',
    resource: 'kept',
  };
  await clientCredentials({ ...request(origin, { tokenParams }), scope: 'a' });
  expect(Object.fromEntries(new URLSearchParams(seen[0]?.body))).toEqual({
    grant_type: 'client_credentials',
    scope: 'a',
    resource: 'kept',
    client_id: 'my id:é',
    client_secret: 's&cret+/=%',
  });
});

test('bodies are sent as JSON or in the query to providers that want that', async () => {
  const { origin, seen } = await serve();
  await refreshToken({
    ...request(origin, { bodyFormat: 'json' }),
    refreshToken: Plain.fromText('rt'),
    scope: null,
  });
  expect(seen[0]?.headers['content-type']).toBe('application/json');
  expect(JSON.parse(seen[0]?.body ?? '')).toMatchObject({ grant_type: 'refresh_token', refresh_token: 'rt' });
  await refreshToken({
    ...request(origin, { bodyFormat: 'query', tokenUrl: `${origin}/token?a=b` }),
    refreshToken: Plain.fromText('rt'),
    scope: null,
  });
  expect(seen[1]).toMatchObject({ method: 'POST', body: '' });
  expect(new URL(`${origin}${seen[1]?.url}`).searchParams.get('a')).toBe('b');
  expect(new URL(`${origin}${seen[1]?.url}`).searchParams.get('refresh_token')).toBe('rt');
});

test('a redirect of the token endpoint carries the secret nowhere', async () => {
  for (const status of [301, 302, 303, 307, 308]) {
    const evil = await serve();
    const honest = await serve((response) =>
      response.writeHead(status, { location: `${evil.origin}/token` }).end(ok),
    );
    const outcome = await exchangeCode({ ...request(honest.origin), ...exchange });
    expect(outcome).toMatchObject({ kind: 'client_rejected', code: 'unexpected_redirect' });
    expect(evil.seen).toHaveLength(0);
  }
});

test('no failure is tried twice', async () => {
  for (const behave of [
    (response: ServerResponse) => response.socket?.resetAndDestroy(),
    (response: ServerResponse) => response.writeHead(503, { 'retry-after': '0' }).end(),
    (response: ServerResponse) => response.writeHead(429).end(),
    (response: ServerResponse) => response.writeHead(500).end(),
    (response: ServerResponse) => response.writeHead(408, { connection: 'close' }).end(),
  ]) {
    const { origin, seen } = await serve(behave);
    const outcome = await refreshToken({
      ...request(origin),
      refreshToken: Plain.fromText('rt'),
      scope: null,
    });
    expect(outcome.kind).not.toBe('success');
    expect(seen).toHaveLength(1);
  }
});

test('what happened on the wire decides between safe and unknown', async () => {
  const silent = await serve(() => {});
  const send = (origin: string) =>
    refreshToken({ ...request(origin), deadlineMs: 100, refreshToken: Plain.fromText('rt'), scope: null });
  expect((await send(silent.origin)).kind).toBe('unknown');
  const resets = await serve((response) => response.socket?.resetAndDestroy());
  expect((await send(resets.origin)).kind).toBe('unknown');
  const cut = await serve((response) => {
    response.writeHead(200, { 'content-length': '500' });
    response.write('{"access_token":"at"', () => response.socket?.destroy());
  });
  expect((await send(cut.origin)).kind).toBe('unknown');
  expect((await send('http://127.0.0.1:1')).kind).toBe('transient');
  expect(await send('https://169.254.169.254')).toMatchObject({
    kind: 'client_rejected',
    code: 'egress_refused',
  });
});

test('an answer that gives our own request back does not give it to the reader', async () => {
  const { origin } = await serve((response, seen) => {
    response.writeHead(400).end(
      JSON.stringify({
        error: 'invalid_grant',
        error_description: `got ${seen.body} ${seen.headers.authorization}`,
      }),
    );
  });
  for (const clientAuth of ['post', 'basic'] as const) {
    const outcome = await exchangeCode({ ...request(origin, { clientAuth }), ...exchange });
    const text = JSON.stringify(outcome);
    for (const secret of [
      'c0de',
      'v'.repeat(43),
      's&cret',
      encodeURIComponent('s&cret+/=%'),
      Buffer.from('s&cret').toString('base64').slice(0, 6),
    ]) {
      expect(text, clientAuth).not.toContain(secret);
    }
  }
});

const tokens = { accessToken: Plain.fromText('a/t'), refreshToken: Plain.fromText('r/t') };

function revoke(origin: string, input: Partial<Provider>, given = tokens) {
  const provider = { ...request(origin).provider, revokeUrl: `${origin}/revoke`, ...input };
  return revokeTokens({ egress, provider, client, ...given });
}

test('the refresh token is revoked first, then the access token (RFC 7009)', async () => {
  const { origin, seen } = await serve((response) => response.end());
  expect(await revoke(origin, {})).toEqual({ kind: 'done' });
  expect(
    seen.map((one) => [
      one.method,
      new URLSearchParams(one.body).get('token'),
      new URLSearchParams(one.body).get('token_type_hint'),
    ]),
  ).toEqual([
    ['POST', 'r/t', 'refresh_token'],
    ['POST', 'a/t', 'access_token'],
  ]);
  expect(new URLSearchParams(seen[0]?.body).get('client_secret')).toBe('s&cret+/=%');
});

test.each([
  [200, '', 'done'],
  [200, 'null', 'done'],
  [200, '{"ok":true}', 'done'],
  [204, '', 'done'],
  [400, '{"error":"invalid_token"}', 'done'],
  [200, '{"ok":false,"error":"token_revoked"}', 'done'],
  [400, '{"error":"unsupported_token_type"}', 'refused'],
  [401, '{"error":"invalid_client"}', 'refused'],
  [403, '', 'refused'],
  [302, '', 'refused'],
  [503, '', 'retry'],
  [500, '', 'retry'],
  [429, '', 'retry'],
] as const)('a revocation answered with %i %s is %s', async (status, body, kind) => {
  const { origin } = await serve((response) => response.writeHead(status, { 'retry-after': '7' }).end(body));
  const outcome = await revoke(origin, {});
  expect(outcome.kind).toBe(kind);
  if (outcome.kind === 'retry') expect(outcome.retryAfterMs).toBe(7_000);
});

test('providers with a way of their own are called that way', async () => {
  const { origin, seen } = await serve((response) => response.writeHead(204).end());
  await revoke(origin, { revocationStyle: 'bearer_post' });
  await revoke(origin, { revocationStyle: 'bearer_delete' });
  await revoke(origin, { revocationStyle: 'refresh_token_in_path' });
  await revoke(origin, {
    revocationStyle: 'grant_by_client',
    revokeUrl: `${origin}/applications/{clientId}/grant`,
  });
  await revoke(
    origin,
    { revocationStyle: 'rfc7009_json', clientAuth: 'basic' },
    { ...tokens, accessToken: tokens.refreshToken },
  );
  expect(
    seen.slice(0, 4).map((one) => [one.method, one.url, one.headers.authorization?.slice(0, 6)]),
  ).toEqual([
    ['POST', '/revoke', 'Bearer'],
    ['DELETE', '/revoke', 'Bearer'],
    ['DELETE', '/revoke/r%2Ft', undefined],
    ['DELETE', '/applications/my%20id%3A%C3%A9/grant', 'Basic '],
  ]);
  expect(seen[3]?.body).toBe('{"access_token":"a/t"}');
  expect([seen[4]?.headers['content-type'], seen[4]?.body]).toEqual(['application/json', '{"token":"r/t"}']);
});

test('revocation that cannot be done says so and never throws', async () => {
  expect(await revoke('http://127.0.0.1:1', {})).toMatchObject({
    kind: 'retry',
    code: 'provider_unreachable',
  });
  expect(await revoke('http://127.0.0.1:1', { revokeUrl: 'https://10.0.0.1/revoke' })).toMatchObject({
    kind: 'refused',
    code: 'egress_refused',
  });
  expect(await revoke('http://127.0.0.1:1', { revokeUrl: null })).toEqual({ kind: 'unsupported' });
  const dead = await serve((response) => response.writeHead(401).end());
  expect(await revoke(dead.origin, { revocationStyle: 'bearer_post' })).toEqual({ kind: 'done' });
});
