// Instances: an integration set up for one customer, with its config variables and flows.
import { getInstance, type Instance, listInstances } from '../../integrations/instance.ts';
import { getIntegration } from '../../integrations/integration.ts';
import type { InstanceId } from '../../kernel/ids.ts';
import { triggerUrl } from '../../runner/trigger-address.ts';
import type { Tx } from '../../storage/doors.ts';
import { builder } from './builder.ts';
import { cut, pageArgs, resolvePage } from './connection.ts';
import { byGlobalId, toGlobalId } from './global-id.ts';
import { integrationNode, versionById } from './integration-node.ts';
import {
  CustomerRef,
  InstanceConfigVariableConnection,
  InstanceConnection,
  InstanceFlowConfigConnection,
  InstanceFlowConfigRef,
  InstanceRef,
  IntegrationFlowRef,
  IntegrationRef,
} from './objects.ts';
import type { RequestContext } from './request-context.ts';
import { searchText } from './texts.ts';
import { customerById, customerOf } from './units.ts';
import { instanceVariables } from './variables.ts';

const ConfigState = builder.enumType('InstanceConfigState', {
  values: ['FULLY_CONFIGURED', 'NEEDS_INSTANCE_CONFIGURATION'] as const,
});

InstanceRef.implement({
  fields: (t) => ({
    id: t.id({ nullable: false, resolve: (instance) => toGlobalId('Instance', instance.id) }),
    name: t.exposeString('name', { nullable: false }),
    description: t.exposeString('description', { nullable: true }),
    enabled: t.exposeBoolean('isEnabled', { nullable: false }),
    isSystem: t.boolean({ nullable: false, resolve: ({ kind }) => kind === 'test' }),
    deployedAt: t.field({ type: 'DateTime', resolve: ({ deployedAt }) => deployedAt }),
    deployedVersion: t.int({ resolve: ({ deployedVersionNo }) => deployedVersionNo }),
    needsDeploy: t.boolean({
      nullable: false,
      resolve: ({ versionId, deployedVersionId }) => versionId !== deployedVersionId,
    }),
    createdAt: t.field({ type: 'DateTime', nullable: false, resolve: ({ createdAt }) => createdAt }),
    updatedAt: t.field({ type: 'DateTime', nullable: false, resolve: ({ updatedAt }) => updatedAt }),
    customer: t.field({
      type: CustomerRef,
      resolve: ({ unitPath }, _args, context) => customerOf(context, unitPath),
    }),
    integration: t.field({
      type: IntegrationRef,
      nullable: false,
      description: 'The version that it is set up for.',
      resolve: async ({ integrationId, versionId }, _args, context) => {
        const version = await versionById(context, versionId);
        const integration = await context.once(`integration:${integrationId}`, () =>
          context.read((tx) => getIntegration({ tx, actor: context.actor, id: integrationId })),
        );
        context.spend(1);
        return { integration, version: version.versionNo === null ? null : version };
      },
    }),
    configState: t.field({
      type: ConfigState,
      nullable: false,
      resolve: async (instance, _args, context) => {
        const variables = await instanceVariables(context, instance);
        const isMissing = variables.some(
          ({ variable, declared, connection, value }) =>
            variable.isRequired &&
            (declared.kind === 'connection' ? (connection?.credentialId ?? null) === null : value === null),
        );
        return isMissing ? 'NEEDS_INSTANCE_CONFIGURATION' : 'FULLY_CONFIGURED';
      },
    }),
    configVariables: t.field({
      type: InstanceConfigVariableConnection,
      nullable: false,
      args: pageArgs(t),
      resolve: async (instance, args, context) => {
        const variables = await instanceVariables(context, instance);
        return await resolvePage(context, args, async (page) => cut(variables, page));
      },
    }),
    flowConfigs: t.field({
      type: InstanceFlowConfigConnection,
      nullable: false,
      args: pageArgs(t),
      resolve: (instance, args, context) => {
        const flows = instance.flows.map((flow) => ({ instance, flow }));
        return resolvePage(context, args, async (page) => cut(flows, page));
      },
    }),
  }),
});

InstanceFlowConfigRef.implement({
  fields: (t) => ({
    id: t.id({ nullable: false, resolve: ({ flow }) => toGlobalId('InstanceFlowConfig', flow.id) }),
    flow: t.field({
      type: IntegrationFlowRef,
      nullable: false,
      resolve: async ({ instance, flow }, _args, context) => {
        const { definition } = await versionById(context, instance.versionId);
        const declared = definition.flows.find((one) => one.stableKey === flow.flowKey);
        const gone = { name: flow.name, stableKey: flow.flowKey, description: '', isSynchronous: false };
        return { integrationId: instance.integrationId, flow: declared ?? gone };
      },
    }),
    instance: t.field({ type: InstanceRef, nullable: false, resolve: ({ instance }) => instance }),
    webhookUrl: t.string({
      nullable: false,
      resolve: ({ instance, flow }, _args, { house }) =>
        triggerUrl(house.publicUrl(), { tenant: instance.tenantId, flowId: flow.id }),
    }),
    apiKeys: t.stringList({
      description: 'Write-only: always empty. Keys are kept as digests.',
      resolve: () => [],
    }),
    hasApiKeys: t.boolean({ nullable: false, resolve: ({ flow }) => flow.hasApiKeys }),
  }),
});

/** The instance that a global id names: not_found, naming `field`, unless the actor may see it. */
export async function instanceById(
  tx: Tx,
  context: RequestContext,
  globalId: string,
  field = 'id',
): Promise<Instance> {
  return await byGlobalId({ type: 'Instance', id: globalId, field }, (id: InstanceId) =>
    getInstance({ tx, actor: context.actor, id }),
  );
}

builder.queryFields((t) => ({
  instance: t.field({
    type: InstanceRef,
    args: { id: t.arg.id({ required: true }) },
    resolve: (_root, args, context) => {
      context.spend(1);
      return context.read((tx) => instanceById(tx, context, args.id));
    },
  }),
  instances: t.field({
    type: InstanceConnection,
    nullable: false,
    args: {
      ...pageArgs(t),
      customer: t.arg.id(),
      integration: t.arg.id(),
      isSystem: t.arg.boolean(),
      enabled: t.arg.boolean(),
      name_Icontains: t.arg.string(),
    },
    resolve: (_root, args, context) =>
      context.read(async (tx) => {
        const { customer, integration } = args;
        const ofCustomer =
          customer === undefined || customer === null
            ? null
            : (await customerById(tx, context, customer, 'customer')).id;
        const ofIntegration =
          integration === undefined || integration === null
            ? null
            : (await integrationNode(tx, context, integration, 'integration')).integration.id;
        return await resolvePage(context, args, (page) =>
          listInstances({
            tx,
            actor: context.actor,
            customerId: ofCustomer,
            integrationId: ofIntegration,
            kind: args.isSystem === true ? 'test' : 'deployed',
            isEnabled: args.enabled ?? null,
            search: searchText(args.name_Icontains, 'name_Icontains'),
            page,
          }),
        );
      }),
  }),
}));
