// Makes a credential: values are checked against its type, sealed field by field, and never shown again.
import { audit } from '../audit/event.ts';
import { Fault, invalidField, notFound } from '../kernel/fault.ts';
import { type AuthClientId, type CredentialId, newId, type UnitId } from '../kernel/ids.ts';
import type { Tx } from '../storage/doors.ts';
import { type Actor, requirePermission, requireVisible } from '../tenancy/actor.ts';
import { checkName, findUnit } from '../tenancy/unit.ts';
import type { Vault } from '../vault/vault.ts';
import { getAuthClient } from './auth-client.ts';
import type { ConnectionType } from './connection-type.ts';
import { type Credential, findCredential } from './credential.ts';
import { insertCredential, updateCredentialRow } from './credential-store.ts';
import { createPendingGrant } from './grant.ts';
import { createInlineClient, splitValues } from './inline-client.ts';
import { fieldKeyOfRole } from './oauth-field.ts';
import { checkValues, storeValue, type Values } from './values.ts';

export type NewCredential = {
  readonly tx: Tx;
  readonly vault: Vault;
  readonly actor: Actor;
  readonly unitId: UnitId;
  /** Null = owned by a connection, hidden from lists. */
  readonly label: string | null;
  readonly type: ConnectionType;
  readonly values: Values;
  /** A shared auth client instead of one typed in. */
  readonly authClientId?: AuthClientId | null;
  readonly templateId?: string | null;
  readonly authorizeParams?: Readonly<Record<string, string>>;
  readonly redirects?: { readonly success: string | null; readonly failure: string | null };
  /** False while some values will come later (a connection that is being configured). */
  readonly isComplete?: boolean;
};

export async function createCredential(given: NewCredential): Promise<Credential> {
  const { tx, vault, actor, type } = given;
  const unit = await findUnit(tx, given.unitId);
  requireVisible(actor, 'unit.view', unit?.path, 'Unit');
  requirePermission(actor, 'credential.create', unit?.path ?? []);
  const label = given.label === null ? null : checkName(given.label, 'label');
  const authClientId = given.authClientId ?? null;
  const { client, own } = splitValues(type, given.values);
  if (authClientId !== null && client.size > 0) {
    throw invalidField(
      'values',
      'hold an OAuth client while another one is referred to.',
      'Give one of the two.',
    );
  }
  const isInline = type.oauthKind !== null && authClientId === null;
  checkValues(type, given.values, {
    isComplete: (given.isComplete ?? true) && (type.oauthKind === null || isInline),
  });
  const shared = authClientId === null ? null : await usableClient(given, authClientId, unit?.path ?? []);
  const id = newId<CredentialId>();
  await insertCredential(tx, {
    tenantId: actor.tenant,
    id,
    unitId: given.unitId,
    kind: label === null ? 'owned' : 'named',
    label,
    typeTenantId: type.tenantId,
    typeId: type.id,
    authClient: shared,
    templateId: given.templateId ?? null,
    authorizeParams: given.authorizeParams ?? {},
    redirectSuccess: given.redirects?.success ?? null,
    redirectFailure: given.redirects?.failure ?? null,
    createdBy: actor.principalId,
  });
  for (const [fieldKey, value] of own) {
    await storeValue({ tx, vault, tenant: actor.tenant, credentialId: id, fieldKey, value });
  }
  if (isInline && client.size > 0) {
    const inline = await createInlineClient({
      tx,
      vault,
      actor,
      credentialId: id,
      unitId: given.unitId,
      name: label ?? type.label,
      type,
      client,
    });
    await updateCredentialRow(tx, id, { authClient: { tenantId: inline.tenantId, id: inline.id } });
  }
  if (type.oauthKind !== null) await createPendingGrant(tx, actor.tenant, id);
  await audit(tx, {
    action: 'credential.created',
    actor,
    object: { kind: 'credential', id },
    fields: ['label', ...given.values.keys()],
  });
  const created = await findCredential(tx, id);
  if (created === null) throw notFound('Credential');
  return created;
}

// A client can be used at its own unit and beneath: never one of a sibling, a child or another tenant.
async function usableClient(
  given: NewCredential,
  id: AuthClientId,
  unitPath: readonly UnitId[],
): Promise<{ readonly tenantId: Credential['tenantId']; readonly id: AuthClientId }> {
  const client = await getAuthClient(given.tx, id);
  const isAbove = client.tenantId !== given.actor.tenant || unitPath.includes(client.unitId);
  if (client.ownerCredentialId !== null || !isAbove) throw notFound('Auth client', 'authClient');
  if (given.type.oauthKind !== null && client.registration === null) {
    throw new Fault('invalid_field', 'authClient: is not an OAuth client.', {
      field: 'authClient',
      cure: `Choose one with a client id and addresses (${fieldKeyOfRole(given.type.fields, 'clientId') ?? 'client_id'}).`,
    });
  }
  return { tenantId: client.tenantId, id: client.id };
}
