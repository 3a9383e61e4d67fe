// Executions of instances: when, how they ended, and what their steps gave.
import { getInstance } from '../../integrations/instance.ts';
import { invalidField } from '../../kernel/fault.ts';
import type { ExecutionId } from '../../kernel/ids.ts';
import type { Page } from '../../kernel/page.ts';
import { type Execution, getExecution, listExecutions, listStepResults } from '../../runner/execution.ts';
import type { Tx } from '../../storage/doors.ts';
import { builder } from './builder.ts';
import { cut, pageArgs, resolvePage } from './connection.ts';
import { byGlobalId, toGlobalId } from './global-id.ts';
import { instanceById } from './instance.ts';
import { logArgs, readLogs } from './log.ts';
import {
  ExecutionConnection,
  ExecutionRef,
  InstanceFlowConfigRef,
  InstanceRef,
  LogConnection,
  StepResultConnection,
} from './objects.ts';
import { Direction } from './ordering.ts';
import type { RequestContext } from './request-context.ts';
import { checkLength } from './texts.ts';
import { customerById } from './units.ts';

const statuses = ['QUEUED', 'RUNNING', 'SUCCEEDED', 'FAILED', 'CANCELLED'] as const;
const Status = builder.enumType('InstanceExecutionStatus', { values: statuses });

const StepOrderField = builder.enumType('InstanceStepResultOrderField', {
  values: ['STARTED_AT', 'ENDED_AT'] as const,
});
const StepOrder = builder.inputType('InstanceStepResultOrder', {
  fields: (t) => ({
    field: t.field({ type: StepOrderField, required: true }),
    direction: t.field({ type: Direction, required: true }),
  }),
});

ExecutionRef.implement({
  fields: (t) => ({
    id: t.id({ nullable: false, resolve: ({ id }) => toGlobalId('InstanceExecutionResult', id) }),
    status: t.field({
      type: Status,
      nullable: false,
      resolve: ({ status }) => status.toUpperCase() as (typeof statuses)[number],
    }),
    error: t.string({ description: 'Why it failed.', resolve: ({ error }) => error }),
    queuedAt: t.field({ type: 'DateTime', nullable: false, resolve: ({ queuedAt }) => queuedAt }),
    startedAt: t.field({ type: 'DateTime', resolve: ({ startedAt }) => startedAt }),
    endedAt: t.field({ type: 'DateTime', resolve: ({ endedAt }) => endedAt }),
    isTestExecution: t.boolean({ nullable: false, resolve: ({ kind }) => kind === 'test' }),
    instance: t.field({
      type: InstanceRef,
      resolve: ({ instanceId }, _args, context) => instanceOf(instanceId, context),
    }),
    flowConfig: t.field({
      type: InstanceFlowConfigRef,
      resolve: async ({ instanceId, flowId }, _args, context) => {
        const instance = await instanceOf(instanceId, context);
        const flow = instance.flows.find(({ id }) => id === flowId);
        return flow === undefined ? null : { instance, flow };
      },
    }),
    stepResults: t.field({
      type: StepResultConnection,
      nullable: false,
      description: 'In the order in which the steps ran; the first is the trigger.',
      args: {
        ...pageArgs(t),
        displayStepName: t.arg.string(),
        stepName: t.arg.string(),
        orderBy: t.arg({ type: StepOrder }),
      },
      resolve: async (execution, args, context) => {
        const { actor } = context;
        const steps = await context.once(`steps:${execution.id}`, () =>
          context.read((tx) => listStepResults({ tx, actor, executionId: execution.id })),
        );
        const name = args.displayStepName ?? args.stepName ?? null;
        if (name !== null) checkLength(name, 'displayStepName', 1_000);
        const wanted = steps.filter((step) => name === null || step.stepName === name);
        // Steps run one after the other, so both orders are that of their places.
        const ordered = args.orderBy?.direction === 'DESC' ? wanted.toReversed() : wanted;
        const nodes = ordered.map((step) => ({ execution, step }));
        return await resolvePage(context, args, async (page) => cut(nodes, page));
      },
    }),
    logs: t.field({
      type: LogConnection,
      nullable: false,
      args: logArgs(t),
      resolve: (execution, args, context) => readLogs(context, { executionId: execution.id }, args),
    }),
  }),
});

async function instanceOf(id: Execution['instanceId'], context: RequestContext) {
  context.spend(1);
  return await context.once(`instance:${id}`, () =>
    context.read((tx) => getInstance({ tx, actor: context.actor, id })),
  );
}

/** The execution that a global id names: not_found, naming `field`, unless the actor may see it. */
async function executionById(
  tx: Tx,
  context: RequestContext,
  globalId: string,
  field = 'id',
): Promise<Execution> {
  return await byGlobalId({ type: 'InstanceExecutionResult', id: globalId, field }, (id: ExecutionId) =>
    getExecution({ tx, actor: context.actor, id }),
  );
}

builder.queryFields((t) => ({
  executionResult: t.field({
    type: ExecutionRef,
    args: { id: t.arg.id({ required: true }) },
    resolve: (_root, args, context) => {
      context.spend(1);
      return context.read((tx) => executionById(tx, context, args.id));
    },
  }),
  executionResults: t.field({
    type: ExecutionConnection,
    nullable: false,
    description: 'The newest first.',
    args: {
      ...pageArgs(t),
      instance: t.arg.id(),
      instance_Customer: t.arg.id(),
      isTestExecution: t.arg.boolean(),
      status: t.arg.string({ description: 'queued, running, succeeded, failed or cancelled.' }),
    },
    resolve: (_root, args, context) => context.read((tx) => executionPage(tx, context, args)),
  }),
}));

type ListArguments = Parameters<typeof resolvePage>[1] & {
  readonly instance?: string | null | undefined;
  readonly instance_Customer?: string | null | undefined;
  readonly isTestExecution?: boolean | null | undefined;
  readonly status?: string | null | undefined;
};

async function executionPage(tx: Tx, context: RequestContext, args: ListArguments): Promise<Page<Execution>> {
  const { instance, instance_Customer: customer, isTestExecution: isTest } = args;
  const filter = {
    actor: context.actor,
    instanceId: instance == null ? null : (await instanceById(tx, context, instance, 'instance')).id,
    customerId: customer == null ? null : (await customerById(tx, context, customer, 'instance_Customer')).id,
    kind: isTest == null ? null : isTest ? ('test' as const) : ('trigger' as const),
    status: statusOf(args.status ?? null),
  };
  return await resolvePage(context, args, (page) => listExecutions({ ...filter, tx, page }));
}

function statusOf(text: string | null): Execution['status'] | null {
  if (text === null) return null;
  const found = statuses.find((status) => status === text.toUpperCase());
  if (found !== undefined) return found.toLowerCase() as Execution['status'];
  throw invalidField('status', 'is unknown.', `Use one of: ${statuses.join(', ').toLowerCase()}.`);
}
