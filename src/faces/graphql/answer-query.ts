// One request from body to answer: read, measure, fit the variables, run, translate the errors.
import type { FastifyInstance } from 'fastify';
import { GraphQLError, type GraphQLSchema, type OperationDefinitionNode } from 'graphql';
import { Fault } from '../../kernel/fault.ts';
import { errorFields } from '../../kernel/log.ts';
import type { Actor } from '../../tenancy/actor.ts';
import { coerceVariables } from './lenient-variables.ts';
import { faultOf, type PublicError, toPublicError } from './public-error.ts';
import { createDocumentReader, type QueryDocument } from './query-document.ts';
import { createRequestContext, type GraphqlRooms } from './request-context.ts';

type Answer = {
  readonly status: number;
  readonly body: { readonly data: unknown; readonly errors?: readonly PublicError[] };
};

export type AnswerQuery = (actor: Actor, requestId: string, body: unknown) => Promise<Answer>;

type Asked = {
  readonly query: string;
  readonly variables: Readonly<Record<string, unknown>>;
  readonly operationName: string | undefined;
};

const maxErrors = 20;

export function createAnswerQuery(
  app: FastifyInstance,
  house: GraphqlRooms,
  schema: GraphQLSchema,
): AnswerQuery {
  const readDocument = createDocumentReader();

  async function run(actor: Actor, requestId: string, body: unknown): Promise<Answer> {
    const asked = readBody(body);
    const operation = operationOf(readDocument(asked.query), asked.operationName);
    // Which operation is meant may be unclear: then nothing runs, and the library says so.
    const variables = operation === null ? {} : coerceVariables(schema, operation, asked.variables);
    const context = createRequestContext(house, actor, requestId);
    const result = await app.graphql(asked.query, { ...context }, variables, asked.operationName);
    if (result.errors === undefined || result.errors.length === 0) {
      return { status: 200, body: { data: result.data ?? null } };
    }
    return refused(result.errors, result.data ?? null, requestId);
  }

  function refused(errors: readonly unknown[], data: unknown, requestId: string): Answer {
    const ours = errors.find((error) => (faultOf(error)?.status ?? 0) >= 500);
    if (ours === undefined) {
      return { status: 200, body: { data, errors: errors.slice(0, maxErrors).map(toPublicError) } };
    }
    const fault = faultOf(ours) as Fault;
    house.log.error('a query failed', { ...errorFields(fault), request: requestId });
    // With data beside them, clients of this dialect overlook errors: our own trouble comes without.
    return { status: fault.status, body: { data: null, errors: [toPublicError(ours)] } };
  }

  return async (actor, requestId, body) => {
    try {
      return await run(actor, requestId, body);
    } catch (error) {
      return refused(errorsOf(error), null, requestId);
    }
  };
}

/** The library throws one error that carries those of the validation. */
function errorsOf(error: unknown): readonly unknown[] {
  if (error instanceof Error && 'errors' in error && Array.isArray(error.errors)) {
    const inner: readonly unknown[] = error.errors;
    if (inner.length > 0 && inner.every((one) => one instanceof GraphQLError)) return inner;
  }
  return [error];
}

function readBody(body: unknown): Asked {
  if (Array.isArray(body)) {
    throw badRequest('Several operations in one request are not taken.', 'Send one request for each.');
  }
  if (typeof body !== 'object' || body === null) {
    throw badRequest('The body is not an object.', 'Send {"query": "...", "variables": {...}}.');
  }
  const { query, variables, operationName } = body as Record<string, unknown>;
  if (typeof query !== 'string' || query.trim() === '') {
    throw badRequest('query: is missing.', 'Send {"query": "...", "variables": {...}}.');
  }
  if (operationName !== undefined && operationName !== null && typeof operationName !== 'string') {
    throw badRequest('operationName: is not a string.', 'Leave it out, or give the name of an operation.');
  }
  const name = operationName === null || operationName === '' ? undefined : operationName;
  return { query, variables: readVariables(variables), operationName: name };
}

function readVariables(variables: unknown): Asked['variables'] {
  if (variables === undefined || variables === null || variables === '') return {};
  // Some clients send them as JSON in a string.
  const read = typeof variables === 'string' ? parseJson(variables) : variables;
  if (typeof read === 'object' && read !== null && !Array.isArray(read)) return read as Asked['variables'];
  throw badRequest('variables: are not an object.', 'Send {"name": value, ...}.');
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

function operationOf(document: QueryDocument, name: string | undefined): OperationDefinitionNode | null {
  const { operations } = document;
  if (name === undefined) return operations.length === 1 ? (operations[0] ?? null) : null;
  return operations.find((operation) => operation.name?.value === name) ?? null;
}

function badRequest(problem: string, cure: string): Fault {
  return new Fault('bad_request', problem, { cure });
}
