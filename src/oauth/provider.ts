// The endpoints and habits of one OAuth registration: what a person typed, over what the catalogue knows about the
// host of the token endpoint, over the standards' defaults. Plain data, so that it can be shown and compared.
import { findProviderEntry } from './catalogue/catalogue.ts';
import type {
  LongLivedStyle,
  ProviderEntry,
  ProviderQuirks,
  RevocationStyle,
} from './catalogue/provider-entry.ts';
import type { BodyFormat, ClientAuth, Params, Pkce } from './client-style.ts';

export type Provider = {
  /** Key of the catalogue entry; null for a provider that we know nothing about. */
  readonly catalogueKey: string | null;
  /** For people: the catalogue's name, else the host of the token endpoint. */
  readonly name: string;
  /** Null where no person consents (client credentials). */
  readonly authorizeUrl: string | null;
  readonly tokenUrl: string;
  /** Null: refresh at `tokenUrl`. */
  readonly refreshUrl: string | null;
  readonly revokeUrl: string | null;
  readonly revocationStyle: RevocationStyle;
  readonly clientAuth: ClientAuth;
  readonly pkce: Pkce;
  readonly scopeSeparator: string;
  readonly bodyFormat: BodyFormat;
  /** Added to the authorize URL; never over a parameter of the protocol. */
  readonly authorizeParams: Params;
  /** Added to every token request. */
  readonly tokenParams: Params;
  /** Added to refresh requests only. */
  readonly refreshParams: Params;
  /** Null: refresh tokens, as the standards have them. */
  readonly longLived: LongLivedStyle | null;
  readonly issuer: string | null;
  /** The provider promises `iss` in its authorization responses (RFC 9207): its absence is an attack. */
  readonly issAdvertised: boolean;
  readonly quirks: ProviderQuirks;
};

/** What a person typed; null or absent leaves it to the catalogue, then to the standards. */
export type ProviderInput = {
  readonly authorizeUrl: string | null;
  readonly tokenUrl: string;
  readonly refreshUrl?: string | null;
  readonly revokeUrl?: string | null;
  readonly clientAuth?: ClientAuth | null;
  readonly pkce?: Pkce | null;
  readonly scopeSeparator?: string | null;
  readonly bodyFormat?: BodyFormat | null;
  readonly authorizeParams?: Params | null;
  readonly tokenParams?: Params | null;
  readonly issuer?: string | null;
  readonly issAdvertised?: boolean | null;
};

const standardQuirks: ProviderQuirks = {
  rotates: null,
  graceSeconds: null,
  revokesOnReuse: null,
  maxLeadSeconds: null,
  defaultLifetimeSeconds: null,
  refreshLifetimeSeconds: null,
  minForcedRefreshSeconds: null,
  lifetimeUnit: 's',
  sendsScopeOnRefresh: false,
  tokenPaths: [[]],
  errorVerdicts: {},
  statusVerdicts: {},
  callbackParams: [],
};

/** Merges input and catalogue. URLs must be expanded (no placeholders left) before requests are made with it. */
export function createProvider(input: ProviderInput): Provider {
  const entry = findProviderEntry(input.tokenUrl);
  const issuer = input.issuer ?? entry?.issuer ?? null;
  return {
    catalogueKey: entry?.key ?? null,
    name: entry?.name ?? hostOf(input.tokenUrl),
    authorizeUrl: input.authorizeUrl,
    tokenUrl: input.tokenUrl,
    refreshUrl: input.refreshUrl ?? null,
    ...revocationOf(input, entry),
    clientAuth: input.clientAuth ?? entry?.clientAuth ?? 'post',
    pkce: input.pkce ?? entry?.pkce ?? 'S256',
    scopeSeparator: input.scopeSeparator ?? entry?.scopeSeparator ?? ' ',
    bodyFormat: input.bodyFormat ?? entry?.bodyFormat ?? 'form',
    authorizeParams: { ...entry?.authorizeParams, ...input.authorizeParams },
    tokenParams: { ...entry?.tokenParams, ...input.tokenParams },
    refreshParams: { ...entry?.refreshParams },
    longLived: entry?.longLived ?? null,
    issuer,
    issAdvertised: issuer !== null && (input.issAdvertised ?? entry?.issAdvertised ?? false),
    quirks: { ...standardQuirks, ...entry?.quirks },
  };
}

/**
 * A typed revocation URL is standard (RFC 7009) unless it is the catalogue's own host: then it is called the way that
 * host wants. Without one, the catalogue's is used; `{tokenOrigin}` stands for the origin of the token endpoint.
 */
function revocationOf(
  input: ProviderInput,
  entry: ProviderEntry | null,
): Pick<Provider, 'revokeUrl' | 'revocationStyle'> {
  const known = entry?.revocation ?? null;
  const knownUrl = known?.url.replace('{tokenOrigin}', originOf(input.tokenUrl)) ?? null;
  const typed = input.revokeUrl ?? null;
  if (typed === null) return { revokeUrl: knownUrl, revocationStyle: known?.style ?? 'rfc7009' };
  const isKnownHost = knownUrl !== null && hostOf(typed) === hostOf(knownUrl);
  return { revokeUrl: typed, revocationStyle: isKnownHost ? (known?.style ?? 'rfc7009') : 'rfc7009' };
}

function hostOf(url: string): string {
  return /^https?:\/\/([^/?#]*)/i.exec(url)?.[1]?.toLowerCase() ?? url;
}

function originOf(url: string): string {
  return /^https?:\/\/[^/?#]*/i.exec(url)?.[0] ?? '';
}
