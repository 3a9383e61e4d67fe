// What a step gets of a connection: credential values, then template values, then the config variable's defaults, then the
// connection type's; and of an OAuth grant its access token with whatever else the provider said. Refresh tokens and
// client secrets are handed to nobody.
import { getAuthClient } from '../credentials/auth-client.ts';
import { type ConnectionType, getConnectionType } from '../credentials/connection-type.ts';
import { findCredential } from '../credentials/credential.ts';
import type { StoredTokens } from '../credentials/grant.ts';
import { oauthFieldRole } from '../credentials/oauth-field.ts';
import { openStoredValues } from '../credentials/values.ts';
import { notFound } from '../kernel/fault.ts';
import type { ConnectionId, CredentialId, TenantId } from '../kernel/ids.ts';
import { Plain } from '../kernel/plain.ts';
import type { Tx } from '../storage/doors.ts';
import type { Vault } from '../vault/vault.ts';
import { openDefaults } from './config-variable.ts';
import type { ConfigVariable } from './config-variable-store.ts';
import { sourceFieldFor } from './field-names.ts';
import { getTemplate, openTemplateValues } from './template.ts';
import type { TemplateId } from './template-store.ts';

/** As components written today read it. */
export type ModernConnection = {
  readonly key: string;
  readonly configVarKey: string;
  readonly fields: Readonly<Record<string, string>>;
  readonly token?: Readonly<Record<string, unknown>>;
  readonly context?: Readonly<Record<string, string>>;
};

/** As components of the first generation read it, in `context.credential`. */
export type LegacyCredential = {
  readonly authorizationMethod: string;
  readonly fields: Readonly<Record<string, string>>;
  readonly token?: Readonly<Record<string, unknown>>;
  readonly context?: Readonly<Record<string, string>>;
};

export type ResolvedConnection = {
  readonly connectionId: ConnectionId | null;
  readonly credentialId: CredentialId;
  readonly modern: ModernConnection;
  readonly legacy: LegacyCredential;
  /** Every secret text in it, to be kept out of logs. */
  readonly secrets: readonly string[];
};

export type ResolveOptions = {
  readonly tx: Tx;
  readonly vault: Vault;
  readonly tenant: TenantId;
  readonly connectionId: ConnectionId | null;
  readonly credentialId: CredentialId;
  readonly variable: ConfigVariable | null;
  /** The grant's tokens, read before: reading may wait for a refresh, which a transaction must not. */
  readonly tokens: { readonly stored: StoredTokens; readonly expiresAt: Date | null } | null;
  /** False for components that neither the organization nor the platform owns: template secrets stay away from them. */
  readonly isTrusted: boolean;
};

/** Values together with the type that names them. */
type Layer = { readonly type: ConnectionType; readonly values: ReadonlyMap<string, Plain> };

export async function resolveConnection(options: ResolveOptions): Promise<ResolvedConnection> {
  const { tx, vault, tenant, variable } = options;
  const credential = await findCredential(tx, options.credentialId);
  if (credential === null) throw notFound('Credential');
  const own = await getConnectionType(tx, credential.connectionType);
  const wanted = variable?.connectionType ? await getConnectionType(tx, variable.connectionType) : own;
  const stored = await openStoredValues({ tx, vault, tenant, credentialId: credential.id });
  if (credential.authClientId !== null) await addClientValues(tx, own, credential.authClientId, stored);
  const templateId = (credential.templateId ?? variable?.templateId ?? null) as TemplateId | null;
  const defaults =
    variable === null
      ? new Map<string, Plain>()
      : await openDefaults({ tx, vault, tenant, variableId: variable.id });
  const layers: readonly Layer[] = [
    { type: own, values: stored },
    ...(templateId === null ? [] : [await openTemplate(options, templateId)]),
    { type: wanted, values: defaults },
  ];
  const modernFields = fieldsFor(wanted, layers);
  const legacyFields = fieldsFor(own, layers);
  const token = options.tokens === null ? null : tokenOf(options.tokens);
  const context = options.tokens?.stored.callbackParams ?? null;
  const extras = {
    ...(token === null ? {} : { token }),
    ...(context === null || Object.keys(context).length === 0 ? {} : { context }),
  };
  const secretFields = [...wanted.fields, ...own.fields]
    .filter((field) => field.secret)
    .map((field) => field.key);
  return {
    connectionId: options.connectionId,
    credentialId: credential.id,
    modern: { key: wanted.key, configVarKey: variable?.key ?? '', fields: modernFields, ...extras },
    legacy: { authorizationMethod: own.key, fields: legacyFields, ...extras },
    secrets: [
      ...secretFields.flatMap((key) => [modernFields[key], legacyFields[key]]),
      options.tokens?.stored.accessToken.revealText(),
    ].filter((text): text is string => text !== undefined && text !== ''),
  };
}

/** Client id and addresses are no secrets, and components read them; the client secret stays. */
async function addClientValues(
  tx: Tx,
  type: ConnectionType,
  clientId: Parameters<typeof getAuthClient>[1],
  values: Map<string, Plain>,
): Promise<void> {
  const { registration, scopes } = await getAuthClient(tx, clientId);
  if (registration === null) return;
  const byRole = {
    clientId: registration.clientId,
    clientSecret: null,
    scopes,
    authorizeUrl: registration.authorizeUrl,
    tokenUrl: registration.tokenUrl,
    refreshUrl: registration.refreshUrl,
    revokeUrl: registration.revokeUrl,
  };
  for (const field of type.fields) {
    const role = oauthFieldRole(field.key);
    const value = role === null ? null : byRole[role];
    if (value !== null && !values.has(field.key)) values.set(field.key, Plain.fromText(value));
  }
}

/**
 * A template's values; for strangers' components without its secrets. What is secret is said by the template's own type:
 * under the name of the wanted field the same value may look harmless.
 */
async function openTemplate(options: ResolveOptions, id: TemplateId): Promise<Layer> {
  const { tx, vault, tenant, isTrusted } = options;
  const values = await openTemplateValues({ tx, vault, tenant, id });
  const type = await getConnectionType(tx, (await getTemplate(tx, id)).connectionType);
  if (isTrusted) return { type, values };
  const open = new Set(type.fields.filter((field) => !field.secret).map((field) => field.key));
  return { type, values: new Map([...values].filter(([key]) => open.has(key))) };
}

function fieldsFor(type: ConnectionType, layers: readonly Layer[]): Record<string, string> {
  const fields: Record<string, string> = {};
  for (const field of type.fields) {
    if (type.oauthKind !== null && oauthFieldRole(field.key) === 'clientSecret') continue;
    const value = firstValue(field.key, layers) ?? field.defaultValue;
    if (value !== null && value !== undefined) fields[field.key] = value;
  }
  return fields;
}

function firstValue(key: string, layers: readonly Layer[]): string | undefined {
  for (const { type, values } of layers) {
    // By the names that the type declares, not by those that have a value: a field left empty must not be filled with
    // another one that sounds alike.
    const source = sourceFieldFor(
      key,
      type.fields.map((field) => field.key),
    );
    const value = source === null ? undefined : values.get(source);
    if (value !== undefined) return value.revealText();
  }
  return undefined;
}

function tokenOf(tokens: NonNullable<ResolveOptions['tokens']>): Record<string, unknown> {
  const { stored, expiresAt } = tokens;
  return {
    ...stored.extra,
    access_token: stored.accessToken.revealText(),
    token_type: stored.tokenType,
    ...(stored.scope === null ? {} : { scope: stored.scope }),
    ...(expiresAt === null ? {} : { expires_at: expiresAt.toISOString() }),
  };
}
