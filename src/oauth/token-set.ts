// The tokens of one answer, parsed; and how a refreshed set follows on the set before it.
import type { Plain } from '../kernel/plain.ts';

export type TokenSet = {
  readonly accessToken: Plain;
  /** Null on refresh: the one before stays valid (RFC 6749 6). */
  readonly refreshToken: Plain | null;
  readonly tokenType: string;
  /** As the provider spelled it; null when it did not say. */
  readonly scope: string | null;
  /** Null: the answer does not say, see `refresh-due.ts`. */
  readonly expiresInSeconds: number | null;
  readonly refreshExpiresInSeconds: number | null;
  /** Every other field of the answer (null prototypes, no refresh token at any depth). May hold secrets: seal it. */
  readonly extra: Readonly<Record<string, unknown>>;
};

/** What a refresh leaves out stays as it was: refresh token, scope, and fields such as `instance_url`. */
export function mergeRefreshed(previous: TokenSet, refreshed: TokenSet): TokenSet {
  const keepsRefreshToken = refreshed.refreshToken === null;
  return {
    ...refreshed,
    refreshToken: refreshed.refreshToken ?? previous.refreshToken,
    scope: refreshed.scope ?? previous.scope,
    // The life of a kept refresh token goes on from its own issue; a caller that stored its end keeps that.
    refreshExpiresInSeconds: keepsRefreshToken ? null : refreshed.refreshExpiresInSeconds,
    extra: Object.assign(Object.create(null), previous.extra, refreshed.extra),
  };
}
