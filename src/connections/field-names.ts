// One value, many spellings: a stored credential of a built-in type feeds a component's connection whose fields are named
// otherwise. The table says which names mean the same.
import type { ConnectionTypeField } from '../credentials/connection-type.ts';
import { oauthFieldRole } from '../credentials/oauth-field.ts';

const meanings: readonly (readonly string[])[] = [
  ['api_key', 'apiKey', 'accessKeyId', 'access_key_id', 'key', 'token', 'apiToken', 'headerValue'],
  ['api_secret', 'apiSecret', 'secretAccessKey', 'secret_access_key', 'secret'],
  ['username', 'user', 'userName', 'login'],
  ['password', 'pass', 'passphrase'],
  ['private_key', 'privateKey', 'key'],
];

/** The name under which `wanted` stands among `available`: itself, the same OAuth role, or a name of the same meaning. */
export function sourceFieldFor(wanted: string, available: readonly string[]): string | null {
  if (available.includes(wanted)) return wanted;
  const role = oauthFieldRole(wanted);
  const byRole = role === null ? undefined : available.find((name) => oauthFieldRole(name) === role);
  if (byRole !== undefined) return byRole;
  for (const names of meanings) {
    const found = names.includes(wanted) ? available.find((name) => names.includes(name)) : undefined;
    if (found !== undefined) return found;
  }
  return null;
}

/** Required fields of a connection that a credential with these fields cannot fill. Empty = it fits. */
export function missingFields(
  wanted: readonly ConnectionTypeField[],
  available: readonly string[],
  given: readonly string[] = [],
): readonly string[] {
  return wanted
    .filter((field) => field.required && (field.defaultValue ?? '') === '' && !given.includes(field.key))
    .filter((field) => sourceFieldFor(field.key, available) === null)
    .map((field) => field.key);
}
