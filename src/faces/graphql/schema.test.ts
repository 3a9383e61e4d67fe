import { readFileSync, writeFileSync } from 'node:fs';
import { getNamedType, isInputObjectType, isObjectType, printSchema } from 'graphql';
import { describe, expect, test } from 'vitest';
import { createSchema } from './schema.ts';

const file = new URL('./schema.snapshot.txt', import.meta.url);
const schema = createSchema();

describe('the schema', () => {
  test('is the one that is written down: clients are generated from it (UPDATE_SCHEMA=1 writes it anew)', () => {
    const printed = `${printSchema(schema)}\n`;
    if (process.env.UPDATE_SCHEMA === '1') writeFileSync(file, printed);
    expect(printed).toBe(readFileSync(file, 'utf8'));
  });

  test('every mutation takes one input and answers objects that may be null, errors and the client’s id', () => {
    for (const [name, field] of Object.entries(schema.getMutationType()?.getFields() ?? {})) {
      expect(
        field.args.map((arg) => arg.name),
        name,
      ).toEqual(['input']);
      const input = getNamedType(field.args[0]?.type);
      expect(isInputObjectType(input) && 'clientMutationId' in input.getFields(), name).toBe(true);
      const payload = getNamedType(field.type);
      if (!isObjectType(payload)) throw new Error(`${name} answers no object`);
      const { errors, clientMutationId, ...objects } = payload.getFields();
      expect(String(errors?.type), name).toBe('[ErrorType!]!');
      expect(String(clientMutationId?.type), name).toBe('String');
      for (const object of Object.values(objects)) expect(String(object.type), name).not.toMatch(/!$/);
    }
  });

  test('every list is a connection with nodes and edges, and pages', () => {
    for (const type of Object.values(schema.getTypeMap())) {
      if (!isObjectType(type) || type.name.startsWith('__')) continue;
      for (const field of Object.values(type.getFields())) {
        if (!getNamedType(field.type).name.endsWith('Connection')) continue;
        const names = field.args.map((arg) => arg.name);
        expect(names, `${type.name}.${field.name}`).toEqual(
          expect.arrayContaining(['after', 'before', 'first', 'last', 'offset']),
        );
      }
    }
  });
});
