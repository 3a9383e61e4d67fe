// The standards-true mode: oidc-provider with our own pages, clients, store and ledger around it.
import { IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import { exportJWK, generateKeyPair } from 'jose';
import type { Configuration, KoaContextWithOIDC, Provider } from 'oidc-provider';
import type { Log } from '../src/kernel/log.ts';
import type { Answer } from './answer.ts';
import type { Behaviour } from './behaviour.ts';
import type { ClientRegistry, EmulatedClient } from './client-registry.ts';
import { errorPage } from './consent-pages.ts';
import { fingerprint } from './ledger.ts';
import { createStandardsInteraction, type StandardsInteraction } from './standards-interaction.ts';
import { createStandardsStore, type StandardsStore } from './standards-store.ts';
import type { Execution, Executor } from './token-desk.ts';
import type { TokenRequest } from './token-request.ts';

export type StandardsMode = {
  readonly executor: Executor;
  readonly interaction: StandardsInteraction;
  readonly store: StandardsStore;
  /** Everything that the ledger does not watch: discovery, keys, authorize, userinfo, introspection. */
  readonly handle: (req: IncomingMessage, res: ServerResponse) => Promise<void>;
};

export const defaultScopes = [
  'openid',
  'offline_access',
  'profile',
  'email',
  'read',
  'write',
  'files.read',
  'files.write',
  'account_info.read',
  'files.metadata.read',
  'files.metadata.write',
  'files.content.read',
  'files.content.write',
] as const;

export async function createStandardsMode(options: {
  readonly issuer: string;
  readonly behaviour: Behaviour;
  readonly clients: ClientRegistry;
  readonly scopes: readonly string[];
  readonly log: Log;
}): Promise<StandardsMode> {
  const { issuer, behaviour, clients, log } = options;
  let refuse = (description: string) => new Error(description);
  const store = createStandardsStore({
    refusal: (description) => refuse(description),
    now: behaviour.now,
    findClient: (id) => clientMetadata(clients.find(id)),
  });
  const { privateKey } = await generateKeyPair('RS256', { extractable: true });
  const signingKey = { ...(await exportJWK(privateKey)), alg: 'RS256', use: 'sig', kid: 'emulator' };
  const provider = await quietly(log, async () => {
    const { Provider, errors } = await import('oidc-provider');
    refuse = (description) => new errors.InvalidGrant(description);
    return new Provider(issuer, configuration({ store, behaviour, scopes: options.scopes, signingKey }));
  });
  // The registry knows "any loopback URI", which static metadata cannot say.
  provider.Client.prototype.redirectUriAllowed = function (this: { clientId: string }, uri: string) {
    return clients.allowsRedirect(this.clientId, uri);
  };
  provider.on('server_error', (_context, error) => log.error('emulator failed', { reason: error.message }));
  const captures = new WeakMap<IncomingMessage, (context: KoaContextWithOIDC) => void>();
  provider.use(async (context, next) => {
    await next();
    const capture = captures.get(context.req);
    if (capture === undefined) return;
    context.respond = false;
    capture(context as KoaContextWithOIDC);
  });
  const koa = provider.callback();

  return {
    store,
    interaction: createStandardsInteraction(provider),
    handle: async (req, res) => void (await koa(req, res)),
    executor: {
      grantOf: (request) => grantOf(store, request),
      execute: async (request, _directive, req) => {
        const revoked = request.kind === 'revoke' ? grantOf(store, request) : null;
        const replay = replayOf(req, request, clients.find(request.clientId ?? ''));
        const captured = await new Promise<KoaContextWithOIDC>((resolve, reject) => {
          captures.set(replay, resolve);
          koa(replay, new ServerResponse(replay)).then(
            () => reject(new Error('oidc-provider gave no answer')),
            reject,
          );
        });
        return readExecution(captured, revoked);
      },
    },
  };
}

function configuration(options: {
  readonly store: StandardsStore;
  readonly behaviour: Behaviour;
  readonly scopes: readonly string[];
  readonly signingKey: Record<string, unknown>;
}): Configuration {
  const quirk = () => options.behaviour.quirk();
  const life = (seconds: number | null) => Math.max(1, Math.floor(seconds ?? 315_360_000));
  return {
    adapter: options.store.adapter,
    jwks: { keys: [options.signingKey as never] },
    cookies: { keys: [String(options.signingKey.d)] },
    scopes: [...options.scopes],
    claims: { openid: ['sub'], email: ['email', 'email_verified'], profile: ['name', 'preferred_username'] },
    findAccount: (_context, id) => ({ accountId: id, claims: async () => accountClaims(id) }),
    interactions: { url: (_context, interaction) => `/interaction/${interaction.uid}` },
    // Each consent is a grant of its own, so that connections of one account do not share a fate.
    loadExistingGrant: async ({ oidc }) => {
      const grantId = oidc.result?.consent?.grantId;
      return grantId === undefined ? undefined : oidc.provider.Grant.find(grantId);
    },
    issueRefreshToken: async (_context, client) => client.grantTypeAllowed('refresh_token'),
    rotateRefreshToken: () => quirk().rotation === 'always',
    expiresWithSession: () => false,
    pkce: {
      required: (_context, client) => quirk().pkce === 'required' || client.clientAuthMethod === 'none',
    },
    ttl: {
      AccessToken: () => life(quirk().accessTokenSeconds),
      ClientCredentials: () => life(quirk().accessTokenSeconds),
      RefreshToken: () => life(quirk().refreshTokenSeconds),
      AuthorizationCode: () => life(quirk().codeSeconds),
      IdToken: 3600,
      Interaction: 3600,
      Session: 86_400,
      Grant: 315_360_000,
    },
    routes: {
      authorization: '/authorize',
      token: '/token',
      revocation: '/revoke',
      introspection: '/introspect',
      userinfo: '/userinfo',
      jwks: '/jwks',
    },
    features: {
      devInteractions: { enabled: false },
      rpInitiatedLogout: { enabled: false },
      clientCredentials: { enabled: true },
      revocation: { enabled: true },
      introspection: { enabled: true, allowedPolicy: async () => true },
    },
    renderError: async (context, out) => {
      const answer = errorPage(400, out.error, out.error_description ?? '');
      context.type = 'html';
      context.body = answer.body;
    },
  };
}

export function accountClaims(id: string): {
  readonly sub: string;
  readonly [claim: string]: string | boolean;
} {
  const email = id.includes('@') ? id : `${id.replaceAll(/\s+/g, '.').toLowerCase()}@example.test`;
  return { sub: id, name: id, preferred_username: id, email, email_verified: true };
}

function clientMetadata(client: EmulatedClient | null): Record<string, unknown> | undefined {
  if (client === null) return undefined;
  return {
    client_id: client.client_id,
    ...(client.client_secret === null ? {} : { client_secret: client.client_secret }),
    redirect_uris: client.redirect_uris ?? ['http://127.0.0.1/'],
    grant_types: [
      'authorization_code',
      'refresh_token',
      ...(client.client_secret === null ? [] : ['client_credentials']),
    ],
    response_types: ['code'],
    token_endpoint_auth_method:
      client.client_secret === null ? 'none' : (client.token_endpoint_auth_method ?? 'client_secret_basic'),
  };
}

function grantOf(store: StandardsStore, { kind, params }: TokenRequest): string | null {
  const read = (model: string, name: string) => {
    const id = store.peek(model, params.get(name) ?? '')?.grantId;
    return typeof id === 'string' ? id : null;
  };
  if (kind === 'code') return read('AuthorizationCode', 'code');
  if (kind === 'refresh') return read('RefreshToken', 'refresh_token');
  return read('RefreshToken', 'token') ?? read('AccessToken', 'token');
}

/** The same request again, its body unread, for a server that insists on reading it itself. */
function replayOf(
  req: IncomingMessage,
  request: TokenRequest,
  client: EmulatedClient | null,
): IncomingMessage {
  // A socket of its own, never connected: what becomes of the replay must not touch the real connection.
  const replay = new IncomingMessage(new Socket());
  const headers = { ...req.headers };
  let { raw } = request;
  // A client registered for either way of authentication is known to oidc-provider as a Basic one.
  if (client?.token_endpoint_auth_method === null && request.authStyle === 'post') {
    const form = new URLSearchParams(raw.toString('utf8'));
    const pair = [client.client_id, form.get('client_secret') ?? ''].map(encodeURIComponent).join(':');
    form.delete('client_secret');
    headers.authorization = `Basic ${Buffer.from(pair).toString('base64')}`;
    raw = Buffer.from(form.toString());
    headers['content-length'] = String(raw.length);
    delete headers['transfer-encoding'];
  }
  Object.assign(replay, { method: req.method, url: req.url, headers, httpVersion: req.httpVersion });
  replay.complete = true;
  replay.push(raw);
  replay.push(null);
  return replay;
}

function readExecution(context: KoaContextWithOIDC, revokedGrant: string | null): Execution {
  const body = context.body as Record<string, unknown> | string | null | undefined;
  if (context.status === 200 && typeof body === 'object' && body !== null && 'access_token' in body) {
    const { entities } = context.oidc;
    const accessToken = String(body.access_token);
    const refreshToken = typeof body.refresh_token === 'string' ? body.refresh_token : null;
    const isNew = refreshToken !== null && refreshToken !== context.oidc.params?.refresh_token;
    return {
      outcome: 'issued',
      effect: {
        grant: entities.AccessToken?.grantId ?? null,
        accessTokenIssued: fingerprint(accessToken),
        refreshTokenIssued: isNew ? fingerprint(refreshToken) : null,
      },
      tokens: {
        access_token: accessToken,
        token_type: String(body.token_type),
        expires_in: Number(body.expires_in),
        ...(refreshToken === null ? {} : { refresh_token: refreshToken }),
        scopes: typeof body.scope === 'string' ? body.scope.split(' ') : null,
        ...(typeof body.id_token === 'string' ? { id_token: body.id_token } : {}),
      },
    };
  }
  const answer = answerOf(context);
  if (context.status === 200) {
    const outcome = revokedGrant === null ? 'nothing_to_revoke' : 'revoked';
    return { answer, outcome, effect: revokedGrant === null ? null : { grant: revokedGrant } };
  }
  const error =
    typeof body === 'object' && body !== null && 'error' in body ? String(body.error) : 'server_error';
  return { answer, outcome: error, effect: null };
}

function answerOf(context: KoaContextWithOIDC): Answer {
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(context.response.headers)) {
    if (value !== undefined && name !== 'content-length') headers[name] = String(value);
  }
  const body = context.body as unknown;
  return {
    status: context.status,
    headers,
    body: typeof body === 'string' || Buffer.isBuffer(body) ? body : JSON.stringify(body ?? {}),
  };
}

// oidc-provider speaks to the console while it loads; its notices belong into our log.
async function quietly(log: Log, work: () => Promise<Provider>): Promise<Provider> {
  const { warn, info } = console;
  const route =
    (original: typeof warn) =>
    (...args: unknown[]): void => {
      const text = String(args[0]);
      if (text.includes('oidc-provider ')) log.debug('oidc-provider', { notice: text });
      else original(...args);
    };
  console.warn = route(warn);
  console.info = route(info);
  try {
    return await work();
  } finally {
    console.warn = warn;
    console.info = info;
  }
}
