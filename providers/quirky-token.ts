// The quirky mode's token and revocation endpoints: who may ask, what the law says, how an error looks.
import { type Answer, htmlAnswer, jsonAnswer, textAnswer } from './answer.ts';
import { type ClientRegistry, type EmulatedClient, isClientSecret } from './client-registry.ts';
import { type GrantBook, newGrantId } from './grant-book.ts';
import { fingerprint } from './ledger-record.ts';
import type { Quirk } from './quirk.ts';
import type { Execution, Executor } from './token-desk.ts';
import type { TokenRequest } from './token-request.ts';
import {
  grantClientItself,
  redeemCode,
  refreshGrant,
  refused,
  revokeToken,
  type Verdict,
} from './token-rules.ts';

export type QuirkyTokenOptions = {
  readonly book: GrantBook;
  readonly clients: ClientRegistry;
  readonly quirk: () => Quirk;
  readonly now: () => Date;
};

export function createQuirkyToken(options: QuirkyTokenOptions): Executor {
  const { book, clients } = options;

  return {
    grantOf: (request) => {
      const { kind, params } = request;
      if (kind === 'code') return book.findCode(params.get('code') ?? '')?.grantId ?? null;
      if (kind === 'client_credentials') return newGrantId();
      const token = params.get(kind === 'refresh' ? 'refresh_token' : 'token') ?? '';
      const holder = book.findRefreshToken(token) ?? book.findAccessToken(token);
      return holder?.grant.id ?? null;
    },
    execute: async (request, directive) => {
      const quirk = options.quirk();
      const client = authenticate(clients, quirk, request);
      if ('kind' in client) return refusal(client, quirk);
      if (request.kind === 'revoke') {
        const token = request.params.get('token') ?? '';
        const grant = revokeToken({ book }, { clientId: client.client_id, token });
        return {
          answer: textAnswer(200, '', {}),
          outcome: grant === null ? 'nothing_to_revoke' : 'revoked',
          effect: grant === null ? null : { grant: grant.id },
        };
      }
      const context = { book, quirk, nowMs: options.now().getTime(), account: directive.account };
      const verdict = decide(context, client, request, directive.grant);
      if (verdict.kind === 'refused') return refusal(verdict, quirk);
      const { tokens, grant } = verdict;
      return {
        tokens,
        outcome: 'issued',
        effect: {
          grant: grant.id,
          accessTokenIssued: fingerprint(tokens.access_token),
          refreshTokenIssued: tokens.refresh_token === undefined ? null : fingerprint(tokens.refresh_token),
        },
      };
    },
  };
}

function decide(
  context: Parameters<typeof redeemCode>[0],
  client: EmulatedClient,
  request: TokenRequest,
  grantId: string | null,
): Verdict {
  const clientId = client.client_id;
  const { params } = request;
  const scope = params.get('scope')?.split(/[ ,+]/).filter(Boolean) ?? null;
  switch (request.kind) {
    case 'code':
      return redeemCode(context, {
        clientId,
        code: params.get('code') ?? '',
        redirectUri: params.get('redirect_uri') ?? '',
        verifier: params.get('code_verifier') ?? '',
      });
    case 'refresh':
      return refreshGrant(context, { clientId, refreshToken: params.get('refresh_token') ?? '', scope });
    case 'client_credentials':
      return grantClientItself(context, { clientId, grantId: grantId ?? newGrantId(), scope: scope ?? [] });
    default:
      return refused('unsupported_grant_type', 'grant_type is not known here');
  }
}

function authenticate(
  clients: ClientRegistry,
  quirk: Quirk,
  request: TokenRequest,
): EmulatedClient | Extract<Verdict, { kind: 'refused' }> {
  const denied = { kind: 'refused', error: 'invalid_client', status: 401 } as const;
  const client = clients.find(request.clientId ?? '');
  if (client === null) return { ...denied, description: 'unknown client' };
  if (client.client_secret === null) return client;
  const { authStyle } = request;
  if (authStyle === 'both' && quirk.clientAuth === 'any_but_both') {
    return { ...denied, description: 'more than one way of client authentication', status: 400 };
  }
  const wanted = quirk.clientAuth === 'basic' || quirk.clientAuth === 'post' ? quirk.clientAuth : null;
  if (wanted !== null && authStyle !== wanted)
    return { ...denied, description: `use client_secret_${wanted}` };
  const registered = client.token_endpoint_auth_method?.replace('client_secret_', '') ?? authStyle;
  if (authStyle !== registered) return { ...denied, description: `use client_secret_${registered}` };
  if (!isClientSecret(client, request.clientSecret ?? '')) return { ...denied, description: 'wrong secret' };
  return client;
}

function refusal(verdict: Extract<Verdict, { kind: 'refused' }>, quirk: Quirk): Execution {
  return { answer: errorAnswer(verdict, quirk), outcome: verdict.error, effect: null };
}

function errorAnswer(verdict: Extract<Verdict, { kind: 'refused' }>, quirk: Quirk): Answer {
  const { error, description, status } = verdict;
  switch (quirk.errorStyle) {
    case 'with_200':
      return jsonAnswer(200, { error, error_description: description });
    case 'ok_false':
      return jsonAnswer(200, { ok: false, error });
    case 'html':
      return htmlAnswer(status, '<html><body><h1>Something went wrong</h1></body></html>');
    default:
      return jsonAnswer(
        status,
        { error, error_description: description },
        status === 401 ? { 'www-authenticate': 'Basic realm="emulator"' } : {},
      );
  }
}
