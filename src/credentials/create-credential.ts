// Makes a credential: values are checked against its type, and sealed field by field.
import { audit } from '../audit/event.ts';
import { invalidField, notFound } from '../kernel/fault.ts';
import { type AuthClientId, type CredentialId, isUuid, newId, type UnitId } from '../kernel/ids.ts';
import type { Tx } from '../storage/doors.ts';
import { type Actor, requirePermission, requireVisible } from '../tenancy/actor.ts';
import { checkName, findUnit } from '../tenancy/unit.ts';
import type { Vault } from '../vault/vault.ts';
import type { ConnectionType } from './connection-type.ts';
import { type Credential, findCredential } from './credential.ts';
import { insertCredential, selectTemplateUnit, updateCredentialRow } from './credential-store.ts';
import { createPendingGrant } from './grant.ts';
import { createInlineClient, splitValues } from './inline-client.ts';
import { getUsableClient } from './usable-client.ts';
import { checkParams, checkValues, storeValue, type Values } from './values.ts';

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
  if (given.authorizeParams !== undefined) checkParams(given.authorizeParams, 'authorizeParams');
  await requireTemplate(tx, given.templateId ?? null, unit?.path ?? []);
  // An empty text is no value.
  const filled = new Map([...given.values].filter(([, value]) => value.byteLength > 0));
  const { client, own } = splitValues(type, filled);
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
  const shared =
    authClientId === null
      ? null
      : await getUsableClient(tx, {
          id: authClientId,
          tenant: actor.tenant,
          unitPath: unit?.path ?? [],
          type,
        });
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
    fields: ['label', ...filled.keys()],
  });
  const created = await findCredential(tx, id);
  if (created === null) throw notFound('Credential');
  return created;
}

/** Templates fill in values: one of another customer would hand out what is not ours. */
async function requireTemplate(tx: Tx, id: string | null, unitPath: readonly UnitId[]): Promise<void> {
  if (id === null) return;
  const unitId = isUuid(id) ? await selectTemplateUnit(tx, id) : null;
  if (unitId === null || !unitPath.includes(unitId)) throw notFound('Connection template', 'template');
}
