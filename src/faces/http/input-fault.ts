// What is wrong with input from outside, in plain words, with the place where it stands and what to do: the validator's own
// words are for programmers.
import type { z } from 'zod';
import { type Fault, invalidField } from '../../kernel/fault.ts';

/** `part` is what was read, `at` where it stands in the body. */
export function inputFault(issue: z.core.$ZodIssue, part: unknown, at: readonly string[] = []): Fault {
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
    case 'invalid_format':
      if (issue.format !== 'datetime') return [issue.message, 'Correct it.'];
      return ['is not a point in time.', 'Write it as in 2030-01-31T12:00:00Z.'];
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
