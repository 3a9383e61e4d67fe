// What a component's code is told about where it runs. Its names are those that components have always read.
import type { ExecutionPlan } from './execution-plan.ts';
import type { FlowStates, State } from './flow-state.ts';
import { bodyData } from './payload.ts';
import { triggerUrl } from './trigger-address.ts';

/** Mutable for components; new for each step, the changed ones come back with its result. */
export type RunStates = FlowStates & { readonly execution: State; readonly integration: State };

export type ContextOptions = {
  readonly plan: ExecutionPlan;
  readonly publicUrl: string;
  readonly startedAt: Date;
};

function common({ plan, publicUrl, startedAt }: ContextOptions) {
  const { execution, flow, integration, customer } = plan;
  const url = triggerUrl(publicUrl, { tenant: execution.tenantId, flowId: execution.flowId });
  return {
    executionId: execution.id,
    customer: { id: customer.id, externalId: customer.externalId ?? '', name: customer.name },
    instance: { id: execution.instanceId, name: execution.instanceName },
    user: { id: '', email: '', name: '', externalId: '' },
    integration: {
      id: integration.id,
      name: integration.name,
      versionSequenceId: plan.versionNo === null ? '' : String(plan.versionNo),
      externalVersion: '',
    },
    flow: { id: execution.flowId, name: flow.name, stableId: flow.stableKey },
    webhookUrls: { [flow.name]: url },
    webhookApiKeys: {},
    invokeUrl: url,
    startedAt: startedAt.toISOString(),
    globalDebug: false,
  };
}

/** What the trigger gives to the steps: the call, and where it came in. */
export function triggerResult(options: ContextOptions): Readonly<Record<string, unknown>> {
  const { payload } = options.plan;
  const contentType = payload.contentType ?? '';
  return {
    ...common(options),
    headers: payload.headers,
    queryParameters: payload.query,
    rawBody: { data: payload.body, contentType },
    body: { data: bodyData(payload), contentType },
    pathFragment: payload.path,
  };
}

export function stepContext(
  options: ContextOptions & {
    readonly stepName: string;
    readonly stepId: string;
    readonly actionKey: string;
    readonly configVariables: ReadonlyMap<string, unknown>;
    readonly states: RunStates;
    /** Null unless the step names a credential. */
    readonly credential: unknown;
  },
): Readonly<Record<string, unknown>> {
  const { states } = options;
  const shared = common(options);
  return {
    ...shared,
    instanceState: { ...states.flow },
    crossFlowState: { ...states.instance },
    executionState: { ...states.execution },
    integrationState: { ...states.integration },
    configVars: Object.fromEntries(options.configVariables),
    stepId: options.stepId,
    executionFrame: {
      invokedByExecutionJWT: '',
      invokedByExecutionStartedAt: '',
      componentActionKey: options.actionKey,
      executionId: shared.executionId,
      executionStartedAt: shared.startedAt,
      stepName: options.stepName,
      loopPath: '',
    },
    flowSchemas: {},
    batch: { enabled: false },
    runnerAllocatedMemoryMb: 256,
    ...(options.credential === null ? {} : { credential: options.credential }),
  };
}
