import { buildSchema, GraphQLInputObjectType, type OperationDefinitionNode, parse } from 'graphql';
import { describe, expect, test } from 'vitest';
import { isFault } from '../../kernel/fault.ts';
import { coerceVariables } from './lenient-variables.ts';

const schema = buildSchema(`
  enum Colour { RED GREEN }
  input Inner { key: String!, value: String, count: Int, on: Boolean }
  input Definition { key: String!, inner: [Inner] }
  type Query { q(a: Boolean, b: Int, c: Float, d: String, e: ID, f: [Inner!], g: Colour, h: Definition, i: Int!): Int }
`);
const definition = schema.getType('Definition');
if (definition instanceof GraphQLInputObjectType) definition.extensions = { dropsUnknownFields: true };

const operation = parse(
  'query($a: Boolean, $b: Int, $c: Float, $d: String, $e: ID, $f: [Inner!], $g: Colour, $h: Definition, $i: Int! = 3) { q(i: $i) }',
).definitions[0] as OperationDefinitionNode;
const coerced = (variables: Record<string, unknown>) => coerceVariables(schema, operation, variables);
const refusal = (variables: Record<string, unknown>) => {
  try {
    coerced(variables);
  } catch (error) {
    if (isFault(error, 'bad_request')) return error.public;
    throw error;
  }
  return null;
};

describe('variables', () => {
  test('come in the spelling that clients really use', () => {
    expect(coerced({ a: 'true', b: '3', c: '2.5', d: 7, e: 9 })).toEqual({
      a: true,
      b: 3,
      c: 2.5,
      d: '7',
      e: 9,
    });
    expect(coerced({ a: 'False', b: '-3', d: true })).toEqual({ a: false, b: -3, d: 'true' });
    expect(coerced({ f: { key: 5, on: 'true', count: '2' } })).toEqual({
      f: [{ key: '5', on: true, count: 2 }],
    });
  });

  test('that are right stay as they are, and others of the body are left out', () => {
    const right = { a: null, b: 3, d: 'x', f: [{ key: 'k', value: null }], g: 'RED' };
    expect(coerced({ ...right, other: 1 })).toEqual(right);
    expect(coerced({})).toEqual({});
  });

  test('that do not fit are refused by place, and their value is not repeated', () => {
    const cases: readonly (readonly [Record<string, unknown>, string])[] = [
      [{ a: 'canary' }, 'Variable $a: is not a Boolean.'],
      [{ b: '3canary' }, 'Variable $b: is not a Int.'],
      [{ b: 1e20 }, 'Variable $b: is not a Int.'],
      [{ d: { canary: 1 } }, 'Variable $d: is not a String.'],
      [{ d: 'canary\u0000' }, 'Variable $d: holds a NUL character.'],
      [{ g: 'canary' }, 'Variable $g: is not a Colour.'],
      [{ f: ['canary'] }, 'Variable $f[0]: is not an object (Inner).'],
      [{ f: [{ value: 'canary' }] }, 'Variable $f[0].key: is required.'],
      [{ f: [null] }, 'Variable $f[0]: is required.'],
      [{ f: [{ key: 'k', canary: 1 }] }, 'Variable $f[0].canary: is not a field of Inner.'],
      [{ i: null }, 'Variable $i: is required.'],
    ];
    for (const [variables, words] of cases) expect(refusal(variables)).toBe(words);
  });

  test('unknown fields are dropped only where newer clients may send them', () => {
    expect(coerced({ h: { key: 'k', newer: { than: 'we' }, inner: [] } })).toEqual({
      h: { key: 'k', inner: [] },
    });
    expect(refusal({ h: { key: 'k', inner: [{ key: 'k', newer: 1 }] } })).toContain('$h.inner[0].newer');
  });

  test('names of the object prototype are no fields', () => {
    expect(refusal({ f: [JSON.parse('{"key":"k","__proto__":1}')] })).toContain('__proto__');
    expect(refusal({ f: [{ key: 'k', constructor: 1 }] })).toContain('constructor');
  });
});
