// Operations on auth clients, declared.
import { z } from 'zod';
import { refreshModes } from '../../../credentials/auth-client-store.ts';
import { credentialVariants, typeBeside } from '../kinds/credential-variants.ts';
import { neverShown } from '../kinds/secret-kind.ts';
import {
  exampleIds,
  exampleRelation,
  listShown,
  oneShown,
  relationShown,
  resourceShown,
} from '../openapi/answer-schema.ts';
import type { Operation } from '../openapi/operation.ts';
import { pageParameters, type QueryParameter } from '../query.ts';
import { resourceBody } from '../resource.ts';
import {
  changedOauth2ClientCredentials,
  clientAttributes,
  clientRelationships,
  freeClientCredentials,
  oauth2ClientCredentials,
} from './auth-client-body.ts';

const group = 'Auth clients';

const shownOauth2 = z
  .strictObject({
    client_id: z.string().optional(),
    client_secret: z.literal(neverShown).optional(),
    auth_uri: z.string().nullable().optional(),
    token_uri: z.string().optional(),
    refresh_token_uri: z.string().optional(),
    revoke_token_uri: z.string().optional(),
    client_auth: z.string().optional(),
    token_expires_in: z.int(),
    refresh_lead: z.int().optional(),
    refresh_mode: z.enum(refreshModes).optional(),
  })
  .meta({ id: 'OAuth2ClientShown', description: 'The client secret is never answered.' });

const shownAttributes = z.union([
  z.strictObject({ type: z.literal('oauth2'), name: z.string(), credentials: shownOauth2.optional() }),
  z.strictObject({
    type: typeBeside(['oauth2']),
    name: z.string(),
    credentials: freeClientCredentials.optional(),
  }),
]);

const shownRelationships = z.strictObject({
  components: z.strictObject({
    data: z.array(z.strictObject({ id: z.string(), type: z.literal('component') })),
  }),
  tenant: relationShown('tenant').optional(),
  contract: relationShown('contract').optional(),
  workspace: relationShown('workspace').optional(),
});

const authClient = resourceShown('auth-client', shownAttributes, shownRelationships).meta({
  id: 'AuthClient',
  description:
    'An app registered at a provider, or another set of values, from which secrets are made. It belongs to the unit named in its relationships and serves everything beneath it. `credentials` are there only for those who may see auth clients at that very unit.',
});

const newClient = resourceBody(
  'auth-client',
  credentialVariants(clientAttributes, {
    named: { oauth2: oauth2ClientCredentials.meta({ id: 'OAuth2Client' }) },
    others: freeClientCredentials,
  }),
  clientRelationships.optional(),
).meta({ id: 'NewAuthClient' });

const changedClient = resourceBody(
  'auth-client',
  credentialVariants(clientAttributes.partial(), {
    named: { oauth2: changedOauth2ClientCredentials.meta({ id: 'ChangedOAuth2Client' }) },
    others: freeClientCredentials,
  }).optional(),
  clientRelationships.optional(),
).meta({ id: 'ChangedAuthClient' });

const exampleCredentials = {
  client_id: 'my-app',
  auth_uri: 'https://login.example.com/authorize',
  token_uri: 'https://login.example.com/token',
  refresh_token_uri: 'https://login.example.com/token',
  token_expires_in: 3600,
};
const relationships = {
  components: { data: [{ id: 'crm-component', type: 'component' }] },
  contract: { data: { id: exampleIds.contract, type: 'contract' } },
};
const example = {
  id: exampleIds.client,
  type: 'auth-client',
  links: { self: `/v2/auth-clients/${exampleIds.client}` },
  attributes: {
    type: 'oauth2',
    name: 'CRM',
    credentials: { ...exampleCredentials, client_secret: neverShown, client_auth: 'post' },
  },
  relationships: { ...relationships, contract: exampleRelation('contract', exampleIds.contract) },
};
const answer = { schema: oneShown(authClient), example: { data: example, meta: {} } };

const path = { client: 'Id of the auth client.' };
const scope: readonly QueryParameter[] = [
  {
    name: 'workspace_id',
    about: 'Of this workspace, its contract, its tenant, and those for everybody.',
    isId: true,
  },
  { name: 'contract_id', about: 'Of this contract, its tenant, and those for everybody.', isId: true },
  { name: 'tenant_id', about: 'Of this tenant, and those for everybody.', isId: true },
];

const list: Operation = {
  id: 'listAuthClients',
  group,
  summary: 'List auth clients',
  about:
    'Give at most one of `workspace_id`, `contract_id` and `tenant_id`; without one, those that are visible to the whole organization. The list is whole unless a page is asked for.',
  query: [
    ...scope,
    { name: 'filter[component]', about: 'Only those that are bound to this component.' },
    ...pageParameters('Auth clients on a page; 20 when only `page[number]` is given.'),
  ],
  answer: {
    status: 200,
    about: 'The auth clients.',
    schema: listShown(authClient, { isAlwaysPaged: false }),
    example: { data: [example], meta: {} },
  },
  errors: ['not_found'],
};

const read: Operation = {
  id: 'readAuthClient',
  group,
  summary: 'Read an auth client',
  about: 'With one of the scope parameters, only if the auth client can be used there.',
  path,
  query: scope,
  answer: { status: 200, about: 'The auth client.', ...answer },
};

const create: Operation = {
  id: 'createAuthClient',
  group,
  summary: 'Create an auth client',
  about:
    'It belongs to the one unit that its relationships name: a workspace, a contract or a tenant; to the organization when they name none. Addresses are taken as typed; that they are https, and allowed, is demanded when they are called. The type `oauth2_instagram` is for the addresses of Instagram, whose long-lived tokens are renewed with themselves.',
  body: {
    schema: newClient,
    example: {
      data: {
        type: 'auth-client',
        attributes: {
          type: 'oauth2',
          name: 'CRM',
          credentials: { ...exampleCredentials, client_secret: 'what the provider gave' },
        },
        relationships,
      },
    },
  },
  answer: {
    status: 201,
    about: 'The new auth client.',
    ...answer,
    headers: { Location: 'Address of the auth client.' },
  },
  errors: ['forbidden', 'not_found'],
};

const change: Operation = {
  id: 'changeAuthClient',
  group,
  summary: 'Change an auth client',
  about:
    'What is left out stays. Of type `oauth2`, name, components, client secret, lifetime, lead and mode can change; id, addresses, type and level cannot, because secrets hang on them. What an answer showed may be sent back.',
  path,
  body: {
    schema: changedClient,
    example: {
      data: { type: 'auth-client', attributes: { credentials: { client_secret: 'a newer one' } } },
    },
  },
  answer: { status: 200, about: 'The auth client as it is now.', ...answer },
  errors: ['forbidden'],
};

const remove: Operation = {
  id: 'deleteAuthClient',
  group,
  summary: 'Delete an auth client',
  about: 'Refused while a secret is attached to it.',
  path,
  answer: { status: 204, about: 'It is gone.', schema: null },
  errors: ['forbidden', 'in_use'],
};

export const clientOperations = { list, read, create, change, remove } as const;
