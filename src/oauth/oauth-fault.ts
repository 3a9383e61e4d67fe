// Names what went wrong at a provider, in words for people, with the cure; and cleans what the provider itself said.
import type { Plain } from '../kernel/plain.ts';

/** Which token request it was: the same code asks for another cure. */
export type GrantKind = 'authorization_code' | 'refresh_token' | 'client_credentials';

/** The part of an outcome that explains it. `code` and `message` may be shown to the tenant. */
export type OAuthProblem = {
  /** RFC 6749 5.2 code, a provider's own, or one of ours (`unreadable_answer`, `unexpected_status` ...). */
  readonly code: string;
  /** What the provider said, redacted, at most 500 characters; null when it said nothing. */
  readonly message: string | null;
  readonly cure: string;
};
