// What the steps of executions said.
import { invalidField } from '../../kernel/fault.ts';
import type { ExecutionId, InstanceId } from '../../kernel/ids.ts';
import type { Page } from '../../kernel/page.ts';
import { type ExecutionLogEntry, listExecutionLogs } from '../../runner/execution.ts';
import { severities } from '../../runner/log-writer.ts';
import { builder, type FieldPen, type QueryPen } from './builder.ts';
import { pageArgs, resolvePage } from './connection.ts';
import { byGlobalId } from './global-id.ts';
import { LogConnection, LogRef } from './objects.ts';
import { Direction } from './ordering.ts';
import type { PageArguments } from './page-arguments.ts';
import type { RequestContext } from './request-context.ts';

// The order is that of badness, as in `severities`.
const names = ['TRACE', 'DEBUG', 'METRIC', 'INFO', 'WARN', 'ERROR'] as const;
const Severity = builder.enumType('LogSeverity', { values: names });

const OrderField = builder.enumType('LogOrderField', { values: ['TIMESTAMP'] as const });
const Order = builder.inputType('LogOrder', {
  fields: (t) => ({
    field: t.field({ type: OrderField, required: true }),
    direction: t.field({ type: Direction, required: true }),
  }),
});

type Level = { readonly id: number; readonly name: string };

const LevelRef = builder.objectRef<Level>('LogSeverityLevel').implement({
  fields: (t) => ({
    id: t.exposeInt('id', { nullable: false }),
    name: t.exposeString('name', { nullable: false }),
  }),
});

LogRef.implement({
  fields: (t) => ({
    timestamp: t.field({ type: 'DateTime', nullable: false, resolve: ({ at }) => at }),
    severity: t.field({ type: Severity, nullable: false, resolve: ({ severity }) => severityName(severity) }),
    message: t.exposeString('message', { nullable: false }),
    stepName: t.exposeString('stepName', { nullable: true }),
  }),
});

function severityName(severity: number): (typeof names)[number] {
  return names.findLast((name) => levelOf(name) <= severity) ?? 'TRACE';
}

function levelOf(name: (typeof names)[number]): number {
  return severities[name.toLowerCase() as keyof typeof severities];
}

export function logArgs(t: Pick<FieldPen<unknown> | QueryPen, 'arg'>) {
  return {
    ...pageArgs(t),
    severity_Gte: t.arg.int({ description: 'An id of logSeverityLevels: lines at least as bad as this.' }),
    orderBy: t.arg({ type: Order, description: 'Without it the oldest first.' }),
  };
}

type LogArguments = PageArguments & {
  readonly severity_Gte?: number | null | undefined;
  readonly orderBy?: { readonly direction: 'ASC' | 'DESC' } | null | undefined;
};

export async function readLogs(
  context: RequestContext,
  of: { readonly executionId: ExecutionId } | { readonly instanceId: InstanceId },
  args: LogArguments,
): Promise<Page<ExecutionLogEntry>> {
  const list = {
    actor: context.actor,
    of,
    leastSeverity: args.severity_Gte ?? null,
    isNewestFirst: args.orderBy?.direction === 'DESC',
  };
  return await context.read((tx) =>
    resolvePage(context, args, (page) => listExecutionLogs({ ...list, tx, page })),
  );
}

builder.queryFields((t) => ({
  logs: t.field({
    type: LogConnection,
    nullable: false,
    description: 'Of one execution, or of all executions of an instance.',
    args: { ...logArgs(t), executionResult: t.arg.id(), instance: t.arg.id() },
    resolve: async (_root, args, context) => {
      const { executionResult, instance } = args;
      if (executionResult !== null && executionResult !== undefined) {
        const of = {
          type: 'InstanceExecutionResult',
          id: executionResult,
          field: 'executionResult',
        } as const;
        return await byGlobalId(of, (executionId: ExecutionId) => readLogs(context, { executionId }, args));
      }
      if (instance === null || instance === undefined) {
        throw invalidField('executionResult', 'is missing.', 'Name an execution, or an instance.');
      }
      const of = { type: 'Instance', id: instance, field: 'instance' } as const;
      return await byGlobalId(of, (instanceId: InstanceId) => readLogs(context, { instanceId }, args));
    },
  }),
  logSeverityLevels: t.field({
    type: [LevelRef],
    nullable: false,
    resolve: () => names.map((name) => ({ id: levelOf(name), name: name.toLowerCase() })),
  }),
}));
