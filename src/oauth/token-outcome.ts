// What an answer of a token endpoint means.
import type { OAuthProblem } from './oauth-fault.ts';
import type { TokenSet } from './token-set.ts';

export type TokenOutcome =
  | { readonly kind: 'success'; readonly tokens: TokenSet }
  /** The grant (or the code) is over. */
  | ({ readonly kind: 'revoked' } & OAuthProblem)
  /** The client's configuration is wrong; says nothing about the grant. */
  | ({ readonly kind: 'client_rejected' } & OAuthProblem)
  /** Certainly not executed: the same request may be repeated. */
  | ({ readonly kind: 'transient'; readonly retryAfterMs: number | null } & OAuthProblem)
  | ({ readonly kind: 'throttled'; readonly retryAfterMs: number } & OAuthProblem)
  /** May have been executed: a rotating refresh token may be spent. */
  | ({ readonly kind: 'unknown' } & OAuthProblem);

export type TokenProblem = Exclude<TokenOutcome, { readonly kind: 'success' }>;
