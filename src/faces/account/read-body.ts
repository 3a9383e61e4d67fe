// A JSON body against its description; the first mistake becomes a Fault that names the field.
import type { z } from 'zod';
import { Fault, invalidField } from '../../kernel/fault.ts';

export function readBody<T>(schema: z.ZodType<T>, body: unknown): T {
  const parsed = schema.safeParse(body ?? {});
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const place = issue?.path.join('.') ?? '';
  if (issue?.code === 'unrecognized_keys')
    throw invalidField(issue.keys[0] ?? place, 'is not known here.', 'Leave it out.');
  if (place === '') throw new Fault('bad_request', 'The body is not a JSON object.');
  throw invalidField(place, 'is missing or not of the right kind.', issue?.message);
}
