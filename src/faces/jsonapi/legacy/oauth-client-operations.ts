// Operations on OAuth clients, as they were called before auth clients, declared.
import { z } from 'zod';
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
import { pageParameters } from '../query.ts';
import { changedOauthClientBody, newOauthClientBody } from './oauth-client-body.ts';

const group = 'Older names';

const client = resourceShown(
  'oauth-client',
  z.looseObject({ name: z.string(), client_secret: z.literal(neverShown).optional() }),
  z.strictObject({
    tenant: relationShown('tenant'),
    component: z
      .strictObject({
        data: z.strictObject({ id: z.string(), type: z.literal('component') }),
        links: z.strictObject({ self: z.string() }),
      })
      .optional(),
  }),
).meta({
  id: 'OldOAuthClient',
  description: 'An auth client of the tenant and of type `oauth2`. The client secret is never answered.',
});

const credentials = {
  client_id: 'my-app',
  auth_uri: 'https://login.example.com/authorize',
  token_uri: 'https://login.example.com/token',
};
const relationships = { component: exampleRelation('component', 'crm-component') };
const example = {
  id: exampleIds.client,
  type: 'oauth-client',
  links: { self: `/v2/tenants/${exampleIds.tenant}/oauth-clients/${exampleIds.client}` },
  attributes: { name: 'crm-component', ...credentials, client_secret: neverShown },
  relationships: { ...relationships, tenant: exampleRelation('tenant', exampleIds.tenant) },
};
const answer = { schema: oneShown(client), example: { data: example, meta: {} } };
const ofTenant = { tenant: 'Id of the tenant.' };
const path = { ...ofTenant, client: 'Id of the client, which is the id of the auth client.' };

const list: Operation = {
  id: 'listOldOAuthClients',
  group,
  summary: 'List OAuth clients',
  about: 'The auth clients of the tenant itself that are of type `oauth2`, under their older name.',
  path: ofTenant,
  query: [
    { name: 'filter[component]', about: 'Only those that are bound to this component.' },
    ...pageParameters('Clients on a page; 20 when only `page[number]` is given.'),
  ],
  answer: {
    status: 200,
    about: 'The clients.',
    schema: listShown(client, { isAlwaysPaged: false }),
    example: { data: [example], meta: {} },
  },
};

const read: Operation = {
  id: 'readOldOAuthClient',
  group,
  summary: 'Read an OAuth client',
  path,
  answer: { status: 200, about: 'The client.', ...answer },
};

const create: Operation = {
  id: 'createOldOAuthClient',
  group,
  summary: 'Create an OAuth client',
  about: 'One for each component. The addresses that stood in its descriptor are given with it.',
  path: ofTenant,
  body: {
    schema: newOauthClientBody.meta({ id: 'NewOldOAuthClient' }),
    example: {
      data: {
        type: 'oauth-client',
        attributes: { ...credentials, client_secret: 'what the provider gave' },
        relationships: { component: { data: { id: 'crm-component', type: 'component' } } },
      },
    },
  },
  answer: {
    status: 201,
    about: 'The new client.',
    ...answer,
    headers: { Location: 'Address of the client.' },
  },
  errors: ['forbidden', 'conflict'],
};

const change: Operation = {
  id: 'changeOldOAuthClient',
  group,
  summary: 'Change an OAuth client',
  about:
    'Name, client secret and lifetime can change; id and addresses cannot, because secrets hang on them.',
  path,
  body: {
    schema: changedOauthClientBody.meta({ id: 'ChangedOldOAuthClient' }),
    example: { data: { type: 'oauth-client', attributes: { client_secret: 'a newer one' } } },
  },
  answer: { status: 200, about: 'The client as it is now.', ...answer },
  errors: ['forbidden'],
};

const remove: Operation = {
  id: 'deleteOldOAuthClient',
  group,
  summary: 'Delete an OAuth client',
  about: 'Refused while a secret is attached to it.',
  path,
  answer: { status: 204, about: 'It is gone.', schema: null },
  errors: ['forbidden', 'in_use'],
};

export const oauthClientOperations = { list, read, create, change, remove } as const;
