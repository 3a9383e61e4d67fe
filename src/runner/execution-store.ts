// SQL of executions: queued, claimed by one process each, ended. Every change of a running one names the process that
// claimed it, so that a process that was thought dead and comes back changes nothing any more.
import { sql } from 'kysely';
import type { InstanceFlowId } from '../integrations/instance.ts';
import type {
  ExecutionId,
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
import type { Sealed } from '../vault/sealed.ts';

export type ExecutionStatus = 'queued' | 'running' | 'succeeded' | 'failed' | 'cancelled';

export type Execution = {
  readonly tenantId: TenantId;
  readonly id: ExecutionId;
  readonly instanceId: InstanceId;
  readonly instanceName: string;
  readonly integrationId: IntegrationId;
  readonly flowId: InstanceFlowId;
  readonly flowKey: string;
  readonly flowName: string;
  readonly versionId: IntegrationVersionId;
  readonly customerId: UnitId;
  readonly unitPath: readonly UnitId[];
  readonly kind: 'trigger' | 'test';
  readonly status: ExecutionStatus;
  /** Why it failed, without secrets. */
  readonly error: string | null;
  readonly invokedBy: PrincipalId | null;
  readonly queuedAt: Date;
  readonly startedAt: Date | null;
  readonly endedAt: Date | null;
};

const columns = sql`
  e.tenant_id as "tenantId", e.id, e.instance_id as "instanceId", i.name as "instanceName",
  i.integration_id as "integrationId", e.instance_flow_id as "flowId", f.flow_key as "flowKey", f.name as "flowName",
  e.integration_version_id as "versionId", e.customer_unit_id as "customerId",
  array_remove(array[u.id, u.parent_id], null) as "unitPath", e.kind, e.status, e.error, e.invoked_by as "invokedBy",
  e.queued_at as "queuedAt", e.started_at as "startedAt", e.ended_at as "endedAt"`;

const joins = sql`
  from execution e
  join instance i on i.tenant_id = e.tenant_id and i.id = e.instance_id
  join instance_flow f on f.tenant_id = e.tenant_id and f.id = e.instance_flow_id
  join unit u on u.tenant_id = e.tenant_id and u.id = e.customer_unit_id`;

export async function insertExecution(
  tx: Tx,
  execution: Pick<
    Execution,
    'id' | 'instanceId' | 'flowId' | 'versionId' | 'customerId' | 'kind' | 'invokedBy'
  > & {
    readonly payload: Sealed;
  },
): Promise<void> {
  await sql`
    insert into execution (tenant_id, id, instance_id, instance_flow_id, integration_version_id, customer_unit_id, kind,
      status, payload_sealed, invoked_by)
    values (latchkey_tenant(), ${execution.id}, ${execution.instanceId}, ${execution.flowId}, ${execution.versionId},
      ${execution.customerId}, ${execution.kind}, 'queued', ${execution.payload}, ${execution.invokedBy}::uuid)`.execute(
    tx,
  );
}

export async function selectExecution(tx: Tx, id: ExecutionId): Promise<Execution | null> {
  const found = await sql<Execution>`
    select ${columns} ${joins} where e.tenant_id = latchkey_tenant() and e.id = ${id}`.execute(tx);
  return found.rows[0] ?? null;
}

export async function selectPayload(tx: Tx, id: ExecutionId): Promise<Buffer | null> {
  const found = await sql<{ payload: Buffer | null }>`
    select payload_sealed as payload from execution where tenant_id = latchkey_tenant() and id = ${id}`.execute(
    tx,
  );
  return found.rows[0]?.payload ?? null;
}

export type ExecutionFilter = {
  /** Executions of these units and of everything beneath them. */
  readonly within: readonly UnitId[];
  readonly instanceId: InstanceId | null;
  readonly customerId: UnitId | null;
  readonly kind: Execution['kind'] | null;
  readonly status: ExecutionStatus | null;
  readonly search: string | null;
  readonly page: PageRequest;
};

/** The newest first. */
export async function selectExecutions(tx: Tx, filter: ExecutionFilter): Promise<Page<Execution>> {
  const pattern = containsPattern(filter.search);
  const within = sql`${[...filter.within]}::uuid[]`;
  const matching = sql`
    where e.tenant_id = latchkey_tenant() and (u.id = any(${within}) or u.parent_id = any(${within}))
      and (${filter.instanceId}::uuid is null or e.instance_id = ${filter.instanceId}::uuid)
      and (${filter.customerId}::uuid is null or e.customer_unit_id = ${filter.customerId}::uuid)
      and (${filter.kind}::text is null or e.kind = ${filter.kind}::text)
      and (${filter.status}::text is null or e.status = ${filter.status}::text)
      and (${pattern}::text is null or i.name ilike ${pattern}::text)`;
  const counted = await sql<{ total: number }>`select count(*) as total ${joins} ${matching}`.execute(tx);
  const found = await sql<Execution>`
    select ${columns} ${joins} ${matching} order by e.queued_at desc, e.id
    limit ${filter.page.limit} offset ${filter.page.offset}`.execute(tx);
  return { items: found.rows, totalCount: counted.rows[0]?.total ?? 0, offset: filter.page.offset };
}

/**
 * The lock under which a customer's executions start and end, and the customer's own limit. Undefined when the customer
 * is gone. Rows that refer to the customer may still be made meanwhile.
 */
export async function lockCustomer(tx: Tx, customerId: UnitId): Promise<number | null | undefined> {
  const found = await sql<{ limit: number | null }>`
    select concurrent_execution_limit as limit from unit
    where tenant_id = latchkey_tenant() and id = ${customerId} for no key update`.execute(tx);
  return found.rows[0]?.limit;
}

/** Under the customer's lock: the longest waiting one, unless as many run already as may. */
export async function claimOldest(
  tx: Tx,
  claim: { readonly customerId: UnitId; readonly processId: string; readonly limit: number },
): Promise<ExecutionId | null> {
  const claimed = await sql<{ id: ExecutionId }>`
    update execution set status = 'running', worker_process_id = ${claim.processId}, claim_count = claim_count + 1,
      started_at = clock_timestamp()
    where tenant_id = latchkey_tenant() and id = (
        select q.id from execution q
        where q.tenant_id = latchkey_tenant() and q.customer_unit_id = ${claim.customerId} and q.status = 'queued'
        order by q.queued_at, q.id limit 1)
      and (select count(*) from execution r where r.tenant_id = latchkey_tenant()
        and r.customer_unit_id = ${claim.customerId} and r.status = 'running') < ${claim.limit}
    returning id`.execute(tx);
  return claimed.rows[0]?.id ?? null;
}

/** False when it is not this process's any more. */
export async function endExecution(
  tx: Tx,
  end: {
    readonly id: ExecutionId;
    readonly processId: string;
    readonly status: 'succeeded' | 'failed';
    readonly error: string | null;
  },
): Promise<boolean> {
  const changed = await sql`
    update execution set status = ${end.status}, error = ${end.error}, ended_at = clock_timestamp()
    where tenant_id = latchkey_tenant() and id = ${end.id} and status = 'running'
      and worker_process_id = ${end.processId}`.execute(tx);
  return changed.numAffectedRows === 1n;
}

export async function isOneQueued(tx: Tx, customerId: UnitId): Promise<boolean> {
  const found = await sql<{ queued: boolean }>`
    select exists (select 1 from execution where tenant_id = latchkey_tenant()
      and customer_unit_id = ${customerId} and status = 'queued') as queued`.execute(tx);
  return found.rows[0]?.queued ?? false;
}
