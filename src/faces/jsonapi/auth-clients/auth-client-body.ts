// Bodies of requests that make or change an auth client. What an address must look like is checked with its kind; whether it
// may be dialled is decided when it is.
import { z } from 'zod';
import { refreshModes } from '../../../credentials/auth-client-store.ts';
import { freeObject } from '../kinds/extra-fields.ts';
import { seconds } from '../kinds/seconds.ts';
import { echoed, relationTo, resourceBody } from '../resource.ts';

const name = z.string().max(1_000);

const components = z.strictObject({
  data: z
    .array(
      z.strictObject({
        id: z.string().regex(/^[\x21-\x7e]{1,200}$/, 'is not an id.'),
        type: z.literal('component').optional(),
      }),
    )
    .max(100),
  links: echoed,
  meta: echoed,
});

export const clientRelationships = z.strictObject({
  components: components.optional(),
  workspace: relationTo('workspace').optional(),
  contract: relationTo('contract').optional(),
  tenant: relationTo('tenant').optional(),
});

export const clientAttributes = z.strictObject({
  type: z.string().regex(/^[a-z][a-z0-9_.-]{0,59}$/, 'is not the name of a type.'),
  name,
  credentials: z.unknown().optional(),
  created_at: echoed,
  updated_at: echoed,
});

export const newClientBody = resourceBody('auth-client', clientAttributes, clientRelationships.optional());
export const changedClientBody = resourceBody(
  'auth-client',
  clientAttributes.partial().optional(),
  clientRelationships.optional(),
);
export type ClientRelationships = z.infer<typeof clientRelationships>;

// biome-ignore lint/suspicious/noControlCharactersInRegex: that is what it looks for
const oneLine = /^[^\x00-\x1f\x7f]*$/;
const line = (max: number) => z.string().min(1).max(max).regex(oneLine, 'holds control characters.');

const oauth2 = z.strictObject({
  client_id: line(500),
  client_secret: line(4_096).optional(),
  auth_uri: line(1_000),
  token_uri: line(1_000),
  refresh_token_uri: line(1_000).optional(),
  revoke_token_uri: line(1_000).optional(),
  /** How the client proves itself at the token endpoint. */
  client_auth: z.enum(['basic', 'post', 'none']).optional(),
  token_expires_in: seconds(1).nullable().optional(),
  /** How long before expiry its tokens are refreshed; some providers refuse earlier ones. */
  refresh_lead: seconds(0).nullable().optional(),
  /** How eagerly its tokens are refreshed; null is the default. */
  refresh_mode: z.enum(refreshModes).nullable().optional(),
});

export const oauth2ClientCredentials = oauth2;
export const changedOauth2ClientCredentials = oauth2.partial();
export const freeClientCredentials = freeObject;
