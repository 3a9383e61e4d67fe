// A plain OAuth client against one emulator, for tests: it does what it is told and hides nothing of the answer.
import { createHash, randomBytes } from 'node:crypto';
import { demoClient } from './client-registry.ts';
import type { Emulator } from './emulator.ts';
import { type ConsentWalk, walkConsent } from './walk-consent.ts';

export type TokenReply = {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  /** The parsed body, empty if it is not a JSON object. */
  readonly body: { readonly [field: string]: unknown };
};

export type Tokens = {
  readonly accessToken: string;
  readonly refreshToken: string;
  readonly reply: TokenReply;
};

type AuthStyle = 'basic' | 'post' | 'both';

export const redirectUri = 'http://127.0.0.1:9/callback/c/abc';

/** S256 (RFC 7636 4.2). */
function challengeOf(verifier: string): string {
  return createHash('sha256').update(verifier).digest('base64url');
}

type Identity = { readonly client_id: string; readonly client_secret: string };
type PostOptions = {
  readonly auth?: AuthStyle;
  readonly headers?: Record<string, string>;
  readonly signal?: AbortSignal;
};

export function createTrialClient(emulator: Pick<Emulator, 'url'>, identity: Identity = demoClient) {
  const verifier = randomBytes(32).toString('base64url');

  function authorizeUrl(params: Record<string, string> = {}): string {
    const url = new URL(`${emulator.url}/authorize`);
    const defaults = {
      client_id: identity.client_id,
      redirect_uri: redirectUri,
      response_type: 'code',
      scope: 'openid files.read files.write',
      state: 'state-1',
      code_challenge: challengeOf(verifier),
      code_challenge_method: 'S256',
    };
    for (const [name, value] of Object.entries({ ...defaults, ...params })) {
      if (value !== '') url.searchParams.set(name, value);
    }
    return url.href;
  }

  const post = postAs(emulator.url, identity);

  const consent = (params: Record<string, string> = {}, walk: Partial<ConsentWalk> = {}) =>
    walkConsent(authorizeUrl(params), { until: redirectUri, ...walk });

  const exchange = (code: string | null, options: PostOptions = {}, more: Record<string, string> = {}) =>
    post(
      '/token',
      {
        grant_type: 'authorization_code',
        code: code ?? '',
        redirect_uri: redirectUri,
        code_verifier: verifier,
        ...more,
      },
      options,
    );

  /** Login, consent and exchange. */
  async function connect(
    params: Record<string, string> = {},
    walk: Partial<ConsentWalk> = {},
  ): Promise<Tokens> {
    const callback = await consent(params, walk);
    const reply = await exchange(callback.searchParams.get('code'));
    return tokensIn(reply);
  }

  return {
    authorizeUrl,
    post,
    consent,
    exchange,
    connect,
    refresh: (refreshToken: string, options: PostOptions = {}, more: Record<string, string> = {}) =>
      post('/token', { grant_type: 'refresh_token', refresh_token: refreshToken, ...more }, options),
    revoke: (token: string) => post('/revoke', { token }),
    /** The status with which the resource server meets an access token. */
    use: async (accessToken: string, path: '/resource' | '/userinfo' = '/resource') => {
      const response = await fetch(`${emulator.url}${path}`, {
        headers: { authorization: `Bearer ${accessToken}` },
      });
      return { status: response.status, body: objectIn(await response.text()) };
    },
  };
}

function postAs(base: string, identity: Identity) {
  return async (
    path: '/token' | '/revoke' | '/introspect',
    params: Record<string, string>,
    options: PostOptions = {},
  ): Promise<TokenReply> => {
    const body = new URLSearchParams(params);
    const headers = new Headers(options.headers);
    const auth = options.auth ?? 'post';
    if (auth !== 'post') {
      const pair = [identity.client_id, identity.client_secret].map(encodeURIComponent).join(':');
      headers.set('authorization', `Basic ${Buffer.from(pair).toString('base64')}`);
    }
    if (auth !== 'basic') {
      body.set('client_id', identity.client_id);
      body.set('client_secret', identity.client_secret);
    }
    const response = await fetch(`${base}${path}`, {
      method: 'POST',
      body,
      headers,
      redirect: 'manual',
      ...(options.signal === undefined ? {} : { signal: options.signal }),
    });
    const text = await response.text();
    return { status: response.status, headers: response.headers, text, body: objectIn(text) };
  };
}

export function tokensIn(reply: TokenReply): Tokens {
  const text = (value: unknown) => (typeof value === 'string' ? value : '');
  return {
    accessToken: text(reply.body.access_token),
    refreshToken: text(reply.body.refresh_token),
    reply,
  };
}

function objectIn(text: string): { readonly [field: string]: unknown } {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? { ...value } : {};
  } catch {
    return {};
  }
}
