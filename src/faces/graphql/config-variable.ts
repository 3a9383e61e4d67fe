// Config variables: what a version asks for, what an instance has, and how its connections stand. Nothing here holds a
// value of a connection: a connection's value is the id of the stored credential.
import { connectionStatus } from '../../connections/status.ts';
import { type Credential, getCredential } from '../../credentials/credential.ts';
import { readConnectionLog } from '../../credentials/log-store.ts';
import { valueTypes } from '../../integrations/definition.ts';
import { isFault } from '../../kernel/fault.ts';
import { builder } from './builder.ts';
import { connectionOf, cut, pageArgs, resolvePage } from './connection.ts';
import { derivedId, toGlobalId } from './global-id.ts';
import {
  ConnectionLogConnection,
  CredentialRef,
  InstanceConfigVariableRef,
  type InstanceVariableNode,
  RequiredConfigVariableRef,
} from './objects.ts';
import type { RequestContext } from './request-context.ts';
import { statusOf } from './variables.ts';

const DataType = builder.enumType('RequiredConfigVariableDataType', {
  values: ['CONNECTION', 'CREDENTIAL', ...valueTypes.map((type) => type.toUpperCase())],
});

const Status = builder.enumType('InstanceConfigVariableStatus', {
  values: ['ACTIVE', 'ERROR', 'PENDING'] as const,
});

RequiredConfigVariableRef.implement({
  fields: (t) => ({
    id: t.id({
      nullable: false,
      resolve: ({ variable }) => toGlobalId('RequiredConfigVariable', variable.id),
    }),
    key: t.string({ nullable: false, resolve: ({ variable }) => variable.key }),
    stableKey: t.string({ nullable: false, resolve: ({ variable }) => variable.stableKey }),
    description: t.string({ resolve: ({ declared }) => declared.description }),
    dataType: t.field({
      type: DataType,
      nullable: false,
      resolve: ({ variable }) => variable.dataType.toUpperCase(),
    }),
    defaultValue: t.string({
      resolve: ({ declared }) => (declared.kind === 'value' ? asText(declared.default) : null),
    }),
    pickList: t.stringList({
      resolve: ({ declared }) => (declared.kind === 'value' ? [...declared.pickList] : null),
    }),
    required: t.boolean({ nullable: false, resolve: ({ variable }) => variable.isRequired }),
    orgOnly: t.boolean({ nullable: false, resolve: ({ variable }) => variable.isOrgOnly }),
  }),
});

type Input = { readonly name: string };

const ExpressionRef = builder.objectRef<Input>('Expression').implement({
  fields: (t) => ({
    name: t.exposeString('name', { nullable: false }),
    type: t.string({ nullable: false, resolve: () => 'value' }),
    value: t.string({ description: 'Write-only: always null.', resolve: () => null }),
    meta: t.field({ type: 'JSONString', resolve: () => null }),
  }),
});
const ExpressionConnection = connectionOf('Expression', ExpressionRef);

InstanceConfigVariableRef.implement({
  fields: (t) => ({
    id: t.id({ nullable: false, resolve: (node) => toGlobalId('InstanceConfigVariable', rowIdOf(node)) }),
    requiredConfigVariable: t.field({
      type: RequiredConfigVariableRef,
      nullable: false,
      resolve: (node) => node,
    }),
    value: t.string({
      description: 'Of a connection: the id of the stored credential.',
      resolve: async (node, _args, context) => {
        if (node.declared.kind === 'value') return asText(node.value);
        const credential = await credentialOf(node, context);
        return credential === null ? null : toGlobalId('Credential', credential.id);
      },
    }),
    credential: t.field({
      type: CredentialRef,
      description: 'Null when none is chosen, and for those who may not see it.',
      resolve: (node, _args, context) => credentialOf(node, context),
    }),
    status: t.field({ type: Status, resolve: (node) => statusOf(node) }),
    statusReason: t.string({
      resolve: ({ connection }) => (connection === null ? null : connectionStatus(connection).reason),
    }),
    authorizeUrl: t.string({
      description: 'The page at which a signed-in person connects the account. Reading it starts nothing.',
      resolve: async (node, _args, context) => {
        const credential = await credentialOf(node, context);
        if (credential === null || credential.grant === null) return null;
        return context.house.authorize.startUrlOf(credential.tenantId, node.connection?.id ?? credential.id);
      },
    }),
    refreshAt: t.field({
      type: 'DateTime',
      resolve: async (node, _args, context) =>
        (await credentialOf(node, context))?.grant?.refreshDueAt ?? null,
    }),
    lastSuccessfulRefreshAt: t.field({
      type: 'DateTime',
      resolve: async (node, _args, context) =>
        (await credentialOf(node, context))?.grant?.refreshedAt ?? null,
    }),
    inputs: t.field({
      type: ExpressionConnection,
      nullable: false,
      description: 'Which fields of the connection hold a value.',
      args: pageArgs(t),
      resolve: async (node, args, context) => {
        const names = (await credentialOf(node, context))?.fieldKeys ?? [];
        const inputs = names.map((name) => ({ name }));
        return await resolvePage(context, args, async (page) => cut(inputs, page));
      },
    }),
    meta: t.field({ type: 'JSONString', description: 'Write-only: always null.', resolve: () => null }),
    logs: t.field({
      type: ConnectionLogConnection,
      nullable: false,
      args: pageArgs(t),
      resolve: async (node, args, context) => {
        const credentialId = (await credentialOf(node, context))?.id ?? null;
        const of = { connectionId: node.connection?.id ?? null, credentialId };
        return await context.read((tx) =>
          resolvePage(context, args, (page) => readConnectionLog(tx, of, page)),
        );
      },
    }),
  }),
});

/** Values have no row of their own while they are the default, but clients want an id that stays the same. */
function rowIdOf({ connection, instance, variable }: InstanceVariableNode): string {
  return connection?.id ?? derivedId(instance.id, variable.stableKey);
}

async function credentialOf(node: InstanceVariableNode, context: RequestContext): Promise<Credential | null> {
  const id = node.connection?.credentialId ?? null;
  if (id === null) return null;
  context.spend(1);
  return await context.once(`credential:${id}`, async () => {
    try {
      return await context.read((tx) => getCredential({ tx, actor: context.actor, id }));
    } catch (error) {
      // The organization's credentials are offered to customers' instances and stay invisible to the customers.
      if (isFault(error, 'not_found')) return null;
      throw error;
    }
  });
}

function asText(value: unknown): string | null {
  if (value === null || value === undefined) return null;
  return typeof value === 'string' ? value : JSON.stringify(value);
}
