// The OAuth client that a person types into a credential: it becomes an auth client owned by that credential, hidden
// from lists. Its parts are recognised by meaning, because built-in types and components spell them differently.
import { invalidField } from '../kernel/fault.ts';
import type { AuthClientId, CredentialId, TenantId, UnitId } from '../kernel/ids.ts';
import { Plain } from '../kernel/plain.ts';
import { checkEndpointUrl } from '../oauth/endpoint-url.ts';
import { createProvider } from '../oauth/provider.ts';
import type { Tx } from '../storage/doors.ts';
import type { Actor } from '../tenancy/actor.ts';
import type { Vault } from '../vault/vault.ts';
import { type AuthClient, createAuthClient } from './auth-client.ts';
import { changedIdentity } from './changed-identity.ts';
import { addClientSecret, openClientSecrets, setClientSecret } from './client-secret.ts';
import type { ConnectionType } from './connection-type.ts';
import { fieldKeyOfRole, type OAuthFieldRole, oauthFieldRole } from './oauth-field.ts';
import type { Registration, RegistrationIdentity } from './registration.ts';
import type { Values } from './values.ts';

export type SplitValues = {
  /** Parts of the OAuth client, by meaning. */
  readonly client: ReadonlyMap<OAuthFieldRole, Plain>;
  /** Everything else, scopes included, by field key. */
  readonly own: ReadonlyMap<string, Plain>;
};

/** Types that are not OAuth keep everything for themselves, whatever the names. */
export function splitValues(type: ConnectionType, values: Values): SplitValues {
  const client = new Map<OAuthFieldRole, Plain>();
  const own = new Map<string, Plain>();
  for (const [key, value] of values) {
    const role = type.oauthKind === null ? null : oauthFieldRole(key);
    if (role === null || role === 'scopes') own.set(key, value);
    else client.set(role, value);
  }
  return { client, own };
}

/** The identity that typed values and the type's defaults give; a Fault names the field that is missing or wrong. */
function identityOf(type: ConnectionType, client: SplitValues['client']): RegistrationIdentity {
  const text = (role: OAuthFieldRole): string | null => {
    const typed = client.get(role)?.revealText().trim();
    if (typed !== undefined && typed !== '') return typed;
    const key = fieldKeyOfRole(type.fields, role);
    return type.fields.find((field) => field.key === key)?.defaultValue ?? null;
  };
  const fieldName = (role: OAuthFieldRole) => fieldNameOf(type, role);
  const required = (role: OAuthFieldRole): string => {
    const value = text(role);
    if (value === null) throw invalidField(fieldName(role), 'is required.', 'Give it a value.');
    return value;
  };
  const url = (role: OAuthFieldRole): string => checkEndpointUrl(required(role), fieldName(role)).href;
  const optionalUrl = (role: OAuthFieldRole): string | null => (text(role) === null ? null : url(role));
  const tokenUrl = url('tokenUrl');
  return {
    clientId: required('clientId'),
    authorizeUrl: url('authorizeUrl'),
    tokenUrl,
    refreshUrl: optionalUrl('refreshUrl'),
    revokeUrl: optionalUrl('revokeUrl'),
    clientAuth: createProvider({ authorizeUrl: null, tokenUrl }).clientAuth,
  };
}

function fieldNameOf(type: ConnectionType, role: OAuthFieldRole): string {
  return `values.${fieldKeyOfRole(type.fields, role) ?? role}`;
}

type Options = {
  readonly tx: Tx;
  readonly vault: Vault;
  readonly actor: Actor;
  readonly credentialId: CredentialId;
  readonly unitId: UnitId;
  readonly name: string;
  readonly type: ConnectionType;
  readonly client: SplitValues['client'];
};

export async function createInlineClient(options: Options): Promise<AuthClient> {
  return await createAuthClient({
    tx: options.tx,
    vault: options.vault,
    actor: options.actor,
    client: {
      unitId: options.unitId,
      name: options.name,
      type: options.type.key,
      identity: identityOf(options.type, options.client),
      secret: options.client.get('clientSecret') ?? null,
      ownerCredentialId: options.credentialId,
    },
  });
}

/**
 * Changes some parts of an inline client. Another identity becomes another registration, and the grant stays pinned to
 * the one that minted it: a new inline client takes over, and the old one stays, with its secrets, for the grant.
 */
export async function changeInlineClient(
  options: Options & { readonly current: AuthClient },
): Promise<{ readonly tenantId: TenantId; readonly id: AuthClientId }> {
  const { tx, vault, actor, current, client, type } = options;
  if (current.registration === null) throw invalidField('values', 'this credential has no OAuth client.');
  const secret = client.get('clientSecret') ?? null;
  if (secret !== null) refuseEmptySecret(type, secret);
  const parts = withKeptParts(client, current.registration);
  const identity = changedIdentity(current.registration, identityOf(type, parts), {
    secretComesAlong: secret !== null,
    secretField: fieldNameOf(type, 'clientSecret'),
  });
  if (identity === null) {
    if (secret !== null) {
      await setClientSecret({ tx, vault, tenant: actor.tenant, clientId: current.id, secret });
    }
    return { tenantId: current.tenantId, id: current.id };
  }
  const next = await createInlineClient({ ...options, client: parts });
  // Only the client id changed: the addresses that would receive the secret are the same.
  if (secret === null) await copySecrets(options, current, next);
  return { tenantId: next.tenantId, id: next.id };
}

function withKeptParts(client: SplitValues['client'], registration: Registration): SplitValues['client'] {
  const parts = new Map(client);
  for (const role of ['clientId', 'authorizeUrl', 'tokenUrl', 'refreshUrl', 'revokeUrl'] as const) {
    const kept = registration[role];
    if (!parts.has(role) && kept !== null) parts.set(role, Plain.fromText(kept));
  }
  return parts;
}

/** An emptied box means "leave it" to people and "take it away" to programs: neither is guessed for a secret in use. */
function refuseEmptySecret(type: ConnectionType, secret: Plain): void {
  if (secret.byteLength > 0) return;
  throw invalidField(
    fieldNameOf(type, 'clientSecret'),
    'must not be empty.',
    'Leave it out to keep the present one.',
  );
}

async function copySecrets(options: Options, from: AuthClient, to: AuthClient): Promise<void> {
  const { tx, vault } = options;
  const oldestFirst = [...(await openClientSecrets(tx, vault, from))].reverse();
  for (const { secret } of oldestFirst) {
    await addClientSecret({ tx, vault, tenant: to.tenantId, clientId: to.id, secret });
  }
}
