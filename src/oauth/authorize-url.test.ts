import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import { Plain } from '../kernel/plain.ts';
import { isIssuerAccepted, readAuthorizationResponse } from './authorization-response.ts';
import {
  type AuthorizeUrlInput,
  buildAuthorizeUrl,
  checkAuthorizeParams,
  joinScopes,
} from './authorize-url.ts';
import { challengeOf, createCodeVerifier } from './pkce.ts';
import { createProvider, type ProviderInput } from './provider.ts';

function query(
  input: Partial<AuthorizeUrlInput> & { readonly url?: string; readonly provider?: never } = {},
) {
  const provider = createProvider({
    authorizeUrl: input.url ?? 'https://as.example/authorize',
    tokenUrl: 'https://as.example/token',
  });
  const { url: _url, ...rest } = input;
  const href = buildAuthorizeUrl({
    provider,
    clientId: 'id',
    redirectUri: 'https://us.example/callback/c/1',
    state: 's',
    scopes: 'a b',
    challenge: null,
    ...rest,
  });
  return new URL(href);
}

function provider(input: Partial<ProviderInput>): ReturnType<typeof createProvider> {
  return createProvider({ authorizeUrl: 'https://as.example/a', tokenUrl: 'https://as.example/t', ...input });
}

test('the authorize URL carries what RFC 6749 4.1.1 and RFC 7636 4.3 name', () => {
  const verifier = createCodeVerifier();
  const url = query({ challenge: challengeOf(verifier, 'S256') });
  expect(Object.fromEntries(url.searchParams)).toEqual({
    response_type: 'code',
    client_id: 'id',
    redirect_uri: 'https://us.example/callback/c/1',
    state: 's',
    scope: 'a b',
    code_challenge: createHash('sha256').update(verifier.revealText()).digest('base64url'),
    code_challenge_method: 'S256',
  });
});

test('a query that the URL already has stays; blank scopes send no scope', () => {
  const url = query({ url: 'https://as.example/authorize?tenant=7&x=%20y', scopes: '  ' });
  expect(url.searchParams.get('tenant')).toBe('7');
  expect(url.searchParams.get('x')).toBe(' y');
  expect(url.searchParams.has('scope')).toBe(false);
});

test('no other flow than code can be asked for, neither by the URL nor by additional parameters', () => {
  const url = query({
    url: 'https://as.example/a?response_type=token&state=x&Redirect_Uri=https://evil.example&response_mode=fragment',
  });
  expect([...url.searchParams.keys()].sort()).toEqual([
    'client_id',
    'redirect_uri',
    'response_type',
    'scope',
    'state',
  ]);
  expect(url.searchParams.get('response_type')).toBe('code');
  expect(url.searchParams.get('state')).toBe('s');
  const names = [
    'response_type',
    'client_id',
    'redirect_uri',
    'state',
    'code_challenge',
    'code_challenge_method',
    'State',
    'STATE ',
    'state[]',
    'redirect_uri%20',
    'response_mode',
    'request',
    'request_uri',
  ];
  for (const name of names) {
    expect(() => query({ params: { [name]: 'x' } }), name).toThrow(/set by Latchkey/);
    expect(() => checkAuthorizeParams({ [name]: 'x' }, 'additionalParams'), name).toThrow(
      /^additionalParams/,
    );
  }
  expect(query({ params: { prompt: 'consent', scope_hint: 'x' } }).searchParams.get('prompt')).toBe(
    'consent',
  );
});

test('scopes are joined as the provider wants them', () => {
  expect(joinScopes('a b,c', ' ')).toBe('a b,c');
  expect(joinScopes('a b, c,,b', ',')).toBe('a,b,c');
  expect(joinScopes(' \n', ',')).toBeNull();
});

test('1,000 flows have 1,000 verifiers and challenges, each in the form of RFC 7636', () => {
  const verifiers = Array.from({ length: 1000 }, () => createCodeVerifier());
  expect(new Set(verifiers.map((one) => one.revealText())).size).toBe(1000);
  expect(new Set(verifiers.map((one) => challengeOf(one, 'S256')?.challenge)).size).toBe(1000);
  for (const one of verifiers) expect(one.revealText()).toMatch(/^[A-Za-z0-9._~-]{43,128}$/);
  // RFC 7636, appendix B.
  const example = Plain.fromText('dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk');
  expect(challengeOf(example, 'S256')?.challenge).toBe('E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM');
  expect(challengeOf(example, 'plain')).toEqual({ challenge: example.revealText(), method: 'plain' });
  expect(challengeOf(example, 'off')).toBeNull();
});

test('an answer is read strictly: one value each, bounded, with its state', () => {
  const good = readAuthorizationResponse('?code=c&state=s&realmId=42&iss=https%3A%2F%2Fas.example');
  expect(good).toMatchObject({ kind: 'code', state: 's', iss: 'https://as.example' });
  expect(good.kind === 'code' && [good.code.revealText(), good.params.realmId]).toEqual(['c', '42']);
  for (const text of [
    '',
    'code=c',
    'state=s',
    'code=&state=s',
    'code=c&state=',
    'code=a&code=b&state=s',
    'code=c&state=s&state=t',
    'code[]=c&state=s',
    `code=c&state=${'x'.repeat(5000)}`,
    'error=&state=s',
    'error=x',
  ]) {
    expect(readAuthorizationResponse(text).kind, text.slice(0, 40)).toBe('malformed');
  }
});

test('a refusal is one clean line, whatever the provider wrote', () => {
  const denied = readAuthorizationResponse(
    'error=access_denied&state=s&error_description=no%0d%0aINJECTED%20%3Csvg%20onload%3E%E2%80%AE',
  );
  expect(denied).toMatchObject({
    kind: 'denied',
    code: 'access_denied',
    message: 'no INJECTED <svg onload>',
  });
  expect(readAuthorizationResponse('error=%3Csvg%20onload%3E&state=s')).toMatchObject({
    code: 'unrecognised_error',
  });
  expect(({} as Record<string, unknown>).polluted).toBeUndefined();
  readAuthorizationResponse('code=c&state=s&__proto__=x&constructor=y');
});

test('iss is compared exactly, and demanded where it is promised', () => {
  const promised = provider({ issuer: 'https://as.example', issAdvertised: true });
  expect(isIssuerAccepted(promised, 'https://as.example')).toBe(true);
  for (const iss of [null, 'https://as.example/', 'https://evil.example', '']) {
    expect(isIssuerAccepted(promised, iss), String(iss)).toBe(false);
  }
  const known = provider({ issuer: 'https://as.example' });
  expect(isIssuerAccepted(known, null)).toBe(true);
  expect(isIssuerAccepted(known, 'https://evil.example')).toBe(false);
  expect(isIssuerAccepted(provider({}), 'https://any.example')).toBe(true);
});
