// SQL of instances: an integration configured for one customer, its flows and the values of its config variables.
import { sql } from 'kysely';
import type {
  Id,
  InstanceId,
  IntegrationId,
  IntegrationVersionId,
  PrincipalId,
  TenantId,
  UnitId,
} from '../kernel/ids.ts';
import type { Page, PageRequest } from '../kernel/page.ts';
import { containsPattern } from '../storage/contains-pattern.ts';
import type { Tx } from '../storage/doors.ts';
import type { Json } from './definition.ts';

export type InstanceFlowId = Id<'InstanceFlow'>;

export type Instance = {
  readonly tenantId: TenantId;
  readonly id: InstanceId;
  /** The customer; for test instances the unit of the integration. */
  readonly unitId: UnitId;
  readonly unitPath: readonly UnitId[];
  readonly integrationId: IntegrationId;
  /** What it is configured for; what runs is the deployed one. */
  readonly versionId: IntegrationVersionId;
  readonly versionNo: number | null;
  readonly deployedVersionId: IntegrationVersionId | null;
  readonly deployedVersionNo: number | null;
  readonly name: string;
  readonly description: string;
  readonly kind: 'deployed' | 'test';
  readonly isEnabled: boolean;
  readonly deployedAt: Date | null;
  readonly createdBy: PrincipalId | null;
  readonly createdAt: Date;
  readonly updatedAt: Date;
  readonly flows: readonly InstanceFlow[];
};

export type InstanceFlow = {
  readonly id: InstanceFlowId;
  /** The flow's stable key: its address survives renaming and upgrades. */
  readonly flowKey: string;
  readonly name: string;
  readonly hasApiKeys: boolean;
};

const columns = sql`
  i.tenant_id as "tenantId", i.id, i.unit_id as "unitId", array_remove(array[u.id, u.parent_id, p.parent_id], null) as "unitPath",
  i.integration_id as "integrationId", i.integration_version_id as "versionId", v.version_no as "versionNo",
  i.deployed_version_id as "deployedVersionId", d.version_no as "deployedVersionNo", i.name, i.description, i.kind,
  i.enabled as "isEnabled", i.deployed_at as "deployedAt", i.created_by as "createdBy", i.created_at as "createdAt",
  i.updated_at as "updatedAt",
  coalesce((
    select json_agg(json_build_object('id', f.id, 'flowKey', f.flow_key, 'name', f.name,
      'hasApiKeys', cardinality(f.api_key_hashes) > 0) order by f.created_at, f.flow_key)
    from instance_flow f where f.tenant_id = i.tenant_id and f.instance_id = i.id), '[]') as flows`;

const joins = sql`
  from instance i
  join unit u on u.tenant_id = i.tenant_id and u.id = i.unit_id
  left join unit p on p.tenant_id = u.tenant_id and p.id = u.parent_id
  join integration_version v on v.tenant_id = i.tenant_id and v.id = i.integration_version_id
  left join integration_version d on d.tenant_id = i.tenant_id and d.id = i.deployed_version_id`;

export async function selectInstance(tx: Tx, id: InstanceId): Promise<Instance | null> {
  const found = await sql<Instance>`
    select ${columns} ${joins} where i.tenant_id = latchkey_tenant() and i.id = ${id}`.execute(tx);
  return found.rows[0] ?? null;
}

/** Configuring, deploying and deleting take turns under this lock. */
export async function lockInstance(tx: Tx, id: InstanceId): Promise<void> {
  await sql`select 1 from instance where tenant_id = latchkey_tenant() and id = ${id} for update`.execute(tx);
}

export type InstanceFilter = {
  /** Instances of these units and of everything beneath them. */
  readonly within: readonly UnitId[];
  readonly unitId: UnitId | null;
  readonly integrationId: IntegrationId | null;
  readonly kind: Instance['kind'] | null;
  readonly isEnabled: boolean | null;
  readonly search: string | null;
  readonly page: PageRequest;
};

export async function selectInstances(tx: Tx, filter: InstanceFilter): Promise<Page<Instance>> {
  const pattern = containsPattern(filter.search);
  const within = sql`${[...filter.within]}::uuid[]`;
  const matching = sql`
    where i.tenant_id = latchkey_tenant()
      and (u.id = any(${within}) or u.parent_id = any(${within}) or p.parent_id = any(${within}))
      and (${filter.unitId}::uuid is null or i.unit_id = ${filter.unitId}::uuid)
      and (${filter.integrationId}::uuid is null or i.integration_id = ${filter.integrationId}::uuid)
      and (${filter.kind}::text is null or i.kind = ${filter.kind}::text)
      and (${filter.isEnabled}::boolean is null or i.enabled = ${filter.isEnabled}::boolean)
      and (${pattern}::text is null or i.name ilike ${pattern}::text)`;
  const counted = await sql<{ total: number }>`select count(*) as total ${joins} ${matching}`.execute(tx);
  const found = await sql<Instance>`
    select ${columns} ${joins} ${matching} order by i.name, i.id
    limit ${filter.page.limit} offset ${filter.page.offset}`.execute(tx);
  return { items: found.rows, totalCount: counted.rows[0]?.total ?? 0, offset: filter.page.offset };
}

