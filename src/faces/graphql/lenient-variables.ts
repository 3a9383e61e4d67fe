// Variables as clients really send them: "true" for a Boolean, "3" for an Int, numbers for Strings. The body's variables
// are rewritten by the types that the operation declares, before validation, so it holds however the query is run.
// Everything else is refused here, in words that name the place and never the value.
import {
  type GraphQLInputObjectType,
  type GraphQLInputType,
  type GraphQLSchema,
  isInputType,
  isLeafType,
  isListType,
  isNonNullType,
  type OperationDefinitionNode,
  typeFromAST,
} from 'graphql';
import { Fault } from '../../kernel/fault.ts';

declare module 'graphql' {
  interface GraphQLInputObjectTypeExtensions {
    /** Newer clients send fields that we do not know yet: they are left out instead of refused. */
    dropsUnknownFields?: boolean;
  }
}

type Variables = Readonly<Record<string, unknown>>;

/** Returns variables that fit `operation`; throws a Fault bad_request naming the first place that does not. */
export function coerceVariables(
  schema: GraphQLSchema,
  operation: OperationDefinitionNode,
  given: Variables,
): Record<string, unknown> {
  const fitting: Record<string, unknown> = {};
  for (const definition of operation.variableDefinitions ?? []) {
    const name = definition.variable.name.value;
    const type = typeFromAST(schema, definition.type as never) as GraphQLInputType | undefined;
    // An unknown type is the validation's to explain.
    if (type === undefined || !isInputType(type)) continue;
    const value = Object.hasOwn(given, name) ? given[name] : undefined;
    if (value === undefined) {
      if (isNonNullType(type) && definition.defaultValue === undefined) throw missing(`$${name}`);
      continue;
    }
    fitting[name] = coerce(type, value, `$${name}`);
  }
  return fitting;
}

function coerce(type: GraphQLInputType, value: unknown, place: string): unknown {
  if (isNonNullType(type)) {
    if (value === null || value === undefined) throw missing(place);
    return coerce(type.ofType, value, place);
  }
  if (value === null || value === undefined) return null;
  if (isListType(type)) {
    if (!Array.isArray(value)) return [coerce(type.ofType, value, `${place}[0]`)];
    return value.map((item: unknown, index) => coerce(type.ofType, item, `${place}[${index}]`));
  }
  if (isLeafType(type)) return coerceLeaf(type, value, place);
  return coerceObject(type as GraphQLInputObjectType, value, place);
}

function coerceObject(type: GraphQLInputObjectType, value: unknown, place: string): Record<string, unknown> {
  if (typeof value !== 'object' || Array.isArray(value))
    throw wrong(place, `is not an object (${type.name}).`);
  const given = value as Variables;
  const fields = type.getFields();
  const unknown = Object.keys(given).find((key) => !Object.hasOwn(fields, key));
  if (unknown !== undefined && type.extensions.dropsUnknownFields !== true) {
    throw wrong(`${place}.${unknown.slice(0, 60)}`, `is not a field of ${type.name}.`);
  }
  const fitting: Record<string, unknown> = {};
  for (const field of Object.values(fields)) {
    const item = Object.hasOwn(given, field.name) ? given[field.name] : undefined;
    const at = `${place}.${field.name}`;
    if (item !== undefined) fitting[field.name] = coerce(field.type, item, at);
    else if (isNonNullType(field.type) && field.defaultValue === undefined) throw missing(at);
  }
  return fitting;
}

function coerceLeaf(
  type: Extract<GraphQLInputType, { parseValue: unknown }>,
  value: unknown,
  place: string,
): unknown {
  const lenient = lenientLeaf(type.name, value);
  if (typeof lenient === 'string' && lenient.includes('\u0000')) {
    throw wrong(place, 'holds a NUL character.');
  }
  try {
    type.parseValue(lenient);
  } catch {
    throw wrong(place, `is not a ${type.name}.`);
  }
  return lenient;
}

function lenientLeaf(typeName: string, value: unknown): unknown {
  if (typeName === 'Boolean' && typeof value === 'string') {
    const word = value.toLowerCase();
    return word === 'true' ? true : word === 'false' ? false : value;
  }
  if (typeName === 'Int' || typeName === 'Float' || typeName === 'BigInt') {
    const isNumber = typeof value === 'string' && /^[+-]?\d{1,16}(\.\d{1,16})?$/.test(value);
    return isNumber ? Number(value) : value;
  }
  if (typeName === 'String' && (typeof value === 'number' || typeof value === 'boolean'))
    return String(value);
  return value;
}

function missing(place: string): Fault {
  return wrong(place, 'is required.');
}

function wrong(place: string, problem: string): Fault {
  return new Fault('bad_request', `Variable ${place.slice(0, 200)}: ${problem}`);
}
