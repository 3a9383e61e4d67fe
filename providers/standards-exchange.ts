// One token request through oidc-provider and back as a value: replayed to it with its body unread, its answer
// caught before a byte is written, its effect read off for the ledger.
import { IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import type { KoaContextWithOIDC, Provider } from 'oidc-provider';
import type { Answer } from './answer.ts';
import type { ClientRegistry, EmulatedClient } from './client-registry.ts';
import { fingerprint } from './ledger-record.ts';
import type { StandardsStore } from './standards-store.ts';
import type { Execution, Executor } from './token-desk.ts';
import type { TokenRequest } from './token-request.ts';

type Handler = ReturnType<Provider['callback']>;

/** Must be built before the provider's first `callback()`: that one freezes the middleware. */
export function createStandardsExchange(options: {
  readonly provider: Provider;
  readonly store: StandardsStore;
  readonly clients: ClientRegistry;
}): Executor {
  const { provider, store, clients } = options;
  const captures = new WeakMap<IncomingMessage, (context: KoaContextWithOIDC) => void>();
  provider.use(async (context, next) => {
    await next();
    const capture = captures.get(context.req);
    if (capture === undefined) return;
    context.respond = false;
    capture(context as KoaContextWithOIDC);
  });
  const handler: Handler = provider.callback();

  return {
    grantOf: (request) => grantOf(store, request),
    execute: async (request, _directive, req) => {
      const revoked = request.kind === 'revoke' ? grantOf(store, request) : null;
      const replay = replayOf(req, request, clients.find(request.clientId ?? ''));
      const context = await new Promise<KoaContextWithOIDC>((resolve, reject) => {
        captures.set(replay, resolve);
        handler(replay, new ServerResponse(replay)).then(
          () => reject(new Error('oidc-provider gave no answer')),
          reject,
        );
      });
      return readExecution(context, revoked);
    },
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
