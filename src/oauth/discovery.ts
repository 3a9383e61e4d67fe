// Asks an issuer for its own endpoints (RFC 8414; OpenID Connect Discovery): fewer URLs to type, none to mistype.
import { Fault, invalidField } from '../kernel/fault.ts';
import type { ClientAuth, Pkce } from './client-style.ts';
import type { Egress } from './egress.ts';
import { checkEndpointUrl } from './endpoint-url.ts';
import type { ProviderInput } from './provider.ts';
import { maxTokenBodyBytes, parseBody } from './token-body.ts';

export type Discovered = Pick<Required<ProviderInput>, 'authorizeUrl' | 'tokenUrl' | 'revokeUrl'> & {
  readonly issuer: string;
  readonly issAdvertised: boolean;
  /** What the issuer supports and we prefer; null where it does not say. */
  readonly clientAuth: ClientAuth | null;
  readonly pkce: Pkce | null;
};

const defaultDeadlineMs = 10_000;

/** Throws `invalid_field`, an egress fault, or `provider_refused` when the issuer has no usable metadata. */
export async function discoverIssuer(input: {
  readonly egress: Egress;
  readonly issuer: string;
  readonly deadlineMs?: number;
}): Promise<Discovered> {
  const url = checkEndpointUrl(input.issuer, 'issuer');
  if (url.search !== '') throw invalidField('issuer', 'must not have a query (RFC 8414 2).');
  for (const location of metadataUrls(url)) {
    const response = await input.egress.fetch(location, {
      method: 'GET',
      headers: { accept: 'application/json' },
      body: null,
      deadlineMs: input.deadlineMs ?? defaultDeadlineMs,
      maxBytes: maxTokenBodyBytes,
    });
    if (response.status === 200 && response.body !== null) {
      const parsed = parseBody(response.body, response.headers['content-type'] ?? null);
      if (parsed.kind === 'fields') return readMetadata(parsed.fields, input.issuer);
    }
  }
  throw noMetadata('it publishes none');
}

/** RFC 8414 3.1 puts the well-known part before the issuer's path, OpenID Connect after it. */
function metadataUrls(issuer: URL): string[] {
  const path = issuer.pathname.replace(/\/$/, '');
  return [
    `${issuer.origin}/.well-known/oauth-authorization-server${path}`,
    `${issuer.origin}${path}/.well-known/openid-configuration`,
  ];
}

function readMetadata(fields: Readonly<Record<string, unknown>>, issuer: string): Discovered {
  // RFC 8414 3.3: otherwise one issuer could speak for another.
  if (fields.issuer !== issuer) throw noMetadata('it names another issuer');
  const endpoint = (name: string): string | null => {
    const value = fields[name];
    return typeof value === 'string' ? checkEndpointUrl(value, name).href : null;
  };
  const tokenUrl = endpoint('token_endpoint');
  if (tokenUrl === null) throw noMetadata('it has no token endpoint');
  return {
    issuer,
    authorizeUrl: endpoint('authorization_endpoint'),
    tokenUrl,
    revokeUrl: endpoint('revocation_endpoint'),
    issAdvertised: fields.authorization_response_iss_parameter_supported === true,
    clientAuth: preferredClientAuth(fields.token_endpoint_auth_methods_supported),
    pkce: preferredPkce(fields.code_challenge_methods_supported),
  };
}

function preferredClientAuth(methods: unknown): ClientAuth | null {
  // RFC 8414 2: the default is client_secret_basic.
  if (!Array.isArray(methods)) return 'basic';
  if (methods.includes('client_secret_basic')) return 'basic';
  if (methods.includes('client_secret_post')) return 'post';
  return methods.includes('none') ? 'none' : null;
}

function preferredPkce(methods: unknown): Pkce | null {
  if (!Array.isArray(methods)) return null;
  if (methods.includes('S256')) return 'S256';
  return methods.includes('plain') ? 'plain' : null;
}

function noMetadata(reason: string): Fault {
  return new Fault('provider_refused', `The issuer has no usable metadata: ${reason}.`, {
    field: 'issuer',
    cure: 'Check the issuer URL, or enter the endpoints by hand.',
  });
}
