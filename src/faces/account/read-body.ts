// A JSON body against its description; the first mistake becomes a Fault that names the field.
import type { z } from 'zod';
import { Fault } from '../../kernel/fault.ts';
import { inputFault } from '../http/input-fault.ts';

export function readBody<T>(schema: z.ZodType<T>, body: unknown): T {
  const given = body ?? {};
  const parsed = schema.safeParse(given);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  if (issue === undefined || typeof given !== 'object' || Array.isArray(given))
    throw new Fault('bad_request', 'The body is not a JSON object.');
  throw inputFault(issue, given);
}
