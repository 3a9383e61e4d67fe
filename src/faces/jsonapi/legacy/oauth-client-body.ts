// Bodies of requests that make or change an OAuth client under its older name. The addresses stood in the component's
// descriptor then; there is none here, so they come with the client.
import { z } from 'zod';
import { oauth2ClientCredentials } from '../auth-clients/auth-client-body.ts';
import { echoed, resourceBody } from '../resource.ts';
import { componentRelation } from './credential-body.ts';

const name = z.string().max(1_000).optional();
const around = { name, created_at: echoed, updated_at: echoed };

export const newOauthClientBody = resourceBody(
  'oauth-client',
  oauth2ClientCredentials.extend(around),
  z.strictObject({ component: componentRelation, tenant: echoed }),
);
export const changedOauthClientBody = resourceBody(
  'oauth-client',
  oauth2ClientCredentials.partial().extend(around).optional(),
  z.strictObject({ component: echoed, tenant: echoed }).optional(),
);
