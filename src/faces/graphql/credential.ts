// Credentials: what they are and how they stand. Values are write-only; `value`, `token` and `context` exist because the
// dialect has them, and hold nothing.
import { getAuthClient } from '../../credentials/auth-client.ts';
import { getConnectionType } from '../../credentials/connection-type.ts';
import { type Credential, getCredential, listCredentials } from '../../credentials/credential.ts';
import { readConnectionLog } from '../../credentials/log-store.ts';
import { redirectUriOf } from '../../credentials/registration.ts';
import type { CredentialId, UnitId } from '../../kernel/ids.ts';
import type { Tx } from '../../storage/doors.ts';
import { can } from '../../tenancy/actor.ts';
import { builder } from './builder.ts';
import { pageArgs, resolvePage } from './connection.ts';
import { byGlobalId, toGlobalId } from './global-id.ts';
import {
  AuthorizationMethodRef,
  ConnectionLogConnection,
  CredentialConnection,
  CredentialRef,
  CustomerRef,
  OrganizationRef,
} from './objects.ts';
import type { RequestContext } from './request-context.ts';
import { searchText } from './texts.ts';
import { customerById, customerOf, organizationOf } from './units.ts';

const ValueRef = builder.objectRef<{ readonly key: string }>('CredentialFieldValue').implement({
  fields: (t) => ({
    key: t.exposeString('key', { nullable: false }),
    value: t.string({ description: 'Write-only: always null.', resolve: () => null }),
  }),
});

CredentialRef.implement({
  fields: (t) => ({
    id: t.id({ nullable: false, resolve: (credential) => toGlobalId('Credential', credential.id) }),
    label: t.string({
      nullable: false,
      resolve: (credential) => credential.label ?? credential.connectionType.label,
    }),
    authorizationMethod: t.field({
      type: AuthorizationMethodRef,
      nullable: false,
      resolve: (credential, _args, context) =>
        context.once(`type:${credential.connectionType.id}`, () =>
          context.read((tx) => getConnectionType(tx, credential.connectionType)),
        ),
    }),
    readyForUse: t.exposeBoolean('isReadyForUse', { nullable: false }),
    org: t.field({
      type: OrganizationRef,
      description: 'Set when the credential is the organization’s own.',
      resolve: (credential, _args, context) =>
        credential.unitPath.length === 1 ? organizationOf(context) : null,
    }),
    customer: t.field({
      type: CustomerRef,
      resolve: (credential, _args, context) => customerOf(context, credential.unitPath),
    }),
    authorizationError: t.string({
      resolve: (credential) => credential.grant?.lastError ?? credential.reportedError,
    }),
    authorizeUrl: t.string({
      description: 'The page at which a signed-in person connects it. Reading it starts nothing.',
      resolve: (credential, _args, { house }) =>
        credential.grant === null ? null : house.authorize.startUrlOf(credential.tenantId, credential.id),
    }),
    redirectUri: t.string({
      description: 'To be registered at the provider.',
      resolve: (credential, _args, context) => redirectUri(credential, context),
    }),
    refreshAt: t.field({
      type: 'DateTime',
      resolve: (credential) => credential.grant?.refreshDueAt ?? null,
    }),
    values: t.field({
      type: [ValueRef],
      nullable: false,
      description: 'Which fields hold a value.',
      resolve: (credential) => credential.fieldKeys.map((key) => ({ key })),
    }),
    token: t.field({ type: 'JSONString', description: 'Write-only: always null.', resolve: () => null }),
    context: t.field({ type: 'JSONString', description: 'Write-only: always null.', resolve: () => null }),
    allowUpdate: t.boolean({
      nullable: false,
      resolve: ({ unitPath }, _args, { actor }) => can(actor, 'credential.edit', unitPath),
    }),
    allowRemove: t.boolean({
      nullable: false,
      resolve: ({ unitPath, usedBy }, _args, { actor }) =>
        usedBy === 0 && can(actor, 'credential.delete', unitPath),
    }),
    createdAt: t.field({ type: 'DateTime', nullable: false, resolve: ({ createdAt }) => createdAt }),
    updatedAt: t.field({ type: 'DateTime', nullable: false, resolve: ({ updatedAt }) => updatedAt }),
    logs: t.field({
      type: ConnectionLogConnection,
      nullable: false,
      args: pageArgs(t),
      resolve: (credential, args, context) =>
        context.read((tx) =>
          resolvePage(context, args, (page) =>
            readConnectionLog(tx, { connectionId: null, credentialId: credential.id }, page),
          ),
        ),
    }),
  }),
});

async function redirectUri(credential: Credential, context: RequestContext): Promise<string | null> {
  const { authClientId } = credential;
  if (authClientId === null) return null;
  const client = await context.once(`client:${authClientId}`, () =>
    context.read((tx) => getAuthClient(tx, authClientId)),
  );
  return client.registration === null ? null : redirectUriOf(client.registration, context.house.publicUrl());
}

/** The credential that a global id names: not_found, naming `field`, unless the actor may see it. */
export async function credentialById(
  tx: Tx,
  context: RequestContext,
  globalId: string,
  field = 'id',
): Promise<Credential> {
  return await byGlobalId({ type: 'Credential', id: globalId, field }, (id: CredentialId) =>
    getCredential({ tx, actor: context.actor, id }),
  );
}

builder.queryFields((t) => ({
  credential: t.field({
    type: CredentialRef,
    args: { id: t.arg.id({ required: true }) },
    resolve: (_root, args, context) => {
      context.spend(1);
      return context.read((tx) => credentialById(tx, context, args.id));
    },
  }),
  credentials: t.field({
    type: CredentialConnection,
    nullable: false,
    description: 'Everything that you may see: the organization’s and the customers’.',
    args: {
      ...pageArgs(t),
      customer: t.arg.id(),
      customer_Isnull: t.arg.boolean(),
      label_Icontains: t.arg.string(),
    },
    resolve: (_root, args, context) =>
      context.read(async (tx) => {
        const unitId = await unitOf(tx, context, args);
        return await resolvePage(context, args, (page) =>
          listCredentials({
            tx,
            actor: context.actor,
            unitId,
            includeBeneath: args.customer_Isnull !== true,
            search: searchText(args.label_Icontains, 'label_Icontains'),
            page,
          }),
        );
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
