// Config variables of an integration version, with sealed defaults for the fields of connections.
import { type IntegrationVersionId, newId, type TenantId } from '../kernel/ids.ts';
import type { Plain } from '../kernel/plain.ts';
import type { Tx } from '../storage/doors.ts';
import { placeOf } from '../vault/sealed-columns.ts';
import type { Vault } from '../vault/vault.ts';
import {
  type ConfigVariable,
  type ConfigVariableId,
  type FieldVisibility,
  insertConfigVariable,
  insertConfigVariableField,
  selectDefaults,
} from './config-variable-store.ts';

export type NewConfigVariable = Omit<
  ConfigVariable,
  'tenantId' | 'id' | 'integrationVersionId' | 'fields'
> & {
  readonly fields: readonly {
    readonly fieldKey: string;
    readonly visibility: FieldVisibility;
    readonly isOrgOnly: boolean;
    readonly defaultValue: Plain | null;
  }[];
};

export async function createConfigVariables(options: {
  readonly tx: Tx;
  readonly vault: Vault;
  readonly tenant: TenantId;
  readonly versionId: IntegrationVersionId;
  readonly variables: readonly NewConfigVariable[];
}): Promise<void> {
  const { tx, vault, tenant, versionId } = options;
  for (const [position, variable] of options.variables.entries()) {
    const id = newId<ConfigVariableId>();
    const { fields, ...row } = variable;
    await insertConfigVariable(
      tx,
      { ...row, tenantId: tenant, id, integrationVersionId: versionId },
      position,
    );
    for (const field of fields) {
      const defaultSealed =
        field.defaultValue === null
          ? null
          : await vault.seal(tx, defaultPlace(tenant, id, field.fieldKey, 1), field.defaultValue);
      await insertConfigVariableField(
        tx,
        { tenantId: tenant, id },
        { ...field, defaultSealed, defaultNo: 1 },
      );
    }
  }
}

export async function openDefaults(options: {
  readonly tx: Tx;
  readonly vault: Vault;
  readonly tenant: TenantId;
  readonly variableId: ConfigVariableId;
}): Promise<Map<string, Plain>> {
  const { tx, vault, tenant, variableId } = options;
  const opened = new Map<string, Plain>();
  for (const row of await selectDefaults(tx, variableId)) {
    const place = defaultPlace(tenant, variableId, row.fieldKey, row.defaultNo);
    opened.set(row.fieldKey, await vault.open(tx, place, row.sealed));
  }
  return opened;
}

function defaultPlace(tenant: TenantId, id: ConfigVariableId, fieldKey: string, defaultNo: number) {
  return placeOf('configDefault', {
    tenant_id: tenant,
    config_variable_id: id,
    field_key: fieldKey,
    default_no: defaultNo,
  });
}
