// Errors as answers show them, as a schema.
import { z } from 'zod';
import { type FaultCode, faultTable } from '../../../kernel/fault.ts';
import { answeredId } from './answer-schema.ts';

const codes = Object.keys(faultTable) as FaultCode[];

export const errorShown = z
  .strictObject({
    errors: z
      .array(
        z.strictObject({
          id: answeredId.meta({ description: 'Of the request; give it to the operator.' }),
          status: z.int(),
          code: z.enum(codes),
          title: z.string(),
          detail: z.string().meta({ description: 'What is wrong, and the cure.' }),
          source: z
            .strictObject({
              pointer: z.string().optional(),
              parameter: z.string().optional(),
              header: z.string().optional(),
            })
            .optional()
            .meta({ description: 'Where: a place in the body, a parameter of the query, or a header.' }),
        }),
      )
      .length(1),
    meta: z.strictObject({}),
    error: z.string().optional().meta({ description: 'The same as `detail`, where clients read it here.' }),
  })
  .meta({ id: 'Error', description: 'What every error looks like.' });
