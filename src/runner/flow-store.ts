// SQL of flows as the runner needs them: what a trigger starts, and what steps keep between executions.
import { sql } from 'kysely';
import type { InstanceFlowId } from '../integrations/instance.ts';
import type { InstanceId, IntegrationVersionId, UnitId } from '../kernel/ids.ts';
import type { Tx } from '../storage/doors.ts';
import type { Sealed } from '../vault/sealed.ts';

export type FlowTarget = {
  readonly flowId: InstanceFlowId;
  readonly flowKey: string;
  readonly flowName: string;
  readonly apiKeyHashes: readonly Buffer[];
  readonly instanceId: InstanceId;
  readonly instanceKind: 'deployed' | 'test';
  readonly isEnabled: boolean;
  readonly unitId: UnitId;
  readonly unitPath: readonly UnitId[];
  readonly versionId: IntegrationVersionId;
  readonly deployedVersionId: IntegrationVersionId | null;
};

export async function selectFlowTarget(tx: Tx, flowId: InstanceFlowId): Promise<FlowTarget | null> {
  const found = await sql<FlowTarget>`
    select f.id as "flowId", f.flow_key as "flowKey", f.name as "flowName", f.api_key_hashes as "apiKeyHashes",
      i.id as "instanceId", i.kind as "instanceKind", i.enabled as "isEnabled", i.unit_id as "unitId",
      array_remove(array[u.id, u.parent_id], null) as "unitPath", i.integration_version_id as "versionId",
      i.deployed_version_id as "deployedVersionId"
    from instance_flow f
    join instance i on i.tenant_id = f.tenant_id and i.id = f.instance_id
    join unit u on u.tenant_id = i.tenant_id and u.id = i.unit_id
    where f.tenant_id = latchkey_tenant() and f.id = ${flowId}`.execute(tx);
  return found.rows[0] ?? null;
}

export type StateRow = { readonly sealed: Buffer | null; readonly no: number };

export async function selectFlowState(tx: Tx, flowId: InstanceFlowId): Promise<StateRow | null> {
  const found = await sql<StateRow>`
    select state_sealed as sealed, state_no as no from instance_flow
    where tenant_id = latchkey_tenant() and id = ${flowId} for no key update`.execute(tx);
  return found.rows[0] ?? null;
}

export async function updateFlowState(
  tx: Tx,
  flowId: InstanceFlowId,
  state: Sealed,
  no: number,
): Promise<void> {
  await sql`
    update instance_flow set state_sealed = ${state}, state_no = ${no}
    where tenant_id = latchkey_tenant() and id = ${flowId}`.execute(tx);
}

export async function selectInstanceState(tx: Tx, instanceId: InstanceId): Promise<StateRow | null> {
  const found = await sql<StateRow>`
    select state_sealed as sealed, state_no as no from instance
    where tenant_id = latchkey_tenant() and id = ${instanceId} for no key update`.execute(tx);
  return found.rows[0] ?? null;
}

export async function updateInstanceState(
  tx: Tx,
  instanceId: InstanceId,
  state: Sealed,
  no: number,
): Promise<void> {
  await sql`
    update instance set state_sealed = ${state}, state_no = ${no}
    where tenant_id = latchkey_tenant() and id = ${instanceId}`.execute(tx);
}
