// Templates: values fixed for many connections. Editable until a published version uses them; then frozen for ever,
// because deployed instances must keep what they were published with. Rotating a client's secret stays possible: it is
// an operation on the auth client, not on the template.
import { audit } from '../audit/event.ts';
import type { AuthClient } from '../credentials/auth-client.ts';
import { type ConnectionType, getConnectionType } from '../credentials/connection-type.ts';
import { getUsableClient } from '../credentials/usable-client.ts';
import { checkValues, type Values } from '../credentials/values.ts';
import { Fault, notFound } from '../kernel/fault.ts';
import { type AuthClientId, newId, type TenantId, type UnitId } from '../kernel/ids.ts';
import type { Page, PageRequest } from '../kernel/page.ts';
import type { Plain } from '../kernel/plain.ts';
import { isUniqueViolation } from '../storage/database.ts';
import type { Tx } from '../storage/doors.ts';
import { type Actor, requirePermission, requireVisible, unitsWith } from '../tenancy/actor.ts';
import { checkName, findUnit } from '../tenancy/unit.ts';
import { placeOf } from '../vault/sealed-columns.ts';
import type { Vault } from '../vault/vault.ts';
import {
  deleteTemplateRow,
  freezeTemplate,
  insertTemplate,
  isTemplateUsed,
  lockTemplate,
  nextTemplateValueNo,
  selectTemplate,
  selectTemplates,
  selectTemplateValues,
  type Template,
  type TemplateId,
  upsertTemplateValue,
} from './template-store.ts';

type Context = { readonly tx: Tx; readonly vault: Vault; readonly actor: Actor };

export async function createTemplate(
  options: Context & {
    readonly unitId: UnitId;
    readonly name: string;
    readonly type: ConnectionType;
    readonly values: Values;
    readonly authClientId?: AuthClientId | null;
    readonly isShared?: boolean;
  },
): Promise<Template> {
  const { tx, actor, type, values } = options;
  const unit = await findUnit(tx, options.unitId);
  requireVisible(actor, 'unit.view', unit?.path, 'Unit');
  requirePermission(actor, 'template.manage', unit?.path ?? []);
  checkValues(type, values, { isComplete: false });
  const id = newId<TemplateId>();
  const client = await clientOf(options, unit?.path ?? []);
  try {
    await insertTemplate(tx, {
      tenantId: actor.tenant,
      id,
      unitId: options.unitId,
      name: checkName(options.name),
      connectionType: { tenantId: type.tenantId, id: type.id },
      authClientId: client?.id ?? null,
      authClientTenantId: client?.tenantId ?? null,
      isShared: options.isShared ?? false,
    });
  } catch (error) {
    if (!isUniqueViolation(error)) throw error;
    throw new Fault('conflict', 'name: there is a template of this name already.', {
      field: 'name',
      cure: 'Choose another name.',
    });
  }
  await storeValues(options, id, values);
  await audit(tx, {
    action: 'template.created',
    actor,
    object: { kind: 'template', id },
    fields: ['name', ...values.keys()],
  });
  return await getTemplate(tx, id);
}

async function clientOf(
  options: Pick<Context, 'tx' | 'actor'> & {
    readonly type: ConnectionType;
    readonly authClientId?: AuthClientId | null;
  },
  unitPath: readonly UnitId[],
): Promise<AuthClient | null> {
  const { tx, actor, type, authClientId = null } = options;
  if (authClientId === null) return null;
  return await getUsableClient(tx, { id: authClientId, tenant: actor.tenant, unitPath, type });
}

async function storeValues(options: Context, id: TemplateId, values: Values): Promise<void> {
  const { tx, vault, actor } = options;
  for (const [fieldKey, value] of values) {
    const valueNo = await nextTemplateValueNo(tx, id, fieldKey);
    const sealed = await vault.seal(tx, valuePlace(actor.tenant, id, fieldKey, valueNo), value);
    await upsertTemplateValue(tx, id, { fieldKey, sealed, valueNo });
  }
}

export async function getTemplate(tx: Tx, id: TemplateId): Promise<Template> {
  const template = await selectTemplate(tx, id);
  if (template === null) throw notFound('Connection template', 'template');
  return template;
}

export async function listTemplates(options: {
  readonly tx: Tx;
  readonly actor: Actor;
  readonly search?: string | null;
  readonly page: PageRequest;
}): Promise<Page<Template>> {
  return await selectTemplates(options.tx, {
    within: unitsWith(options.actor, 'template.view'),
    search: options.search ?? null,
    page: options.page,
  });
}

export async function updateTemplate(
  options: Context & { readonly id: TemplateId; readonly values: Values },
): Promise<Template> {
  const { tx, actor, id, values } = options;
  const template = await ownTemplate(tx, actor, id);
  const frozenAt = await lockTemplate(tx, id);
  if (frozenAt === undefined) throw notFound('Connection template', 'template');
  if (frozenAt !== null) {
    throw new Fault('frozen', 'The template is used by a published version and cannot change any more.', {
      cure: 'Make a new template with the new values and refer to it in the next version.',
    });
  }
  checkValues(await getConnectionType(tx, template.connectionType), values, { isComplete: false });
  await storeValues(options, id, values);
  await audit(tx, {
    action: 'template.updated',
    actor,
    object: { kind: 'template', id },
    fields: [...values.keys()],
  });
  return await getTemplate(tx, id);
}

export async function deleteTemplate(options: {
  readonly tx: Tx;
  readonly actor: Actor;
  readonly id: TemplateId;
}): Promise<void> {
  const { tx, actor, id } = options;
  await ownTemplate(tx, actor, id);
  await lockTemplate(tx, id);
  if (await isTemplateUsed(tx, id)) {
    throw new Fault('in_use', 'Integrations refer to this template.', { cure: 'Remove it from them first.' });
  }
  await deleteTemplateRow(tx, id);
  await audit(tx, { action: 'template.deleted', actor, object: { kind: 'template', id } });
}

/** In the transaction that publishes, for every template that the version refers to. */
export async function freezeTemplates(tx: Tx, actor: Actor, ids: readonly TemplateId[]): Promise<void> {
  // In one order everywhere, so that two that publish do not wait for each other.
  for (const id of [...ids].sort()) {
    await lockTemplate(tx, id);
    if (await freezeTemplate(tx, id)) {
      await audit(tx, { action: 'template.frozen', actor, object: { kind: 'template', id } });
    }
  }
}

export async function openTemplateValues(options: {
  readonly tx: Tx;
  readonly vault: Vault;
  readonly tenant: TenantId;
  readonly id: TemplateId;
}): Promise<Map<string, Plain>> {
  const { tx, vault, tenant, id } = options;
  const opened = new Map<string, Plain>();
  for (const row of await selectTemplateValues(tx, id)) {
    opened.set(
      row.fieldKey,
      await vault.open(tx, valuePlace(tenant, id, row.fieldKey, row.valueNo), row.sealed),
    );
  }
  return opened;
}

async function ownTemplate(tx: Tx, actor: Actor, id: TemplateId): Promise<Template> {
  const template = await selectTemplate(tx, id);
  const unit = template === null ? null : await findUnit(tx, template.unitId);
  requireVisible(actor, 'template.view', unit?.path, 'Connection template');
  requirePermission(actor, 'template.manage', unit?.path ?? []);
  return await getTemplate(tx, id);
}

function valuePlace(tenant: TenantId, id: TemplateId, fieldKey: string, valueNo: number) {
  return placeOf('templateValue', {
    tenant_id: tenant,
    template_id: id,
    field_key: fieldKey,
    value_no: valueNo,
  });
}
