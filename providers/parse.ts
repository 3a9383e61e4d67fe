// From JSON that somebody typed to a record: the first problem becomes a fault that names the field.
import type { z } from 'zod';
import { Fault } from '../src/kernel/fault.ts';

export function parsed<T>(schema: z.ZodType<T>, input: unknown): T {
  const result = schema.safeParse(input);
  if (result.success) return result.data;
  const issue = result.error.issues[0];
  const field = issue?.path.join('.') || 'body';
  throw new Fault('invalid_field', `${field}: ${issue?.message ?? 'not understood'}`, { field });
}
