// Integrations and their versions: clients of this dialect pass both around as an Integration.
import { listIntegrations } from '../../integrations/integration.ts';
import { exportYaml } from '../../integrations/version.ts';
import { invalidField } from '../../kernel/fault.ts';
import type { UnitId } from '../../kernel/ids.ts';
import type { Tx } from '../../storage/doors.ts';
import { can } from '../../tenancy/actor.ts';
import { getPrincipal } from '../../tenancy/principal.ts';
import { builder } from './builder.ts';
import { pageArgs, resolvePage } from './connection.ts';
import { toGlobalId } from './global-id.ts';
import { integrationNode, shownVersion } from './integration-node.ts';
import { CustomerRef, IntegrationConnection, IntegrationRef, UserRef } from './objects.ts';
import type { RequestContext } from './request-context.ts';
import { searchText } from './texts.ts';
import { customerById, customerOf } from './units.ts';

const definitionVersion = 7;

IntegrationRef.implement({
  description: 'An integration (its draft, for those who build), or one published version of it.',
  fields: (t) => ({
    id: t.id({
      nullable: false,
      resolve: ({ integration, version }) => toGlobalId('Integration', version?.id ?? integration.id),
    }),
    name: t.string({
      nullable: false,
      resolve: ({ integration, version }) => version?.definition.name ?? integration.name,
    }),
    description: t.string({
      resolve: ({ integration, version }) => version?.definition.description ?? integration.description,
    }),
    category: t.string({
      resolve: async (node, _args, context) =>
        (await shownVersion(node, context))?.definition.category ?? null,
    }),
    labels: t.stringList({
      resolve: async (node, _args, context) => [
        ...((await shownVersion(node, context))?.definition.labels ?? []),
      ],
    }),
    versionNumber: t.int({
      nullable: false,
      description: 'For an integration that of the newest published version; 0 before the first.',
      resolve: ({ integration, version }) => version?.versionNo ?? integration.latestVersion?.versionNo ?? 0,
    }),
    versionCreatedAt: t.field({ type: 'DateTime', resolve: ({ version }) => version?.publishedAt ?? null }),
    versionCreatedBy: t.field({
      type: UserRef,
      description: 'For those who build it.',
      resolve: async ({ integration, version }, _args, context) => {
        const id = version?.publishedBy ?? null;
        if (id === null || !can(context.actor, 'integration.view', integration.unitPath)) return null;
        context.spend(1);
        return await context.once(`user:${id}`, () => context.read((tx) => getPrincipal(tx, id)));
      },
    }),
    versionComment: t.string({ resolve: ({ version }) => version?.comment ?? null }),
    versionIsAvailable: t.boolean({ resolve: ({ version }) => version?.isAvailable ?? null }),
    isCodeNative: t.boolean({ nullable: false, resolve: () => false }),
    createdAt: t.field({
      type: 'DateTime',
      nullable: false,
      resolve: ({ integration }) => integration.createdAt,
    }),
    customer: t.field({
      type: CustomerRef,
      description: 'Set when it was built for one customer.',
      resolve: ({ integration }, _args, context) => customerOf(context, integration.unitPath),
    }),
    definition: t.string({
      description: 'As YAML, for those who build it; secrets are left empty.',
      args: { version: t.arg.int(), useLatestComponentVersions: t.arg.boolean() },
      resolve: async ({ integration, version }, args, context) => {
        if ((args.version ?? definitionVersion) !== definitionVersion) {
          throw invalidField(
            'version',
            `is not ${definitionVersion}.`,
            'Only this version of the format is written.',
          );
        }
        const { actor } = context;
        // It holds what only the organization fills in, and how its flows work.
        if (!can(actor, 'integration.view', integration.unitPath)) return null;
        const versionId = version?.id ?? null;
        return await context.read((tx) =>
          exportYaml({ tx, actor, integrationId: integration.id, versionId }),
        );
      },
    }),
  }),
});

builder.queryFields((t) => ({
  integration: t.field({
    type: IntegrationRef,
    args: { id: t.arg.id({ required: true }) },
    resolve: (_root, args, context) => {
      context.spend(1);
      return context.read((tx) => integrationNode(tx, context, args.id));
    },
  }),
  integrations: t.field({
    type: IntegrationConnection,
    nullable: false,
    args: {
      ...pageArgs(t),
      allVersions: t.arg.boolean(),
      customer: t.arg.id(),
      customer_Isnull: t.arg.boolean(),
      name: t.arg.string(),
      name_Icontains: t.arg.string(),
    },
    resolve: (_root, args, context) =>
      context.read(async (tx) => {
        if (args.allVersions === true) {
          throw invalidField(
            'allVersions',
            'is not offered on this list.',
            'Ask an integration for its versionSequence.',
          );
        }
        const unitId = await unitOf(tx, context, args);
        const name = searchText(args.name, 'name');
        const search = searchText(args.name_Icontains, 'name_Icontains');
        return await resolvePage(context, args, async (page) => {
          const found = await listIntegrations({ tx, actor: context.actor, unitId, name, search, page });
          return { ...found, items: found.items.map((integration) => ({ integration, version: null })) };
        });
      }),
  }),
}));

async function unitOf(
  tx: Tx,
  context: RequestContext,
  args: {
    readonly customer?: string | null | undefined;
    readonly customer_Isnull?: boolean | null | undefined;
  },
): Promise<UnitId | null> {
  if (args.customer !== undefined && args.customer !== null) {
    return (await customerById(tx, context, args.customer, 'customer')).id;
  }
  return args.customer_Isnull === true ? (context.actor.tenant as string as UnitId) : null;
}
