// Secrets as answers show them, as a schema: credentials by type.
import { z } from 'zod';
import { typeBeside } from '../kinds/credential-variants.ts';
import { freeObject } from '../kinds/extra-fields.ts';
import { neverShown } from '../kinds/secret-kind.ts';
import { namedKinds } from '../kinds/secret-kinds.ts';
import {
  answeredTime,
  exampleIds,
  exampleRelation,
  oneShown,
  relationShown,
  resourceShown,
} from '../openapi/answer-schema.ts';

const shownOauth2 = z
  .strictObject({
    access_token: z.string().optional(),
    refresh_token: z.literal(neverShown).optional(),
    token_type: z.string().optional(),
    expires_in: z.int().optional().meta({ description: 'Whole lifetime of the token in seconds.' }),
    expires_at: answeredTime.optional(),
    scope: z.string().optional(),
    additional_params: z.string().optional().meta({
      description: 'Parameters of the authorization URL, as a JSON text.',
    }),
    undefined_params: freeObject.optional().meta({
      description: 'What the provider answered beside the standard; kept through refreshes.',
    }),
    fields: freeObject.optional(),
  })
  .meta({ id: 'OAuth2SecretShown', description: 'The refresh token is never answered.' });

const shownFields = { fields: freeObject.optional() };
const shown: Readonly<Record<string, z.ZodType>> = {
  oauth2: shownOauth2,
  oauth2_instagram: shownOauth2,
  basic: z.strictObject({ username: z.string(), password: z.string(), ...shownFields }),
  api_key: z.strictObject({ headerName: z.string(), headerValue: z.string(), ...shownFields }),
  noauth: z.strictObject(shownFields),
};

const attributesShown = (type: z.ZodType, credentials: z.ZodType) =>
  z.strictObject({
    name: z.string(),
    state: z.enum(['ready', 'error']),
    error: z.string().optional(),
    type,
    credentials: credentials.optional(),
  });

export const secretShown = resourceShown(
  'auth-secret',
  z.union([
    ...[...namedKinds.keys()].map((name) => attributesShown(z.literal(name), shown[name] ?? z.never())),
    attributesShown(typeBeside([...namedKinds.keys()]), freeObject),
  ]),
  z.strictObject({
    workspace: relationShown('workspace'),
    user: relationShown('user').optional(),
    auth_client: relationShown('auth-client').optional(),
  }),
).meta({
  id: 'Secret',
  description:
    'Tokens or keys of one account. `credentials` are there only for those who may see them; `error` says what went wrong last, also while an older token still serves.',
});

export const exampleSecret = {
  id: exampleIds.secret,
  type: 'auth-secret',
  links: { self: `/v2/workspaces/${exampleIds.workspace}/secrets/${exampleIds.secret}` },
  attributes: {
    name: 'My CRM account',
    state: 'ready',
    type: 'oauth2',
    credentials: {
      access_token: 'the-token-to-send',
      refresh_token: neverShown,
      token_type: 'Bearer',
      expires_in: 3600,
      expires_at: '2030-01-31T12:00:00.000Z',
      scope: 'contacts.read',
      undefined_params: { instance_url: 'https://eu.crm.example.com' },
    },
  },
  relationships: {
    workspace: exampleRelation('workspace', exampleIds.workspace),
    user: exampleRelation('user', exampleIds.user),
    auth_client: exampleRelation('auth-client', exampleIds.client),
  },
};

export const secretAnswered = {
  schema: oneShown(secretShown),
  example: { data: exampleSecret, meta: {} },
};
