// SQL of taking back what dead processes had claimed.
import { sql } from 'kysely';
import type { ExecutionId, TenantId, UnitId } from '../kernel/ids.ts';
import { productionTimings } from '../refresh/refresh-timings.ts';
import type { Tx } from '../storage/doors.ts';

export type OrphanCustomer = { readonly tenantId: TenantId; readonly customerId: UnitId };

/** The process that asks lives, whatever its heartbeat says; what it does not work on is lost all the same. */
export type Living = { readonly processId: string; readonly active: readonly ExecutionId[] };

const isOrphan = (living: Living) => sql`
  e.status = 'running' and case when e.worker_process_id = ${living.processId}::uuid
    then e.id <> all(${[...living.active]}::uuid[])
    else not exists (
      select 1 from process p where p.id = e.worker_process_id and not p.drained
        and p.heartbeat_at > clock_timestamp() - make_interval(secs => ${productionTimings.deadAfterMs / 1000})) end`;

/** Through the scheduler's door: whose executions have lost their process. */
export async function selectOrphanCustomers(tx: Tx, living: Living): Promise<readonly OrphanCustomer[]> {
  const found = await sql<OrphanCustomer>`
    select distinct e.tenant_id as "tenantId", e.customer_unit_id as "customerId" from execution e
    where ${isOrphan(living)} limit 100`.execute(tx);
  return found.rows;
}

export type Orphan = {
  readonly id: ExecutionId;
  /** Of the step that had begun and not ended; null = no step had begun. */
  readonly openStep: string | null;
  readonly hasBegunSteps: boolean;
  readonly claimCount: number;
};

/** Under the customer's lock. */
export async function selectOrphans(tx: Tx, customerId: UnitId, living: Living): Promise<readonly Orphan[]> {
  const found = await sql<Orphan>`
    select e.id, e.claim_count as "claimCount",
      (select s.step_name from step_result s where s.tenant_id = e.tenant_id and s.execution_id = e.id
        and s.status = 'running' order by s.position desc limit 1) as "openStep",
      exists (select 1 from step_result s where s.tenant_id = e.tenant_id and s.execution_id = e.id
        and s.position > 0) as "hasBegunSteps"
    from execution e
    where e.tenant_id = latchkey_tenant() and e.customer_unit_id = ${customerId} and ${isOrphan(living)}
    order by e.queued_at, e.id for update of e`.execute(tx);
  return found.rows;
}

export async function requeue(tx: Tx, id: ExecutionId): Promise<void> {
  await sql`
    update execution set status = 'queued', worker_process_id = null, started_at = null
    where tenant_id = latchkey_tenant() and id = ${id}`.execute(tx);
}

export async function failOrphan(tx: Tx, id: ExecutionId, reason: string): Promise<void> {
  await sql`
    update execution set status = 'failed', error = ${reason}, ended_at = clock_timestamp()
    where tenant_id = latchkey_tenant() and id = ${id}`.execute(tx);
}

export async function failOpenSteps(tx: Tx, id: ExecutionId, reason: string): Promise<void> {
  await sql`
    update step_result set status = 'failed', error = ${reason}, ended_at = clock_timestamp()
    where tenant_id = latchkey_tenant() and execution_id = ${id} and status = 'running'`.execute(tx);
}
