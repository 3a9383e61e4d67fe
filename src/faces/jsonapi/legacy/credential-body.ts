// Bodies of requests that make or change a credential under its older name. `keys` are read by the secret's kind.
import { z } from 'zod';
import { echoed, relationTo, resourceBody } from '../resource.ts';

const keysSchema = z.record(z.string().min(1).max(200), z.json());

export const componentRelation = z.strictObject({
  data: z.strictObject({
    id: z.string().regex(/^[\x21-\x7e]{1,200}$/, 'is not an id.'),
    type: z.literal('component').optional(),
  }),
  links: echoed,
  meta: echoed,
});

const attributes = z.strictObject({
  name: z.string().max(1_000),
  keys: keysSchema,
  created_at: echoed,
  updated_at: echoed,
});

export const newCredentialBody = resourceBody(
  'credential',
  attributes,
  z.strictObject({
    workspace: relationTo('workspace'),
    component: componentRelation,
    user: echoed,
    agent: echoed,
  }),
);
export const changedCredentialBody = resourceBody(
  'credential',
  attributes.partial().optional(),
  z.strictObject({ workspace: echoed, component: echoed, user: echoed, agent: echoed }).optional(),
);

/** As the runtime of components sends it, outside of the dialect's envelope. */
export const accountBody = z.strictObject({ keys: keysSchema });
