// Operations on credentials, as they were called before secrets, declared.
import { z } from 'zod';
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
import { accountBody, changedCredentialBody, newCredentialBody } from './credential-body.ts';

const group = 'Older names';

const component = z.strictObject({
  data: z.strictObject({ id: z.string(), type: z.literal('component') }),
  links: z.strictObject({ self: z.string() }),
});

const credential = resourceShown(
  'credential',
  z.strictObject({ name: z.string(), keys: z.looseObject({}).optional() }),
  z.strictObject({
    workspace: relationShown('workspace'),
    component,
    user: relationShown('user').optional(),
  }),
).meta({
  id: 'OldCredential',
  description:
    'A secret, as components before secrets know it. `keys` are there only for those who may see credentials; they never hold the refresh token.',
});

const keys = { oauth: { access_token: 'the-token-to-send', token_type: 'Bearer', expires_in: 3600 } };
const example = {
  id: exampleIds.secret,
  type: 'credential',
  links: { self: `/v2/credentials/${exampleIds.secret}` },
  attributes: { name: 'My CRM account', keys: { ...keys, oauth2: keys.oauth } },
  relationships: {
    workspace: exampleRelation('workspace', exampleIds.workspace),
    component: exampleRelation('component', 'crm-component'),
    user: exampleRelation('user', exampleIds.user),
  },
};
const answer = { schema: oneShown(credential), example: { data: example, meta: {} } };
const path = { credential: 'Id of the credential, which is the id of the secret.' };

const list: Operation = {
  id: 'listOldCredentials',
  group,
  summary: 'List credentials',
  about:
    'The secrets of a workspace under their older name. The list is whole unless a page is asked for. Nothing is refreshed for it.',
  query: [
    {
      name: 'workspace_id',
      about: 'Of this workspace, or of this contract, which has one. Needed.',
      isId: true,
    },
    { name: 'filter[component]', about: 'Only those of this component.' },
    ...pageParameters('Credentials on a page; 20 when only `page[number]` is given.'),
  ],
  answer: {
    status: 200,
    about: 'The credentials.',
    schema: listShown(credential, { isAlwaysPaged: false }),
    example: { data: [example], meta: {} },
  },
  errors: ['not_found'],
};

const read: Operation = {
  id: 'readOldCredential',
  group,
  summary: 'Read a credential',
  about: 'With a token that lives, if there can be one. Whoever sees keys is recorded.',
  path,
  answer: { status: 200, about: 'The credential.', ...answer },
};

const create: Operation = {
  id: 'createOldCredential',
  group,
  summary: 'Create a credential',
  about:
    'Makes a secret with the auth client that serves the component in the workspace: the nearest one. A token stands under `oauth`, fields beside it.',
  body: {
    schema: newCredentialBody.meta({ id: 'NewOldCredential' }),
    example: {
      data: {
        type: 'credential',
        attributes: { name: 'My CRM account', keys },
        relationships: {
          component: { data: { id: 'crm-component', type: 'component' } },
          workspace: { data: { id: exampleIds.workspace, type: 'workspace' } },
        },
      },
    },
  },
  answer: {
    status: 201,
    about: 'The new credential.',
    ...answer,
    headers: { Location: 'Address of the credential.' },
  },
  errors: ['forbidden', 'not_found', 'conflict'],
};

const change: Operation = {
  id: 'changeOldCredential',
  group,
  summary: 'Change a credential',
  about: 'What is left out stays.',
  path,
  body: {
    schema: changedCredentialBody.meta({ id: 'ChangedOldCredential' }),
    example: { data: { type: 'credential', attributes: { name: 'The account of Sales' } } },
  },
  answer: { status: 200, about: 'The credential as it is now.', ...answer },
  errors: ['forbidden', 'conflict'],
};

const remove: Operation = {
  id: 'deleteOldCredential',
  group,
  summary: 'Delete a credential',
  about: 'The secret with it. Refused while a flow or an instance uses it.',
  path,
  answer: { status: 204, about: 'It is gone.', schema: null },
  errors: ['forbidden', 'in_use'],
};

const updateKeys: Operation = {
  id: 'updateAccountKeys',
  group,
  summary: 'Hand in the keys of a credential',
  about:
    'What a component before secrets sends after it has refreshed its token by itself. The bare answer of a token endpoint will do.',
  path: { account: path.credential },
  body: {
    schema: accountBody.meta({ id: 'AccountKeys' }),
    example: { keys: { access_token: 'the-newer-token', token_type: 'Bearer', expires_in: 3600 } },
  },
  answer: { status: 200, about: 'The credential as it is now.', ...answer },
  errors: ['forbidden', 'conflict'],
};

export const credentialOperations = { list, read, create, change, remove, updateKeys } as const;