export async function selectTestInstanceIds(
  tx: Tx,
  integrationId: IntegrationId,
): Promise<readonly InstanceId[]> {
  const found = await sql<{ id: InstanceId }>`
    select id from instance
    where tenant_id = latchkey_tenant() and integration_id = ${integrationId} and kind = 'test' order by created_at, id`.execute(
    tx,
  );
  return found.rows.map((row) => row.id);
}

export async function insertInstance(
  tx: Tx,
  instance: Pick<
    Instance,
    'id' | 'unitId' | 'integrationId' | 'versionId' | 'name' | 'description' | 'kind' | 'createdBy'
  >,
): Promise<void> {
  await sql`
    insert into instance (tenant_id, id, unit_id, integration_id, integration_version_id, name, description, kind, created_by)
    values (latchkey_tenant(), ${instance.id}, ${instance.unitId}, ${instance.integrationId}, ${instance.versionId},
      ${instance.name}, ${instance.description}, ${instance.kind}, ${instance.createdBy}::uuid)`.execute(tx);
}

export async function updateInstanceTexts(
  tx: Tx,
  id: InstanceId,
  change: { readonly name: string; readonly description: string },
): Promise<void> {
  await sql`
    update instance set name = ${change.name}, description = ${change.description}, updated_at = clock_timestamp()
    where tenant_id = latchkey_tenant() and id = ${id}`.execute(tx);
}

export async function updateEnabled(tx: Tx, id: InstanceId, isEnabled: boolean): Promise<void> {
  await sql`
    update instance set enabled = ${isEnabled}, updated_at = clock_timestamp()
    where tenant_id = latchkey_tenant() and id = ${id}`.execute(tx);
}

export async function updateVersion(tx: Tx, id: InstanceId, versionId: IntegrationVersionId): Promise<void> {
  await sql`
    update instance set integration_version_id = ${versionId}, updated_at = clock_timestamp()
    where tenant_id = latchkey_tenant() and id = ${id}`.execute(tx);
}

export async function updateDeployed(tx: Tx, id: InstanceId): Promise<void> {
  await sql`
    update instance set deployed_version_id = integration_version_id, deployed_at = clock_timestamp(),
      updated_at = clock_timestamp()
    where tenant_id = latchkey_tenant() and id = ${id}`.execute(tx);
}

export async function deleteInstanceRow(tx: Tx, id: InstanceId): Promise<void> {
  await sql`delete from instance where tenant_id = latchkey_tenant() and id = ${id}`.execute(tx);
}

/** A flow keeps its id for as long as the instance lives, so that its address does. */
export async function upsertFlow(
  tx: Tx,
  flow: {
    readonly id: InstanceFlowId;
    readonly instanceId: InstanceId;
    readonly flowKey: string;
    readonly name: string;
  },
): Promise<void> {
  await sql`
    insert into instance_flow (tenant_id, id, instance_id, flow_key, name)
    values (latchkey_tenant(), ${flow.id}, ${flow.instanceId}, ${flow.flowKey}, ${flow.name})
    on conflict (tenant_id, instance_id, flow_key) do update set name = excluded.name`.execute(tx);
}

export async function updateFlowKeys(
  tx: Tx,
  instanceId: InstanceId,
  flowKey: string,
  hashes: readonly Buffer[],
): Promise<boolean> {
  const changed = await sql`
    update instance_flow set api_key_hashes = ${[...hashes]}::bytea[]
    where tenant_id = latchkey_tenant() and instance_id = ${instanceId} and flow_key = ${flowKey}`.execute(
    tx,
  );
  return changed.numAffectedRows === 1n;
}

export async function selectValues(tx: Tx, id: InstanceId): Promise<ReadonlyMap<string, Json>> {
  const found = await sql<{ stableKey: string; value: Json }>`
    select stable_key as "stableKey", value from instance_variable
    where tenant_id = latchkey_tenant() and instance_id = ${id}`.execute(tx);
  return new Map(found.rows.map((row) => [row.stableKey, row.value]));
}

export async function upsertValue(tx: Tx, id: InstanceId, stableKey: string, value: Json): Promise<void> {
  await sql`
    insert into instance_variable (tenant_id, instance_id, stable_key, value)
    values (latchkey_tenant(), ${id}, ${stableKey}, ${JSON.stringify(value)}::jsonb)
    on conflict (tenant_id, instance_id, stable_key) do update set value = excluded.value,
      updated_at = clock_timestamp()`.execute(tx);
}

/** Null: back to the default of the version. */
export async function deleteValue(tx: Tx, id: InstanceId, stableKey: string): Promise<void> {
  await sql`
    delete from instance_variable
    where tenant_id = latchkey_tenant() and instance_id = ${id} and stable_key = ${stableKey}`.execute(tx);
}
