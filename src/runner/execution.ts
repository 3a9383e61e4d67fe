// Executions as the rest of the house sees them: who may look at them, what their steps gave and said.

import { getInstance } from '../integrations/instance.ts';
import { notFound } from '../kernel/fault.ts';
import type { ExecutionId, InstanceId, UnitId } from '../kernel/ids.ts';
import type { Page, PageRequest } from '../kernel/page.ts';
import type { Plain } from '../kernel/plain.ts';
import type { Tx } from '../storage/doors.ts';
import { type Actor, requireVisible, unitsWith } from '../tenancy/actor.ts';
import { sealedFromColumn } from '../vault/sealed.ts';
import { placeOf } from '../vault/sealed-columns.ts';
import type { Vault } from '../vault/vault.ts';
import {
  type Execution,
  type ExecutionStatus,
  selectExecution,
  selectExecutions,
} from './execution-store.ts';
import { unpack } from './packed.ts';
import {
  type ExecutionLogEntry,
  type StepResult,
  selectLogs,
  selectSealedResult,
  selectSteps,
} from './step-store.ts';

export type { Execution, ExecutionStatus } from './execution-store.ts';
export type { ExecutionLogEntry, StepResult } from './step-store.ts';

/** not_found when it is absent or the actor may not see it. */
export async function getExecution(options: {
  readonly tx: Tx;
  readonly actor: Actor;
  readonly id: ExecutionId;
}): Promise<Execution> {
  const execution = await selectExecution(options.tx, options.id);
  requireVisible(options.actor, 'execution.view', execution?.unitPath, 'Execution');
  if (execution === null) throw notFound('Execution');
  return execution;
}

/** The newest first. */
export async function listExecutions(options: {
  readonly tx: Tx;
  readonly actor: Actor;
  readonly instanceId?: InstanceId | null;
  readonly customerId?: UnitId | null;
  readonly kind?: Execution['kind'] | null;
  readonly status?: ExecutionStatus | null;
  /** Part of the instance's name. */
  readonly search?: string | null;
  readonly page: PageRequest;
}): Promise<Page<Execution>> {
  return await selectExecutions(options.tx, {
    within: unitsWith(options.actor, 'execution.view'),
    instanceId: options.instanceId ?? null,
    customerId: options.customerId ?? null,
    kind: options.kind ?? null,
    status: options.status ?? null,
    search: options.search ?? null,
    page: options.page,
  });
}

/** In the order in which they ran; position 0 is the trigger. */
export async function listStepResults(options: {
  readonly tx: Tx;
  readonly actor: Actor;
  readonly executionId: ExecutionId;
}): Promise<readonly StepResult[]> {
  const { tx, actor, executionId } = options;
  await getExecution({ tx, actor, id: executionId });
  return await selectSteps(tx, executionId);
}

/** MessagePack of `{data, contentType}`, as clients of step results read it. */
export async function readStepResult(options: {
  readonly tx: Tx;
  readonly vault: Vault;
  readonly actor: Actor;
  readonly executionId: ExecutionId;
  readonly position: number;
}): Promise<Plain> {
  const { tx, vault, actor, executionId, position } = options;
  await getExecution({ tx, actor, id: executionId });
  const column = await selectSealedResult(tx, { executionId, position });
  if (column === null) throw notFound('Step result');
  const place = placeOf('stepResult', { tenant_id: actor.tenant, execution_id: executionId, position });
  return await vault.open(tx, place, sealedFromColumn(column));
}

/** The same as values; bytes come as Uint8Array. */
export async function openStepResult(
  options: Parameters<typeof readStepResult>[0],
): Promise<{ readonly data: unknown; readonly contentType: string | null }> {
  return unpack(await readStepResult(options)) as { data: unknown; contentType: string | null };
}

/** Of one execution, or of all executions of an instance; the oldest first unless said. */
export async function listExecutionLogs(options: {
  readonly tx: Tx;
  readonly actor: Actor;
  readonly of: { readonly executionId: ExecutionId } | { readonly instanceId: InstanceId };
  /** Only lines at least as bad as this; see `severities`. */
  readonly leastSeverity?: number | null;
  readonly isNewestFirst?: boolean;
  readonly page: PageRequest;
}): Promise<Page<ExecutionLogEntry>> {
  const { tx, actor, of, leastSeverity = null, isNewestFirst = false } = options;
  if ('executionId' in of) {
    await getExecution({ tx, actor, id: of.executionId });
  } else {
    const instance = await getInstance({ tx, actor, id: of.instanceId });
    requireVisible(actor, 'execution.view', instance.unitPath, 'Instance');
  }
  const filter = { executionId: null, instanceId: null, ...of, leastSeverity, isNewestFirst };
  return await selectLogs(tx, filter, options.page);
}
