// SQL of what steps did: a row per step, written before the step runs and completed when it ends; and their log.
import { sql } from 'kysely';
import type { ExecutionId, InstanceId } from '../kernel/ids.ts';
import type { Page, PageRequest } from '../kernel/page.ts';
import type { Tx } from '../storage/doors.ts';
import type { Sealed } from '../vault/sealed.ts';

export type StepResult = {
  readonly position: number;
  readonly stepName: string;
  readonly status: 'running' | 'succeeded' | 'failed';
  readonly contentType: string | null;
  readonly hasResult: boolean;
  readonly error: string | null;
  readonly startedAt: Date;
  readonly endedAt: Date | null;
};

/** False when the execution is not this process's any more: then the step must not run. */
export async function beginStep(
  tx: Tx,
  step: {
    readonly executionId: ExecutionId;
    readonly processId: string;
    readonly position: number;
    readonly stepName: string;
  },
): Promise<boolean> {
  const changed = await sql`
    insert into step_result (tenant_id, execution_id, position, step_name, status, started_at)
    select e.tenant_id, e.id, ${step.position}::integer, ${step.stepName}, 'running', clock_timestamp() from execution e
    where e.tenant_id = latchkey_tenant() and e.id = ${step.executionId} and e.status = 'running'
      and e.worker_process_id = ${step.processId}
    on conflict (tenant_id, execution_id, position) do update set status = 'running', error = null, ended_at = null`.execute(
    tx,
  );
  return changed.numAffectedRows === 1n;
}

/** False when the execution is not this process's any more: then the result counts for nothing. */
export async function endStep(
  tx: Tx,
  step: {
    readonly executionId: ExecutionId;
    readonly processId: string;
    readonly position: number;
    readonly status: 'succeeded' | 'failed';
    readonly result: Sealed | null;
    readonly contentType: string | null;
    readonly error: string | null;
  },
): Promise<boolean> {
  const changed = await sql`
    update step_result s set status = ${step.status}, result_sealed = ${step.result}, content_type = ${step.contentType},
      error = ${step.error}, ended_at = clock_timestamp()
    where s.tenant_id = latchkey_tenant() and s.execution_id = ${step.executionId} and s.position = ${step.position}
      and exists (select 1 from execution e where e.tenant_id = s.tenant_id and e.id = s.execution_id
        and e.status = 'running' and e.worker_process_id = ${step.processId})`.execute(tx);
  return changed.numAffectedRows === 1n;
}

export async function selectSteps(tx: Tx, executionId: ExecutionId): Promise<readonly StepResult[]> {
  const found = await sql<StepResult>`
    select position, step_name as "stepName", status, content_type as "contentType",
      result_sealed is not null as "hasResult", error, started_at as "startedAt", ended_at as "endedAt"
    from step_result where tenant_id = latchkey_tenant() and execution_id = ${executionId} order by position`.execute(
    tx,
  );
  return found.rows;
}

export async function selectSealedResult(
  tx: Tx,
  key: { readonly executionId: ExecutionId; readonly position: number },
): Promise<Buffer | null> {
  const found = await sql<{ sealed: Buffer | null }>`
    select result_sealed as sealed from step_result
    where tenant_id = latchkey_tenant() and execution_id = ${key.executionId} and position = ${key.position}`.execute(
    tx,
  );
  return found.rows[0]?.sealed ?? null;
}

export type ExecutionLogEntry = {
  readonly id: number;
  readonly executionId: ExecutionId;
  readonly instanceId: InstanceId;
  readonly severity: number;
  readonly message: string;
  readonly stepName: string | null;
  readonly at: Date;
};

export type NewLogEntry = Pick<ExecutionLogEntry, 'severity' | 'message' | 'stepName' | 'at'>;

export async function insertLogs(
  tx: Tx,
  of: { readonly executionId: ExecutionId; readonly instanceId: InstanceId },
  entries: readonly NewLogEntry[],
): Promise<void> {
  await sql`
    insert into execution_log (tenant_id, execution_id, instance_id, severity, message, step_name, at)
    select latchkey_tenant(), ${of.executionId}, ${of.instanceId}, severity, message, step_name, at
    from unnest(${entries.map((entry) => entry.severity)}::integer[], ${entries.map((entry) => entry.message)}::text[],
      ${entries.map((entry) => entry.stepName)}::text[], ${entries.map((entry) => entry.at)}::timestamptz[])
      as line (severity, message, step_name, at)`.execute(tx);
}

/** In the order in which they were written, or the newest first. */
export async function selectLogs(
  tx: Tx,
  filter: {
    readonly executionId: ExecutionId | null;
    readonly instanceId: InstanceId | null;
    readonly leastSeverity: number | null;
    readonly isNewestFirst: boolean;
  },
  page: PageRequest,
): Promise<Page<ExecutionLogEntry>> {
  const matching = sql`
    from execution_log l where l.tenant_id = latchkey_tenant()
      and (${filter.executionId}::uuid is null or l.execution_id = ${filter.executionId}::uuid)
      and (${filter.instanceId}::uuid is null or l.instance_id = ${filter.instanceId}::uuid)
      and (${filter.leastSeverity}::integer is null or l.severity >= ${filter.leastSeverity}::integer)`;
  const order = filter.isNewestFirst ? sql`l.id desc` : sql`l.id`;
  const counted = await sql<{ total: number }>`select count(*) as total ${matching}`.execute(tx);
  const found = await sql<ExecutionLogEntry>`
    select l.id, l.execution_id as "executionId", l.instance_id as "instanceId", l.severity, l.message,
      l.step_name as "stepName", l.at
    ${matching} order by ${order} limit ${page.limit} offset ${page.offset}`.execute(tx);
  return { items: found.rows, totalCount: counted.rows[0]?.total ?? 0, offset: page.offset };
}
