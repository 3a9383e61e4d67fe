// Bodies of requests that make or change a secret. `credentials` are read by the secret's kind, once that is known.
import { z } from 'zod';
import { echoed, relationTo, resourceBody } from '../resource.ts';

export const secretAttributes = z.strictObject({
  name: z.string().max(1_000),
  // Of the auth client; documents do not have it, answers do.
  type: z.string().max(60).optional(),
  state: z.enum(['ready', 'error']).optional(),
  error: z
    .string()
    .max(2_000)
    // biome-ignore lint/suspicious/noControlCharactersInRegex: that is what it looks for
    .regex(/^[^\x00-\x08\x0e-\x1f]*$/, 'holds control characters.')
    .nullable()
    .optional(),
  credentials: z.unknown().optional(),
  created_at: echoed,
  updated_at: echoed,
});

// Both spellings: documents write a hyphen, clients and answers an underscore.
export const secretRelationships = z.strictObject({
  auth_client: relationTo('auth-client').optional(),
  'auth-client': relationTo('auth-client').optional(),
  workspace: relationTo('workspace').optional(),
  component: echoed,
  user: echoed,
});

export const newSecretBody = resourceBody('auth-secret', secretAttributes, secretRelationships.optional());
export const changedSecretBody = resourceBody(
  'auth-secret',
  secretAttributes.partial().optional(),
  secretRelationships.optional(),
);

export type SecretRelationships = z.infer<typeof secretRelationships>;

export function authClientIdIn(given: SecretRelationships | undefined): string | null {
  return (given?.auth_client ?? given?.['auth-client'])?.data.id ?? null;
}
