// Operations on secrets, declared.
import type { z } from 'zod';
import { credentialVariants } from '../kinds/credential-variants.ts';
import { kindOfType, namedKinds } from '../kinds/secret-kinds.ts';
import { exampleIds, listShown } from '../openapi/answer-schema.ts';
import type { HeaderParameter, Operation } from '../openapi/operation.ts';
import { pageParameters } from '../query.ts';
import { resourceBody } from '../resource.ts';
import { secretAttributes, secretRelationships } from './secret-body.ts';
import { exampleSecret, secretAnswered, secretShown } from './secret-shown.ts';

const group = 'Secrets';
const workspace = 'Id of the workspace, or of a contract, which has one from the start.';
const inWorkspace = { workspace };
const path = { workspace, secret: 'Id of the secret.' };

function schemasOf(verb: 'made' | 'changed') {
  const prefix = verb === 'made' ? 'New' : 'Changed';
  const named: Record<string, z.ZodType> = {};
  for (const [name, { schemas }] of namedKinds) {
    named[name] = schemas[verb].meta({ id: `${prefix}-${name}-credentials` });
  }
  return { named, others: kindOfType('any other').schemas[verb] };
}

export const minTtl = {
  name: 'min_ttl',
  about:
    'Seconds that the token is to live at least; where it must be, it is refreshed first. Half of its whole life is always enough. Where refreshing does not succeed, a token that still lives is answered with 200 and marked by `X-Token-Degraded`. Without one: 503 with Retry-After when it may come, 409 when a person has to connect the account again.',
  range: { least: 0, most: 86_400 },
} as const;

/** Which token was refused with 401, without showing it. */
export const refusedToken = {
  name: 'X-Refused-Token-Sha256',
  about:
    'SHA-256, in hexadecimal, of the access token that the provider refused: if a newer one is there already, it is answered at once.',
  pattern: /^[0-9a-fA-F]{64}$/,
} as const satisfies HeaderParameter;

const list: Operation = {
  id: 'listSecrets',
  group,
  summary: 'List secrets',
  about: 'The list is whole unless a page is asked for. Nothing is refreshed for it.',
  path: inWorkspace,
  query: [
    { name: 'filter[user]', about: 'Only those that this user has made.', isId: true },
    { name: 'filter[auth_client]', about: 'Only those of this auth client.', isId: true },
    ...pageParameters('Secrets on a page; 20 when only `page[number]` is given.'),
  ],
  answer: {
    status: 200,
    about: 'The secrets.',
    schema: listShown(secretShown, { isAlwaysPaged: false }),
    example: { data: [exampleSecret], meta: {} },
  },
};

const read: Operation = {
  id: 'readSecret',
  group,
  summary: 'Read a secret',
  about:
    'With a token that lives, if there can be one: a read waits for a refresh only when the token is about to expire. Whoever sees credentials is recorded.',
  path,
  query: [minTtl],
  answer: {
    status: 200,
    about: 'The secret.',
    ...secretAnswered,
    headers: {
      'X-Token-Degraded':
        '`1`: the token lives shorter than asked for, because it cannot be refreshed or that does not succeed.',
    },
  },
  errors: ['conflict', 'needs_authorization', 'provider_refused'],
};

const create: Operation = {
  id: 'createSecret',
  group,
  summary: 'Create a secret',
  about:
    'From tokens or keys that are there already. Its type is that of the auth client; `noauth`, `basic` and `api_key` do without one when `attributes.type` says so. Without `expires_in` the lifetime of the auth client counts, without `refresh_token` the token is never refreshed. The relationship may be spelled `auth_client` or `auth-client`.',
  path: inWorkspace,
  body: {
    schema: resourceBody(
      'auth-secret',
      credentialVariants(secretAttributes, schemasOf('made')),
      secretRelationships.optional(),
    ).meta({ id: 'NewSecret' }),
    example: {
      data: {
        type: 'auth-secret',
        attributes: {
          name: 'My CRM account',
          credentials: {
            access_token: 'the-token-that-the-provider-gave',
            refresh_token: 'the-refresh-token-that-it-gave',
            expires_in: 3600,
          },
        },
        relationships: { auth_client: { data: { id: exampleIds.client, type: 'auth-client' } } },
      },
    },
  },
  answer: {
    status: 201,
    about: 'The new secret.',
    ...secretAnswered,
    headers: { Location: 'Address of the secret.' },
  },
  errors: ['forbidden', 'conflict'],
};

const change: Operation = {
  id: 'changeSecret',
  group,
  summary: 'Change a secret',
  about:
    'What is left out stays, and what an answer showed may be sent back. Type, workspace and auth client cannot change.',
  path,
  body: {
    schema: resourceBody(
      'auth-secret',
      credentialVariants(secretAttributes.partial(), schemasOf('changed')).optional(),
      secretRelationships.optional(),
    ).meta({ id: 'ChangedSecret' }),
    example: { data: { type: 'auth-secret', attributes: { name: 'The account of Sales' } } },
  },
  answer: { status: 200, about: 'The secret as it is now.', ...secretAnswered },
  errors: ['forbidden', 'conflict'],
};

const remove: Operation = {
  id: 'deleteSecret',
  group,
  summary: 'Delete a secret',
  about: 'Refused while an instance uses it. The provider is told to revoke its tokens, where it has a way.',
  path,
  answer: { status: 204, about: 'It is gone.', schema: null },
  errors: ['forbidden', 'in_use'],
};

const refresh: Operation = {
  id: 'refreshSecret',
  group,
  summary: 'Refresh a secret',
  about:
    'For a token that the provider refused before its time. However many ask at once, one token request is sent, and all of them get the new token; so does who asks within the next five seconds (the operator may set another time) without saying which token was refused. What goes wrong at the provider is a 4xx, our own trouble a 503.',
  path,
  headers: [refusedToken],
  answer: { status: 200, about: 'The secret with its new token.', ...secretAnswered },
  errors: [
    'bad_request',
    'forbidden',
    'conflict',
    'needs_authorization',
    'provider_refused',
    'invalid_field',
  ],
};

export const secretOperations = { list, read, create, change, remove, refresh } as const;
