// What the quirky mode says about itself: RFC 8414 metadata that agrees with the present quirk, and RFC 7662
// introspection for stand-ins that take the emulator's tokens.
import { type Answer, jsonAnswer } from './answer.ts';
import type { Quirk } from './quirk.ts';
import type { LiveToken } from './resource-server.ts';

export function quirkyMetadata(issuer: string, quirk: Quirk): Answer {
  const methods =
    quirk.clientAuth === 'basic' || quirk.clientAuth === 'post' ? [quirk.clientAuth] : ['basic', 'post'];
  const knowsPkce = quirk.pkce === 'required' || quirk.pkce === 'optional';
  return jsonAnswer(200, {
    issuer,
    authorization_endpoint: `${issuer}/authorize`,
    token_endpoint: `${issuer}/token`,
    revocation_endpoint: `${issuer}/revoke`,
    introspection_endpoint: `${issuer}/introspect`,
    userinfo_endpoint: `${issuer}/userinfo`,
    response_types_supported: ['code'],
    grant_types_supported: ['authorization_code', 'refresh_token', 'client_credentials'],
    token_endpoint_auth_methods_supported: methods.map((method) => `client_secret_${method}`),
    ...(knowsPkce ? { code_challenge_methods_supported: ['S256', 'plain'] } : {}),
    ...(quirk.iss === 'absent' ? {} : { authorization_response_iss_parameter_supported: true }),
  });
}

export function quirkyIntrospection(live: LiveToken | null): Answer {
  if (live === null) return jsonAnswer(200, { active: false });
  const { account, client, scopes } = live;
  return jsonAnswer(200, { active: true, sub: account, client_id: client, scope: scopes.join(' ') });
}
