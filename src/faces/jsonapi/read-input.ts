// Bodies and ids from outside, parsed once. Whatever is wrong is said with the place where it stands and what to do.
import type { z } from 'zod';
import { Fault, invalidField, notFound } from '../../kernel/fault.ts';
import { type Id, isUuid } from '../../kernel/ids.ts';

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
  throw toFault(issue, part, at);
}

function toFault(issue: z.core.$ZodIssue, part: unknown, at: readonly string[]): Fault {
  const field = [...at, ...issue.path.map(String)].join('.').slice(0, 300);
  const [problem, cure] = wordsOf(issue, valueAt(part, issue.path));
  if (issue.code !== 'unrecognized_keys') return invalidField(field, problem, cure);
  const key = (issue.keys[0] ?? '').slice(0, 60);
  return invalidField(field === '' ? key : `${field}.${key}`, 'is not known here.', 'Leave it out.');
}

function wordsOf(issue: z.core.$ZodIssue, value: unknown): readonly [problem: string, cure: string] {
  if (value === undefined && issue.code !== 'custom') return ['is missing.', 'Give it a value.'];
  switch (issue.code) {
    case 'invalid_type':
      return [`is of the wrong type.`, `Give ${article(issue.expected)}.`];
    case 'too_big':
      return [`is larger than allowed.`, `At most ${issue.maximum}${unitOf(issue.origin)}.`];
    case 'too_small':
      return [`is smaller than allowed.`, `At least ${issue.minimum}${unitOf(issue.origin)}.`];
    case 'invalid_value':
      return [
        'has a value that is not known here.',
        `Choose one of: ${issue.values.map(String).join(', ')}.`,
      ];
    case 'invalid_union':
      return wordsOfForms(issue.errors, value);
    default:
      return [issue.message, 'Correct it.'];
  }
}

/** Of a value that may have several forms: what is wrong with the one that it has, or which there are. */
function wordsOfForms(
  forms: readonly (readonly z.core.$ZodIssue[])[],
  value: unknown,
): readonly [problem: string, cure: string] {
  const wanted: string[] = [];
  for (const [first] of forms) {
    if (first === undefined) continue;
    if (first.code !== 'invalid_type' || first.path.length > 0)
      return wordsOf(first, valueAt(value, first.path));
    wanted.push(article(first.expected));
  }
  return ['is of the wrong type.', `Give ${wanted.join(' or ')}.`];
}

const nouns: Readonly<Record<string, string>> = {
  array: 'a list',
  boolean: 'true or false',
  int: 'a whole number',
  number: 'a number',
  object: 'an object',
  record: 'an object',
  string: 'a text',
};

function article(expected: string): string {
  return nouns[expected] ?? `a value of type ${expected}`;
}

function unitOf(origin: string): string {
  if (origin === 'string') return ' characters';
  return origin === 'array' ? ' entries' : '';
}

function valueAt(part: unknown, path: readonly PropertyKey[]): unknown {
  let value: unknown = part;
  for (const key of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, key)) return undefined;
    value = (value as Record<PropertyKey, unknown>)[key];
  }
  return value;
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
