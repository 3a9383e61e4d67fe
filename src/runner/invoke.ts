// Starting an execution: a call of a flow's trigger, or a manual test. The row and the job that wakes a worker commit
// together, so nothing that was accepted is forgotten and nothing runs that was not accepted.
import { createHash, timingSafeEqual } from 'node:crypto';
import { audit } from '../audit/event.ts';
import type { Flow } from '../integrations/definition.ts';
import type { InstanceFlowId } from '../integrations/instance.ts';
import { apiKeyDigest } from '../integrations/integration.ts';
import { selectVersion } from '../integrations/version-store.ts';
import { Fault, notFound } from '../kernel/fault.ts';
import {
  type ExecutionId,
  type IntegrationVersionId,
  newId,
  type TenantId,
  type UnitId,
} from '../kernel/ids.ts';
import type { Tx } from '../storage/doors.ts';
import { enqueue } from '../storage/job.ts';
import { type Actor, requirePermission, requireVisible } from '../tenancy/actor.ts';
import type { Vault } from '../vault/vault.ts';
import { insertExecution } from './execution-store.ts';
import { type FlowTarget, selectFlowTarget } from './flow-store.ts';
import { checkPayload, type Payload, sealPayload } from './payload.ts';

/** Wakes a worker for a customer: it takes the longest waiting execution that may run. */
export const executionJob = 'execution';

export type Invoked = {
  readonly executionId: ExecutionId;
  /** The caller wants to wait for the end. */
  readonly isSynchronous: boolean;
};

/** `tx` is of the tenant in the trigger's address. 4xx, with the reason, unless the instance is deployed and enabled. */
export async function invokeTrigger(options: {
  readonly tx: Tx;
  readonly vault: Vault;
  readonly tenant: TenantId;
  readonly flowId: InstanceFlowId;
  readonly payload: Payload;
  /** As the caller showed it. */
  readonly apiKey: string | null;
}): Promise<Invoked> {
  const { tx, flowId } = options;
  const target = await selectFlowTarget(tx, flowId);
  // Test instances have no public address.
  if (target === null || target.instanceKind === 'test') throw notFound('Trigger');
  const { deployedVersionId } = target;
  const flow = deployedVersionId === null ? null : await flowOf(tx, deployedVersionId, target.flowKey);
  // Who may not call it does not learn how the instance stands.
  if (flow !== null) requireApiKey(flow, target, options.apiKey);
  if (!target.isEnabled) {
    throw new Fault('conflict', 'The instance is disabled.', { cure: 'Enable it, then call again.' });
  }
  if (deployedVersionId === null) {
    throw new Fault('conflict', 'The instance is not deployed.', { cure: 'Deploy it, then call again.' });
  }
  if (flow === null) {
    throw new Fault('gone', `The deployed version has no flow "${target.flowName}" any more.`, {
      cure: 'Use the address of a flow that it has.',
    });
  }
  return await start({
    ...options,
    target,
    flow,
    versionId: deployedVersionId,
    kind: 'trigger',
    invokedBy: null,
  });
}

/** Runs a flow by hand; what it shows about connections changes no colours. Works on disabled instances as well. */
export async function invokeTest(options: {
  readonly tx: Tx;
  readonly vault: Vault;
  readonly actor: Actor;
  readonly flowId: InstanceFlowId;
  readonly payload: Payload;
}): Promise<Invoked> {
  const { tx, actor, flowId } = options;
  const target = await selectFlowTarget(tx, flowId);
  requireVisible(actor, 'instance.view', target?.unitPath, 'Flow');
  if (target === null) throw notFound('Flow');
  requirePermission(actor, 'instance.run', target.unitPath);
  const versionId = target.deployedVersionId ?? (target.instanceKind === 'test' ? target.versionId : null);
  if (versionId === null) {
    throw new Fault('conflict', 'The instance is not deployed.', { cure: 'Deploy it, then test again.' });
  }
  const flow = await flowOf(tx, versionId, target.flowKey);
  if (flow === null) {
    throw new Fault('gone', `The version has no flow "${target.flowName}" any more.`, {
      cure: 'Choose another.',
    });
  }
  const started = await start({
    ...options,
    tenant: actor.tenant,
    target,
    flow,
    versionId,
    kind: 'test',
    invokedBy: actor,
  });
  await audit(tx, {
    action: 'execution.invoked',
    actor,
    object: { kind: 'execution', id: started.executionId },
    detail: { instance: target.instanceId, flow: target.flowKey.slice(0, 200) },
  });
  return started;
}

async function flowOf(tx: Tx, versionId: IntegrationVersionId, flowKey: string): Promise<Flow | null> {
  const version = await selectVersion(tx, versionId);
  return version?.definition.flows.find((flow) => flow.stableKey === flowKey) ?? null;
}

async function start(options: {
  readonly tx: Tx;
  readonly vault: Vault;
  readonly tenant: TenantId;
  readonly target: FlowTarget;
  readonly flow: Flow;
  readonly versionId: IntegrationVersionId;
  readonly payload: Payload;
  readonly kind: 'trigger' | 'test';
  readonly invokedBy: Actor | null;
}): Promise<Invoked> {
  const { tx, vault, tenant, target } = options;
  const id = newId<ExecutionId>();
  const payload = await sealPayload(tx, vault, { tenant, id }, checkPayload(options.payload));
  await insertExecution(tx, {
    id,
    instanceId: target.instanceId,
    flowId: target.flowId,
    versionId: options.versionId,
    customerId: target.unitId,
    kind: options.kind,
    invokedBy: options.invokedBy?.principalId ?? null,
    payload,
  });
  await wake(tx, target.unitId);
  return { executionId: id, isSynchronous: options.flow.isSynchronous };
}

export async function wake(tx: Tx, customerId: UnitId): Promise<void> {
  await enqueue(tx, executionJob, { customerId });
}

/** Compares with every key, so that the time tells nothing. */
function requireApiKey(flow: Flow, target: FlowTarget, shown: string | null): void {
  const ofCustomer = target.apiKeyHashes;
  const ofOrganization = flow.organizationApiKeys.map(digestBytes);
  const accepted = {
    unsecured: null,
    customer_optional: ofCustomer.length === 0 ? null : ofCustomer,
    customer_required: ofCustomer,
    organization: ofOrganization,
  }[flow.endpointSecurity];
  if (accepted === null) return;
  const digest = createHash('sha256')
    .update(shown ?? '')
    .digest();
  const matches = accepted.filter((hash) => hash.length === digest.length && timingSafeEqual(hash, digest));
  if (shown !== null && matches.length > 0) return;
  throw new Fault('not_authenticated', 'The trigger wants an API key.', {
    cure: 'Send one of its keys in the header Api-Key.',
  });
}

function digestBytes(key: string): Buffer {
  return Buffer.from(apiKeyDigest(key).replace(/^.*:/, ''), 'hex');
}
