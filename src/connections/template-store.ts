// SQL of connection templates.
import { sql } from 'kysely';
import type { ConnectionTypeId } from '../credentials/connection-type.ts';
import type { AuthClientId, Id, TenantId, UnitId } from '../kernel/ids.ts';
import type { Page, PageRequest } from '../kernel/page.ts';
import { containsPattern } from '../storage/contains-pattern.ts';
import type { Tx } from '../storage/doors.ts';
import type { Sealed } from '../vault/sealed.ts';

export type TemplateId = Id<'Template'>;

export type Template = {
  readonly tenantId: TenantId;
  readonly id: TemplateId;
  readonly unitId: UnitId;
  readonly name: string;
  readonly connectionType: { readonly tenantId: TenantId; readonly id: ConnectionTypeId };
  readonly authClientId: AuthClientId | null;
  readonly isShared: boolean;
  readonly frozenAt: Date | null;
  /** Which fields it fills; the values themselves stay sealed. */
  readonly fieldKeys: readonly string[];
};

const columns = sql`
  t.tenant_id as "tenantId", t.id, t.unit_id as "unitId", t.name,
  json_build_object('tenantId', t.connection_type_tenant_id, 'id', t.connection_type_id) as "connectionType",
  t.auth_client_id as "authClientId", t.shared as "isShared", t.frozen_at as "frozenAt",
  array(select v.field_key from template_value v where v.tenant_id = t.tenant_id and v.template_id = t.id order by 1) as "fieldKeys"`;

export async function insertTemplate(
  tx: Tx,
  template: Omit<Template, 'frozenAt' | 'fieldKeys'> & { readonly authClientTenantId: TenantId | null },
): Promise<void> {
  await sql`
    insert into template (tenant_id, id, unit_id, name, connection_type_tenant_id, connection_type_id, auth_client_tenant_id,
      auth_client_id, shared)
    values (${template.tenantId}, ${template.id}, ${template.unitId}, ${template.name}, ${template.connectionType.tenantId},
      ${template.connectionType.id}, ${template.authClientTenantId}, ${template.authClientId},
      ${template.isShared})`.execute(tx);
}

export async function selectTemplate(tx: Tx, id: TemplateId): Promise<Template | null> {
  const found = await sql<Template>`
    select ${columns} from template t where t.tenant_id = latchkey_tenant() and t.id = ${id}`.execute(tx);
  return found.rows[0] ?? null;
}

/** Of the units on the path, the nearest one's: another customer may use the same name. */
export async function selectTemplateByName(
  tx: Tx,
  name: string,
  unitPath: readonly UnitId[],
): Promise<Template | null> {
  const path = sql`${[...unitPath]}::uuid[]`;
  const found = await sql<Template>`
    select ${columns} from template t
    where t.tenant_id = latchkey_tenant() and t.name = ${name} and t.unit_id = any(${path})
    order by array_position(${path}, t.unit_id) limit 1`.execute(tx);
  return found.rows[0] ?? null;
}

/** The row lock under which a template is changed or frozen: publishing and editing cannot pass each other. */
export async function lockTemplate(tx: Tx, id: TemplateId): Promise<Date | null | undefined> {
  const found = await sql<{ frozenAt: Date | null }>`
    select frozen_at as "frozenAt" from template where tenant_id = latchkey_tenant() and id = ${id} for update`.execute(
    tx,
  );
  return found.rows[0]?.frozenAt;
}

export async function freezeTemplate(tx: Tx, id: TemplateId): Promise<boolean> {
  const changed = await sql`
    update template set frozen_at = clock_timestamp(), updated_at = clock_timestamp()
    where tenant_id = latchkey_tenant() and id = ${id} and frozen_at is null`.execute(tx);
  return changed.numAffectedRows === 1n;
}

export async function selectTemplates(
  tx: Tx,
  filter: { readonly within: readonly UnitId[]; readonly search: string | null; readonly page: PageRequest },
): Promise<Page<Template>> {
  const pattern = containsPattern(filter.search);
  const matching = sql`
    from template t where t.tenant_id = latchkey_tenant()
      and (t.unit_id = any(${[...filter.within]}::uuid[]) or t.unit_id in (
          select u.id from unit u where u.tenant_id = latchkey_tenant() and u.parent_id = any(${[...filter.within]}::uuid[]))
        or (t.shared and t.unit_id = latchkey_tenant()))
      and (${pattern}::text is null or t.name ilike ${pattern}::text)`;
  const counted = await sql<{ total: number }>`select count(*) as total ${matching}`.execute(tx);
  const found = await sql<Template>`
    select ${columns} ${matching} order by t.name, t.id limit ${filter.page.limit} offset ${filter.page.offset}`.execute(
    tx,
  );
  return { items: found.rows, totalCount: counted.rows[0]?.total ?? 0, offset: filter.page.offset };
}

export async function selectTemplateValues(
  tx: Tx,
  id: TemplateId,
): Promise<readonly { readonly fieldKey: string; readonly sealed: Sealed; readonly valueNo: number }[]> {
  const found = await sql<{ fieldKey: string; sealed: Sealed; valueNo: number }>`
    select field_key as "fieldKey", sealed, value_no as "valueNo" from template_value
    where tenant_id = latchkey_tenant() and template_id = ${id}`.execute(tx);
  return found.rows;
}

export async function upsertTemplateValue(
  tx: Tx,
  id: TemplateId,
  value: { readonly fieldKey: string; readonly sealed: Sealed; readonly valueNo: number },
): Promise<void> {
  await sql`
    insert into template_value (tenant_id, template_id, field_key, sealed, value_no)
    values (latchkey_tenant(), ${id}, ${value.fieldKey}, ${value.sealed}, ${value.valueNo})
    on conflict (tenant_id, template_id, field_key) do update set sealed = excluded.sealed, value_no = excluded.value_no`.execute(
    tx,
  );
}

export async function nextTemplateValueNo(tx: Tx, id: TemplateId, fieldKey: string): Promise<number> {
  const found = await sql<{ no: number }>`
    select coalesce(max(value_no), 0) + 1 as no from template_value
    where tenant_id = latchkey_tenant() and template_id = ${id} and field_key = ${fieldKey}`.execute(tx);
  return found.rows[0]?.no ?? 1;
}

/** True when a config variable of any version refers to it. */
export async function isTemplateUsed(tx: Tx, id: TemplateId): Promise<boolean> {
  const found = await sql<{ used: boolean }>`
    select exists (select 1 from config_variable where tenant_id = latchkey_tenant() and template_id = ${id})
        or exists (select 1 from shared_variable where tenant_id = latchkey_tenant() and template_id = ${id})
        or exists (select 1 from credential where tenant_id = latchkey_tenant() and template_id = ${id}) as used`.execute(
    tx,
  );
  return found.rows[0]?.used ?? false;
}

export async function deleteTemplateRow(tx: Tx, id: TemplateId): Promise<void> {
  await sql`delete from template where tenant_id = latchkey_tenant() and id = ${id}`.execute(tx);
}
