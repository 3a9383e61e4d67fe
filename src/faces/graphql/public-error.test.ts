import { buildSchema, coerceInputValue, GraphQLInt, GraphQLString, parse, validate } from 'graphql';
import { describe, expect, test } from 'vitest';
import { Fault } from '../../kernel/fault.ts';
import { toPublicError, withoutValues } from './public-error.ts';

const schema = buildSchema(`
  enum Colour { RED }
  scalar Odd
  input In { a: Int, b: String!, c: Colour, d: In }
  type Query { q(a: Int, b: String, c: Colour, d: In, e: [Int]): Int }
`);

describe('what strangers read', () => {
  test('the library’s messages come without the values that it repeats', () => {
    const secret = 'canary';
    const texts = [
      `{ q(a: "${secret}") }`,
      `{ q(a: ${'9'.repeat(30)}) }`,
      `{ q(b: [${secret}]) }`,
      `{ q(b: {x: "${secret}"}) }`,
      `{ q(c: "${secret}") }`,
      `{ q(c: ${secret}) }`,
      `{ q(d: "${secret}") }`,
      `{ q(d: {b: 1, a: "${secret}"}) }`,
      `{ q(e: ["${secret}"]) }`,
      `{ q(a: """${secret}""") }`,
      `{ q "${secret}" }`,
      `{ q(a "${secret}") }`,
      `{ q(a: $"${secret}") }`,
      `"${secret}" { q }`,
      `{ q } "${secret}"`,
      `{ q(a: "${secret}`,
    ];
    for (const text of texts) {
      let messages: string[];
      try {
        messages = validate(schema, parse(text)).map((error) => toPublicError(error).message);
      } catch (error) {
        messages = [toPublicError(error).message];
      }
      expect(messages.length, text).toBeGreaterThan(0);
      for (const message of messages) expect(message, text).not.toMatch(/canary|999/);
    }
  });

  test('values of variables do not come back either', () => {
    for (const type of [GraphQLInt, GraphQLString]) {
      coerceInputValue({ canary: 1 }, type, (_path, _value, error) => {
        const message = `Variable "$v" got invalid value { canary: 1 } at "v.x[0]"; ${error.message}`;
        expect(withoutValues(message)).toBe('Variable "$v" got an invalid value at "v.x[0]".');
      });
    }
  });

  test('of our own trouble nothing is told but that it is ours', () => {
    const error = toPublicError(new Error('password=canary at /srv/secret.ts'));
    expect(JSON.stringify(error)).not.toMatch(/canary|secret/);
    expect(error.extensions.code).toBe('internal');
    const fault = new Fault('invalid_field', 'name: must not be empty.', {
      field: 'name',
      cure: 'Give one.',
    });
    expect(toPublicError(fault)).toEqual({
      message: 'name: must not be empty. Give one.',
      extensions: { code: 'invalid_field', field: 'name' },
    });
  });
});
