// How oidc-provider is set up: our store, our pages, lifetimes and rotation by the present quirk.
import type { Configuration } from 'oidc-provider';
import { accountClaims } from './account.ts';
import type { Behaviour } from './behaviour.ts';
import type { EmulatedClient } from './client-registry.ts';
import { errorPage } from './consent-pages.ts';
import type { StandardsStore } from './standards-store.ts';

export function standardsConfiguration(options: {
  readonly store: StandardsStore;
  readonly behaviour: Behaviour;
  readonly signingKey: Record<string, unknown>;
}): Configuration {
  const quirk = () => options.behaviour.quirk();
  const life = (seconds: number | null) => Math.max(1, Math.floor(seconds ?? 315_360_000));
  return {
    adapter: options.store.adapter,
    jwks: { keys: [options.signingKey as never] },
    cookies: { keys: [String(options.signingKey.d)] },
    scopes: ['openid', 'offline_access'],
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
      revocation: {
        enabled: true,
        allowedPolicy: async (_context, client, token) => client.clientId === token.clientId,
      },
      introspection: { enabled: true, allowedPolicy: async () => true },
    },
    renderError: async (context, out) => {
      const answer = errorPage(400, out.error, out.error_description ?? '');
      context.type = 'html';
      context.body = answer.body;
    },
  };
}

export function clientMetadata(client: EmulatedClient | null): Record<string, unknown> | undefined {
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
