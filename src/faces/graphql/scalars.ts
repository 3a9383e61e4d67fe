// The scalars of the dialect. Messages never repeat the value: it may be a secret in the wrong place.
import { GraphQLError, Kind, valueFromASTUntyped } from 'graphql';
import { builder } from './builder.ts';

const dateTime = /^\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z|[+-]\d\d:?\d\d)?)?$/;

builder.scalarType('DateTime', {
  description: 'A moment in ISO 8601.',
  serialize: (value) => value.toISOString(),
  parseValue: (value) => {
    const moment = typeof value === 'string' && dateTime.test(value) ? new Date(value) : null;
    if (moment === null || Number.isNaN(moment.getTime())) {
      throw new GraphQLError('DateTime must be a moment in ISO 8601, such as 2026-01-31T12:00:00Z.');
    }
    return moment;
  },
});

builder.scalarType('JSONString', {
  description: 'JSON, written as a string.',
  serialize: (value) => JSON.stringify(value),
  parseValue: (value) => {
    if (typeof value !== 'string') throw new GraphQLError('JSONString must be a string that holds JSON.');
    try {
      return JSON.parse(value) as unknown;
    } catch {
      throw new GraphQLError('JSONString must be a string that holds JSON.');
    }
  },
  parseLiteral: (node) => {
    if (node.kind !== Kind.STRING) throw new GraphQLError('JSONString must be a string that holds JSON.');
    try {
      return JSON.parse(String(valueFromASTUntyped(node))) as unknown;
    } catch {
      throw new GraphQLError('JSONString must be a string that holds JSON.');
    }
  },
});

builder.scalarType('BigInt', {
  description: 'A whole number beyond 32 bits.',
  serialize: (value) => value,
  parseValue: (value) => {
    if (typeof value === 'number' && Number.isSafeInteger(value)) return value;
    throw new GraphQLError('BigInt must be a whole number.');
  },
});
