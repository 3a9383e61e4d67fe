// Running a flow of an instance by hand.
import { getInstance, type InstanceFlowId } from '../../integrations/instance.ts';
import { type Execution, getExecution } from '../../runner/execution.ts';
import { invokeTest } from '../../runner/invoke.ts';
import { emptyPayload } from '../../runner/payload.ts';
import { builder } from './builder.ts';
import { byGlobalId } from './global-id.ts';
import { ExecutionRef, type FlowConfigNode, InstanceFlowConfigRef } from './objects.ts';
import { mutation } from './payload.ts';
import { checkLength } from './texts.ts';

type TestRun = { readonly execution: Execution; readonly flowConfig: FlowConfigNode };

const maxPayloadLength = 1_000_000;

const TestRunRef = builder.objectRef<TestRun>('TestInstanceFlowConfigResult').implement({
  fields: (t) => ({
    execution: t.field({ type: ExecutionRef, resolve: ({ execution }) => execution }),
    flowConfig: t.field({ type: InstanceFlowConfigRef, resolve: ({ flowConfig }) => flowConfig }),
  }),
});

mutation('testInstanceFlowConfig', {
  description:
    'Runs a flow by hand, on disabled instances too. What it shows about connections changes no status.',
  input: (t) => ({
    id: t.id({ required: true }),
    payload: t.string({ description: 'The body that the trigger gets.' }),
    contentType: t.string({ description: 'Of the payload; application/json unless said.' }),
  }),
  returns: { testInstanceFlowConfigResult: TestRunRef },
  run: async (input, context) => {
    const { actor, house } = context;
    const of = { type: 'InstanceFlowConfig', id: input.id, field: 'id' } as const;
    const body = checkLength(input.payload ?? '', 'payload', maxPayloadLength);
    const contentType = checkLength(input.contentType ?? 'application/json', 'contentType', 200);
    const run = await context.change((tx) =>
      byGlobalId(of, async (flowId: InstanceFlowId) => {
        const payload = {
          ...emptyPayload,
          body: Buffer.from(body, 'utf8'),
          contentType,
          headers: { 'content-type': contentType },
        };
        const { executionId } = await invokeTest({ tx, vault: house.vault, actor, flowId, payload });
        const execution = await getExecution({ tx, actor, id: executionId });
        const instance = await getInstance({ tx, actor, id: execution.instanceId });
        const flow = instance.flows.find(({ id }) => id === flowId);
        return flow === undefined ? null : { execution, flowConfig: { instance, flow } };
      }),
    );
    return { testInstanceFlowConfigResult: run };
  },
});
