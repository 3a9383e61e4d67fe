// The body of a request that makes a workspace.
import { z } from 'zod';
import { echoed, relationTo, resourceBody } from '../resource.ts';

export const newWorkspaceBody = resourceBody(
  'workspace',
  z.strictObject({ name: z.string().max(1_000), type: echoed }),
  z.strictObject({ contract: relationTo('contract') }),
);
