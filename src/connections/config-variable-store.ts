// SQL of config variables: the named, typed places of an integration version.
import { sql } from 'kysely';
import type { ConnectionTypeId } from '../credentials/connection-type.ts';
import type { Id, IntegrationVersionId, TenantId } from '../kernel/ids.ts';
import type { Tx } from '../storage/doors.ts';
import type { Sealed } from '../vault/sealed.ts';

export type ConfigVariableId = Id<'ConfigVariable'>;
export type FieldVisibility = 'shown' | 'embedded' | 'hidden';

export type ConfigVariable = {
  readonly tenantId: TenantId;
  readonly id: ConfigVariableId;
  readonly integrationVersionId: IntegrationVersionId;
  readonly key: string;
  /** Equal over versions and installations: upgrades carry connections by it. */
  readonly stableKey: string;
  readonly dataType: string;
  /** Null unless it is a connection. */
  readonly connectionType: { readonly tenantId: TenantId; readonly id: ConnectionTypeId } | null;
  readonly templateId: string | null;
  readonly sharedVariableId: string | null;
  readonly level: 'instance' | 'user';
  readonly isRequired: boolean;
  readonly isOrgOnly: boolean;
  readonly redirects: { readonly success: string | null; readonly failure: string | null };
  readonly fields: readonly ConfigVariableField[];
};

export type ConfigVariableField = {
  readonly fieldKey: string;
  readonly visibility: FieldVisibility;
  readonly isOrgOnly: boolean;
  readonly hasDefault: boolean;
  readonly defaultNo: number;
};

export async function selectConfigVariables(
  tx: Tx,
  versionId: IntegrationVersionId,
): Promise<readonly ConfigVariable[]> {
  const found = await sql<ConfigVariable>`
    select v.tenant_id as "tenantId", v.id, v.integration_version_id as "integrationVersionId", v.key,
      v.stable_key as "stableKey", v.data_type as "dataType",
      case when v.connection_type_id is null then null
        else json_build_object('tenantId', v.connection_type_tenant_id, 'id', v.connection_type_id) end as "connectionType",
      v.template_id as "templateId", v.shared_variable_id as "sharedVariableId", v.level, v.required as "isRequired",
      v.org_only as "isOrgOnly",
      json_build_object('success', v.redirect_success, 'failure', v.redirect_failure) as redirects,
      coalesce((
        select json_agg(json_build_object('fieldKey', f.field_key, 'visibility', f.visibility, 'isOrgOnly', f.org_only,
          'hasDefault', f.default_sealed is not null, 'defaultNo', f.default_no) order by f.field_key)
        from config_variable_field f where f.tenant_id = v.tenant_id and f.config_variable_id = v.id), '[]') as fields
    from config_variable v
    where v.tenant_id = latchkey_tenant() and v.integration_version_id = ${versionId}
    order by v.position`.execute(tx);
  return found.rows;
}

export async function insertConfigVariable(
  tx: Tx,
  variable: Omit<ConfigVariable, 'fields'>,
  position: number,
): Promise<void> {
  await sql`
    insert into config_variable (tenant_id, id, integration_version_id, key, stable_key, data_type, connection_type_tenant_id,
      connection_type_id, template_id, shared_variable_id, level, required, org_only, redirect_success, redirect_failure, position)
    values (${variable.tenantId}, ${variable.id}, ${variable.integrationVersionId}, ${variable.key}, ${variable.stableKey},
      ${variable.dataType}, ${variable.connectionType?.tenantId ?? null}, ${variable.connectionType?.id ?? null},
      ${variable.templateId}, ${variable.sharedVariableId}, ${variable.level}, ${variable.isRequired},
      ${variable.isOrgOnly}, ${variable.redirects.success}, ${variable.redirects.failure}, ${position})`.execute(
    tx,
  );
}

export async function insertConfigVariableField(
  tx: Tx,
  variable: Pick<ConfigVariable, 'tenantId' | 'id'>,
  field: {
    readonly fieldKey: string;
    readonly visibility: FieldVisibility;
    readonly isOrgOnly: boolean;
    readonly defaultSealed: Sealed | null;
    readonly defaultNo: number;
  },
): Promise<void> {
  await sql`
    insert into config_variable_field (tenant_id, config_variable_id, field_key, visibility, org_only, default_sealed, default_no)
    values (${variable.tenantId}, ${variable.id}, ${field.fieldKey}, ${field.visibility}, ${field.isOrgOnly},
      ${field.defaultSealed}, ${field.defaultNo})`.execute(tx);
}

export async function selectDefaults(
  tx: Tx,
  variableId: ConfigVariableId,
): Promise<readonly { readonly fieldKey: string; readonly sealed: Sealed; readonly defaultNo: number }[]> {
  const found = await sql<{ fieldKey: string; sealed: Sealed; defaultNo: number }>`
    select field_key as "fieldKey", default_sealed as sealed, default_no as "defaultNo" from config_variable_field
    where tenant_id = latchkey_tenant() and config_variable_id = ${variableId} and default_sealed is not null`.execute(
    tx,
  );
  return found.rows;
}
