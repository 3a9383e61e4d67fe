// The people who live at the emulated provider: whoever signs in, exists.

/** What userinfo and id tokens say about an account name. */
export function accountClaims(id: string): {
  readonly sub: string;
  readonly [claim: string]: string | boolean;
} {
  const email = id.includes('@') ? id : `${id.replaceAll(/\s+/g, '.').toLowerCase()}@example.test`;
  return { sub: id, name: id, preferred_username: id, email, email_verified: true };
}
