// Everything that an execution needs to know before its first step, read in one transaction.
import { type ConfigVariable, selectConfigVariables } from '../connections/config-variable-store.ts';
import type { ConfigVariable as DeclaredVariable, Flow } from '../integrations/definition.ts';
import { selectValues } from '../integrations/instance-store.ts';
import { checkedValue } from '../integrations/instance-value.ts';
import { selectIntegration } from '../integrations/integration-store.ts';
import { selectVersion } from '../integrations/version-store.ts';
import { isFault, notFound } from '../kernel/fault.ts';
import type { ExecutionId, TenantId } from '../kernel/ids.ts';
import type { Tx } from '../storage/doors.ts';
import { findUnit, type Unit } from '../tenancy/unit.ts';
import type { Vault } from '../vault/vault.ts';
import { type Execution, selectExecution, selectPayload } from './execution-store.ts';
import { type FlowStates, loadStates } from './flow-state.ts';
import { selectFlowTarget } from './flow-store.ts';
import { openPayload, type Payload } from './payload.ts';

export type ExecutionPlan = {
  readonly execution: Execution;
  readonly payload: Payload;
  readonly flow: Flow;
  readonly integration: { readonly id: string; readonly name: string };
  readonly versionNo: number | null;
  readonly customer: Unit;
  readonly variables: readonly ConfigVariable[];
  /** By key: what the instance gives, or the version's default; null = left empty. Connections are not in it. */
  readonly values: ReadonlyMap<string, unknown>;
  readonly states: FlowStates;
  /** Of a test instance or of a manual run: it changes no colours. */
  readonly isTest: boolean;
};

export async function loadPlan(
  tx: Tx,
  vault: Vault,
  tenant: TenantId,
  id: ExecutionId,
): Promise<ExecutionPlan> {
  const execution = await selectExecution(tx, id);
  if (execution === null) throw notFound('Execution');
  const version = await selectVersion(tx, execution.versionId);
  const target = await selectFlowTarget(tx, execution.flowId);
  const integration = await selectIntegration(tx, execution.integrationId);
  const customer = await findUnit(tx, execution.customerId);
  const flow = version?.definition.flows.find((candidate) => candidate.stableKey === execution.flowKey);
  if (
    version === null ||
    target === null ||
    integration === null ||
    customer === null ||
    flow === undefined
  ) {
    throw notFound('Flow');
  }
  const stored = await selectValues(tx, execution.instanceId);
  return {
    execution,
    payload: await openPayload(tx, vault, { tenant, id }, await selectPayload(tx, id)),
    flow,
    integration,
    versionNo: version.versionNo,
    customer,
    variables: await selectConfigVariables(tx, version.id),
    values: new Map(
      version.definition.configVariables
        .filter((variable) => variable.kind === 'value')
        .map((variable) => [variable.key, stored.get(variable.stableKey) ?? defaultOf(variable)]),
    ),
    states: await loadStates(tx, vault, {
      tenant,
      flowId: execution.flowId,
      instanceId: execution.instanceId,
    }),
    isTest: execution.kind === 'test' || target.instanceKind === 'test',
  };
}

function defaultOf(variable: DeclaredVariable & { readonly kind: 'value' }): unknown {
  try {
    return checkedValue(variable, variable.default);
  } catch (error) {
    // The author's default does not fit its own type: the step gets it as it was written.
    if (isFault(error, 'invalid_field')) return variable.default;
    throw error;
  }
}
