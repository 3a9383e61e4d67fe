// Bodies and ids from outside, parsed once. Whatever is wrong is said with the place where it stands and what to do.
import type { z } from 'zod';
import { Fault, invalidField, notFound } from '../../kernel/fault.ts';
import { type Id, isUuid } from '../../kernel/ids.ts';
import { inputFault } from '../http/input-fault.ts';

/** The body as the schema reads it; a Fault names the first member that is wrong. */
export function readBody<T>(schema: z.ZodType<T>, body: unknown): T {
  if (typeof body !== 'object' || body === null || Array.isArray(body)) {
    throw new Fault('bad_request', 'The body is not a JSON object.', {
      cure: 'Send {"data": {...}} as application/json.',
    });
  }
  return readPart(schema, body, []);
}

/** A part of the body that has a schema of its own; `at` is where it stands. */
export function readPart<T>(schema: z.ZodType<T>, part: unknown, at: readonly string[]): T {
  const parsed = schema.safeParse(part);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  if (issue === undefined) throw new Fault('bad_request', 'The body could not be read.');
  throw inputFault(issue, part, at);
}

/** An id in the path: one of another shape names nothing, so it is not found rather than malformed. */
export function idInPath<T extends Id<string>>(text: string | undefined, what: string): T {
  if (isUuid(text)) return text as T;
  throw notFound(what);
}

/** An id in a filter or a relationship: one of another shape is a mistake, and named. */
export function idIn<T extends Id<string>>(text: string, field: string): T {
  if (isUuid(text)) return text as T;
  throw invalidField(field, 'is not an id.', 'Give the id as this API answered it.');
}
