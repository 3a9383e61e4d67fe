// The form of a catalogue entry: facts about one provider, each to be found in the documentation it names.
import type { BodyFormat, ClientAuth, Params, Pkce } from '../client-style.ts';

/** Seconds, for lifetimes that documentations state in days. */
export const day = 86_400;

/**
 * What an error code or status means; see `token-outcome.ts`, which acts on it:
 * revoked = the grant is over; client_rejected = the client's configuration is wrong; transient = certainly not
 * executed; throttled = slow down; unknown = may have been executed.
 */
export type Verdict = 'revoked' | 'client_rejected' | 'transient' | 'throttled' | 'unknown';

/**
 * `rfc7009` form with `token`; `rfc7009_json` the same as JSON; `bearer_post` / `bearer_delete` the access token in the
 * Authorization header; `refresh_token_in_path` DELETE on URL + token; `grant_by_client` DELETE with client's Basic.
 */
export type RevocationStyle =
  | 'rfc7009'
  | 'rfc7009_json'
  | 'bearer_post'
  | 'bearer_delete'
  | 'refresh_token_in_path'
  | 'grant_by_client';

export type ProviderQuirks = {
  /** A refresh answers a new refresh token and ends the old one. Null: unknown or a setting of the app. */
  readonly rotates: boolean | null;
  /** How long the previous refresh token still works after a rotation. */
  readonly graceSeconds: number | null;
  /** Presenting a used refresh token ends the whole grant. */
  readonly revokesOnReuse: boolean | null;
  /** The provider refuses to refresh earlier than this before expiry. */
  readonly maxLeadSeconds: number | null;
  /** Lifetime of access tokens where the answer does not say. */
  readonly defaultLifetimeSeconds: number | null;
  readonly refreshLifetimeSeconds: number | null;
  /** Refreshing on demand more often than this costs live tokens. */
  readonly minForcedRefreshSeconds: number | null;
  readonly lifetimeUnit: 's' | 'ms';
  /** The scope has to be repeated on refresh. */
  readonly sendsScopeOnRefresh: boolean;
  /** Where in the JSON answer the object with the tokens may be; the first that has an access token wins. */
  readonly tokenPaths: readonly (readonly string[])[];
  /** Error codes that are not RFC 6749's, or that mean something else here. */
  readonly errorVerdicts: Readonly<Record<string, Verdict>>;
  readonly statusVerdicts: Readonly<Record<number, Verdict>>;
  /** Values that come only with the authorization response and belong to the connection. */
  readonly callbackParams: readonly string[];
};

/** Tokens that renew themselves: the code's token is traded for a long-lived one, and that for the next, by GET. */
export type LongLivedStyle = {
  readonly exchangeUrl: string;
  readonly exchangeGrant: string;
  /** Where renewals go when no refresh address was typed. */
  readonly renewUrl: string;
  readonly renewGrant: string;
};

export type ProviderEntry = {
  readonly key: string;
  readonly name: string;
  readonly documentationUrl: string;
  /** Hosts of the token endpoint; each also covers its subdomains. */
  readonly tokenHosts: readonly string[];
  /** Suggestions for the form; `{{name}}` stands only left of a pinned host suffix. */
  readonly authorizeUrl: string;
  readonly tokenUrl: string;
  readonly revocation?: { readonly url: string; readonly style: RevocationStyle };
  readonly clientAuth?: ClientAuth;
  readonly pkce?: Pkce;
  readonly scopeSeparator?: string;
  readonly bodyFormat?: BodyFormat;
  readonly authorizeParams?: Params;
  readonly tokenParams?: Params;
  readonly refreshParams?: Params;
  /** A scope without which no refresh token comes. */
  readonly offlineScope?: string;
  readonly longLived?: LongLivedStyle;
  readonly issuer?: string;
  readonly issAdvertised?: boolean;
  readonly quirks?: Partial<ProviderQuirks>;
};
