// POST /api. Authenticated requests are answered with 200 and `errors`, as clients of this dialect expect; only our own
// trouble, requests from nobody and bodies that cannot be taken in have other codes.
import type { FastifyInstance, FastifyPluginAsync, FastifyRequest } from 'fastify';
import mercurius from 'mercurius';
import { Fault, notFound } from '../../kernel/fault.ts';
import type { Actor } from '../../tenancy/actor.ts';
import { type ErrorDialect, toFault } from '../http/server.ts';
import { createAnswerQuery } from './answer-query.ts';
import { toPublicError } from './public-error.ts';
import { limits } from './query-document.ts';
import type { GraphqlRooms } from './request-context.ts';
import { addResultsRoute } from './results-link.ts';
import { createSchema } from './schema.ts';

const path = '/api';
const contentType = 'application/json; charset=utf-8';
const maxValidationErrors = 5;
const rememberedQueries = 100;

const dialect: ErrorDialect = (fault) => ({
  type: contentType,
  body: { data: null, errors: [toPublicError(fault)] },
});

/** `jit` = compile a query at its n-th run; 0 = never. */
export async function registerGraphql(
  app: FastifyInstance,
  house: GraphqlRooms,
  options: { readonly jit?: number } = {},
): Promise<void> {
  const schema = createSchema();
  const api: FastifyPluginAsync = async (scope) => {
    await scope.register(mercurius, {
      schema,
      routes: false,
      jit: options.jit ?? 0,
      cache: rememberedQueries,
      graphql: {
        parseOptions: { maxTokens: limits.tokens },
        validateOptions: { maxErrors: maxValidationErrors },
      },
      // Nothing is formatted twice: `answerQuery` translates errors, in one place.
      errorFormatter: (execution) => ({
        statusCode: 200,
        response: { data: execution.data ?? null, errors: execution.errors ?? [] },
      }),
    });
    addCors(scope);
    addRoute(scope, house, createAnswerQuery(scope, house, schema));
    refuseOtherMethods(scope);
    addResultsRoute(scope, house);
  };
  await app.register(api);
}

// Any page may ask, with a token in its hands: nothing here is given to a cookie of another origin.
function addCors(scope: FastifyInstance): void {
  scope.addHook('onRequest', async (_request, reply) => {
    reply.header('access-control-allow-origin', '*');
    reply.header('access-control-expose-headers', 'x-request-id, retry-after');
  });
  scope.options(path, async (_request, reply) => {
    return await reply
      .header('access-control-allow-methods', 'POST, OPTIONS')
      .header(
        'access-control-allow-headers',
        'authorization, content-type, prismatic-client, prismatic-docs-introspection',
      )
      .header('access-control-max-age', '86400')
      .code(204)
      .send();
  });
}

function addRoute(
  scope: FastifyInstance,
  house: GraphqlRooms,
  answerQuery: ReturnType<typeof createAnswerQuery>,
): void {
  const actors = new WeakMap<FastifyRequest, Actor>();
  scope.post(
    path,
    {
      config: { errorDialect: dialect },
      // Before the body is read: strangers do not make us parse two megabytes.
      onRequest: async (request) => {
        actors.set(request, await house.authenticate(request));
        requireJson(request);
      },
      errorHandler: async (error, request, reply) => {
        const fault = toFault(error);
        if (fault.code !== 'bad_request') throw error;
        const { type, body } = dialect(fault, request);
        return await reply.code(200).type(type).send(body);
      },
    },
    async (request, reply) => {
      const actor = actors.get(request);
      if (actor === undefined) throw notFound('Sender');
      const { status, body } = await answerQuery(actor, request.id, request.body);
      return await reply.code(status).type(contentType).send(body);
    },
  );
}

// GET would let any link or image ask in a person's name.
function refuseOtherMethods(scope: FastifyInstance): void {
  scope.route({
    method: ['GET', 'PUT', 'PATCH', 'DELETE'],
    url: path,
    config: { errorDialect: dialect },
    // Before the body is read, which nobody wants.
    onRequest: async (request, reply) => {
      reply.header('allow', 'POST, OPTIONS');
      throw new Fault('method_not_allowed', `${request.method} is not possible here.`, {
        cure: 'Send {"query", "variables"} as application/json with POST.',
      });
    },
    handler: () => {},
  });
}

// A form or plain text could be posted by any page with the session's cookie and without asking us first.
function requireJson(request: FastifyRequest): void {
  const type = request.headers['content-type'] ?? '';
  if (/^application\/json\b/i.test(type)) return;
  throw new Fault('unsupported_media_type', 'The body is not JSON.', {
    cure: 'Send {"query", "variables"} as application/json.',
  });
}
