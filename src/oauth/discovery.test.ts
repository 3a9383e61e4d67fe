import { expect, test } from 'vitest';
import { discoverIssuer } from './discovery.ts';
import type { Egress } from './egress.ts';

/** An egress that knows some documents; only the wire is replaced. */
function egressWith(documents: Readonly<Record<string, unknown>>): { egress: Egress; asked: string[] } {
  const asked: string[] = [];
  const egress: Egress = {
    fetch: async (url) => {
      asked.push(String(url));
      const found = documents[String(url)];
      const body = Buffer.from(found === undefined ? '' : JSON.stringify(found));
      return { status: found === undefined ? 404 : 200, headers: {}, body, bodyProblem: null };
    },
  };
  return { egress, asked };
}

const metadata = {
  issuer: 'https://as.example/tenant',
  authorization_endpoint: 'https://as.example/authorize',
  token_endpoint: 'https://as.example/token',
  revocation_endpoint: 'https://as.example/revoke',
  authorization_response_iss_parameter_supported: true,
  token_endpoint_auth_methods_supported: ['private_key_jwt', 'client_secret_post'],
  code_challenge_methods_supported: ['plain', 'S256'],
};

test('the endpoints are read from where RFC 8414 or OpenID Connect puts them', async () => {
  for (const location of [
    'https://as.example/.well-known/oauth-authorization-server/tenant',
    'https://as.example/tenant/.well-known/openid-configuration',
  ]) {
    const { egress } = egressWith({ [location]: metadata });
    expect(await discoverIssuer({ egress, issuer: metadata.issuer })).toEqual({
      issuer: 'https://as.example/tenant',
      authorizeUrl: 'https://as.example/authorize',
      tokenUrl: 'https://as.example/token',
      revokeUrl: 'https://as.example/revoke',
      issAdvertised: true,
      clientAuth: 'post',
      pkce: 'S256',
    });
  }
});

test('metadata that speaks for another issuer, has no token endpoint or none at all is refused', async () => {
  const at = 'https://as.example/.well-known/oauth-authorization-server';
  const issuer = 'https://as.example';
  for (const document of [
    undefined,
    { ...metadata },
    { ...metadata, issuer: 'https://as.example/' },
    { issuer },
    { ...metadata, issuer, token_endpoint: 'https://u:p@as.example/token' },
    { ...metadata, issuer, token_endpoint: 'javascript:1' },
  ]) {
    const { egress } = egressWith(document === undefined ? {} : { [at]: document });
    await expect(discoverIssuer({ egress, issuer })).rejects.toThrow(/issuer|token_endpoint/);
  }
});

test('what is not said is left open, except the default that RFC 8414 names', async () => {
  const issuer = 'https://as.example';
  const { egress } = egressWith({
    'https://as.example/.well-known/oauth-authorization-server': {
      issuer,
      token_endpoint: 'https://as.example/token',
    },
  });
  expect(await discoverIssuer({ egress, issuer })).toMatchObject({
    authorizeUrl: null,
    revokeUrl: null,
    issAdvertised: false,
    clientAuth: 'basic',
    pkce: null,
  });
  await expect(discoverIssuer({ egress, issuer: 'https://as.example/?x=y' })).rejects.toThrow(/query/);
});
