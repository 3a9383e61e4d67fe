// What belongs to an integration: versions, flows, config variables, instances.
import { listInstances } from '../../integrations/instance.ts';
import { listVersions } from '../../integrations/version.ts';
import { invalidField } from '../../kernel/fault.ts';
import { builder } from './builder.ts';
import { cut, pageArgs, resolvePage } from './connection.ts';
import { derivedId, toGlobalId } from './global-id.ts';
import { shownVersion, testInstanceOf } from './integration-node.ts';
import {
  InstanceConfigVariableConnection,
  InstanceConnection,
  InstanceRef,
  IntegrationConnection,
  IntegrationFlowConnection,
  IntegrationFlowRef,
  IntegrationRef,
  RequiredConfigVariableConnection,
} from './objects.ts';
import { Direction } from './ordering.ts';
import { instanceVariables, requiredVariables, statusFilter } from './variables.ts';

const VersionOrderField = builder.enumType('IntegrationOrderField', { values: ['VERSION_NUMBER'] as const });
const VersionOrder = builder.inputType('IntegrationOrder', {
  fields: (t) => ({
    field: t.field({ type: VersionOrderField, required: true }),
    direction: t.field({ type: Direction, required: true }),
  }),
});

builder.objectFields(IntegrationRef, (t) => ({
  flows: t.field({
    type: IntegrationFlowConnection,
    nullable: false,
    args: pageArgs(t),
    resolve: async (node, args, context) => {
      const flows = (await shownVersion(node, context))?.definition.flows ?? [];
      const integrationId = node.integration.id;
      const nodes = flows.map((flow) => ({ integrationId, flow }));
      return await resolvePage(context, args, async (page) => cut(nodes, page));
    },
  }),
  requiredConfigVariables: t.field({
    type: RequiredConfigVariableConnection,
    nullable: false,
    args: pageArgs(t),
    resolve: async (node, args, context) => {
      const version = await shownVersion(node, context);
      const variables = version === null ? [] : await requiredVariables(context, version);
      return await resolvePage(context, args, async (page) => cut(variables, page));
    },
  }),
  versionSequence: t.field({
    type: IntegrationConnection,
    nullable: false,
    description: 'The published versions, the newest first.',
    args: {
      ...pageArgs(t),
      versionIsAvailable: t.arg.boolean(),
      sortBy: t.arg({ type: [VersionOrder], required: { list: false, items: false } }),
    },
    resolve: ({ integration }, args, context) => {
      if (args.sortBy?.some((order) => order?.direction === 'ASC') === true) {
        throw invalidField(
          'sortBy',
          'asks for the oldest first.',
          'Versions are listed from the newest on: use DESC.',
        );
      }
      const { actor } = context;
      const list = { actor, integrationId: integration.id, isAvailable: args.versionIsAvailable ?? null };
      return context.read((tx) =>
        resolvePage(context, args, async (page) => {
          const versions = await listVersions({ ...list, tx, page });
          return { ...versions, items: versions.items.map((version) => ({ integration, version })) };
        }),
      );
    },
  }),
  systemInstance: t.field({
    type: InstanceRef,
    description: 'The instance on which the draft is tried out; made by the first import.',
    resolve: ({ integration }, _args, context) => testInstanceOf(integration, context),
  }),
  testConfigVariables: t.field({
    type: InstanceConfigVariableConnection,
    nullable: false,
    args: {
      ...pageArgs(t),
      status: t.arg.string(),
      status_In: t.arg({ type: ['String'], required: { list: false, items: false } }),
    },
    resolve: async ({ integration }, args, context) => {
      const instance = await testInstanceOf(integration, context);
      const variables = instance === null ? [] : await instanceVariables(context, instance);
      const wanted = variables.filter(statusFilter(args));
      return await resolvePage(context, args, async (page) => cut(wanted, page));
    },
  }),
  instances: t.field({
    type: InstanceConnection,
    nullable: false,
    args: { ...pageArgs(t), isSystem: t.arg.boolean() },
    resolve: ({ integration }, args, context) => {
      const kind = args.isSystem === true ? 'test' : 'deployed';
      const list = { actor: context.actor, integrationId: integration.id, kind } as const;
      return context.read((tx) => resolvePage(context, args, (page) => listInstances({ ...list, tx, page })));
    },
  }),
}));

IntegrationFlowRef.implement({
  fields: (t) => ({
    id: t.id({
      nullable: false,
      resolve: ({ integrationId, flow }) =>
        toGlobalId('IntegrationFlow', derivedId(integrationId, flow.stableKey)),
    }),
    name: t.string({ nullable: false, resolve: ({ flow }) => flow.name }),
    stableKey: t.string({ nullable: false, resolve: ({ flow }) => flow.stableKey }),
    description: t.string({ resolve: ({ flow }) => flow.description }),
    isSynchronous: t.boolean({ resolve: ({ flow }) => flow.isSynchronous }),
  }),
});
