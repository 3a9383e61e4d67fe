// Operations on users, declared.
import { z } from 'zod';
import { exampleIds, oneShown, resourceShown } from '../openapi/answer-schema.ts';
import type { Operation } from '../openapi/operation.ts';

const user = resourceShown(
  'user',
  z.strictObject({ first_name: z.string(), last_name: z.string(), email: z.string().nullable() }),
).meta({ id: 'User', description: 'A person or a service account.' });

const read: Operation = {
  id: 'readUser',
  group: 'Users',
  summary: 'Read a user',
  about: '`me` is the caller: the shortest way to try an API key.',
  path: { user: 'Id of the user, or `me`.' },
  answer: {
    status: 200,
    about: 'The user.',
    schema: oneShown(user),
    example: {
      data: {
        id: exampleIds.user,
        type: 'user',
        links: { self: `/v2/users/${exampleIds.user}` },
        attributes: { first_name: 'Gavin', last_name: 'Belson', email: 'gavin@example.com' },
      },
      meta: {},
    },
  },
};

export const userOperations = { read } as const;
