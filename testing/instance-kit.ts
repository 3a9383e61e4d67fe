// The least of an integration that connections need: versions with config variables, instances of them, and what the
// organization or a customer holds for everybody. Written as rows where the rooms above would make them.
import { sql } from 'kysely';
import { createConfigVariables, type NewConfigVariable } from '../src/connections/config-variable.ts';
import { type ConfigVariable, selectConfigVariables } from '../src/connections/config-variable-store.ts';
import type { ConnectionType } from '../src/credentials/connection-type.ts';
import {
  type InstanceId,
  type IntegrationId,
  type IntegrationVersionId,
  newId,
  type UnitId,
} from '../src/kernel/ids.ts';
import { Plain } from '../src/kernel/plain.ts';
import type { TestHouse, TestTenant } from './test-house.ts';

export type TrialVersion = {
  readonly integrationId: IntegrationId;
  readonly versionId: IntegrationVersionId;
  readonly variables: readonly ConfigVariable[];
};

export function connectionVariable(
  key: string,
  type: ConnectionType,
  more: Partial<NewConfigVariable> & { readonly defaults?: Readonly<Record<string, string>> } = {},
): NewConfigVariable {
  const { defaults = {}, ...given } = more;
  return {
    key,
    stableKey: key.toLowerCase().replaceAll(' ', '-'),
    dataType: 'connection',
    connectionType: { tenantId: type.tenantId, id: type.id },
    templateId: null,
    sharedVariableId: null,
    level: 'instance',
    isRequired: true,
    isOrgOnly: false,
    redirects: { success: null, failure: null },
    fields: Object.entries(defaults).map(([fieldKey, value]) => ({
      fieldKey,
      visibility: 'hidden' as const,
      isOrgOnly: false,
      defaultValue: Plain.fromText(value),
    })),
    ...given,
  };
}

/** `integrationId` makes it another version of the same one. */
export async function addVersion(
  house: TestHouse,
  variables: readonly NewConfigVariable[],
  options: {
    readonly at?: TestTenant;
    readonly integrationId?: IntegrationId;
    readonly versionNo?: number;
  } = {},
): Promise<TrialVersion> {
  const { at = house, versionNo = 1 } = options;
  const integrationId = options.integrationId ?? newId<IntegrationId>();
  const versionId = newId<IntegrationVersionId>();
  return await house.doors.withTenant(at.tenant, async (tx) => {
    await sql`insert into integration (tenant_id, id, unit_id, name)
      values (${at.tenant}, ${integrationId}, ${at.organization.id}, 'Trial') on conflict do nothing`.execute(
      tx,
    );
    await sql`insert into integration_version (tenant_id, id, integration_id, version_no, definition, source, published_at)
      values (${at.tenant}, ${versionId}, ${integrationId}, ${versionNo}, '{}', '', clock_timestamp())`.execute(
      tx,
    );
    await createConfigVariables({ tx, vault: house.vault, tenant: at.tenant, versionId, variables });
    return { integrationId, versionId, variables: await selectConfigVariables(tx, versionId) };
  });
}

export async function addInstance(
  house: TestHouse,
  version: TrialVersion,
  options: { readonly at?: TestTenant; readonly unitId?: UnitId; readonly kind?: 'deployed' | 'test' } = {},
): Promise<InstanceId> {
  const { at = house, kind = 'deployed' } = options;
  const id = newId<InstanceId>();
  await house.doors.withTenant(at.tenant, (tx) =>
    sql`insert into instance (tenant_id, id, unit_id, integration_id, integration_version_id, name, kind)
      values (${at.tenant}, ${id}, ${options.unitId ?? at.customer.id}, ${version.integrationId}, ${version.versionId},
        'Trial', ${kind})`.execute(tx),
  );
  return id;
}

/** A config variable that integrations share by its stable key. */
export async function addSharedVariable(
  house: TestHouse,
  type: ConnectionType,
  managedBy: 'organization' | 'customer',
  at: TestTenant = house,
): Promise<string> {
  const id = newId<never>() as string;
  await house.doors.withTenant(at.tenant, (tx) =>
    sql`insert into shared_variable (tenant_id, id, stable_key, managed_by, variable_scope, connection_type_tenant_id,
        connection_type_id)
      values (${at.tenant}, ${id}, ${id}, ${managedBy}, ${managedBy}, ${type.tenantId}, ${type.id})`.execute(
      tx,
    ),
  );
  return id;
}
