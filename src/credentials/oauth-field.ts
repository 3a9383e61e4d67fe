// Which fields of a connection type make up its OAuth client. Built-in types and components spell them differently;
// what they mean is the same.

export type OAuthFieldRole =
  | 'clientId'
  | 'clientSecret'
  | 'scopes'
  | 'authorizeUrl'
  | 'tokenUrl'
  | 'refreshUrl'
  | 'revokeUrl';

const spellings: Readonly<Record<string, OAuthFieldRole>> = {
  client_id: 'clientId',
  clientId: 'clientId',
  client_secret: 'clientSecret',
  clientSecret: 'clientSecret',
  scopes: 'scopes',
  scope: 'scopes',
  auth_uri: 'authorizeUrl',
  authorizeUrl: 'authorizeUrl',
  token_uri: 'tokenUrl',
  tokenUrl: 'tokenUrl',
  refresh_token_uri: 'refreshUrl',
  refreshUrl: 'refreshUrl',
  revoke_uri: 'revokeUrl',
  revokeUrl: 'revokeUrl',
};

export function oauthFieldRole(fieldKey: string): OAuthFieldRole | null {
  return Object.hasOwn(spellings, fieldKey) ? (spellings[fieldKey] ?? null) : null;
}

/** The key under which a type spells a role, or null when it has no such field. */
export function fieldKeyOfRole(
  fields: readonly { readonly key: string }[],
  role: OAuthFieldRole,
): string | null {
  return fields.find((field) => oauthFieldRole(field.key) === role)?.key ?? null;
}
