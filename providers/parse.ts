// From JSON that somebody typed to a record: the first problem becomes a fault that names the field.
import { z } from 'zod';
import { Fault, invalidField } from '../src/kernel/fault.ts';

export function parsed<T>(schema: z.ZodType<T>, input: unknown): T {
  const result = schema.safeParse(input);
  if (result.success) return result.data;
  const issue = result.error.issues[0];
  if (issue?.code === 'unrecognized_keys') {
    const key = (issue.keys[0] ?? '').slice(0, 60);
    const cure = issue.path.length > 0 ? 'Leave it out.' : knownTo(schema);
    throw invalidField([...issue.path, key].join('.'), 'is not known here.', cure);
  }
  const field = issue?.path.join('.') || 'body';
  throw new Fault('invalid_field', `${field}: ${issue?.message ?? 'not understood'}`, { field });
}

function knownTo(schema: z.ZodType): string {
  return schema instanceof z.ZodObject ? `Known: ${Object.keys(schema.shape).join(', ')}.` : 'Leave it out.';
}
