// Answers for addresses under /v2 that are not there, or not with that method.
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { Fault } from '../../kernel/fault.ts';
import { errorBody, jsonType } from './error-answer.ts';

/** To be called before any route is registered in `app` or beneath it. */
export function answerMissingRoutes(app: FastifyInstance): void {
  const book: { readonly method: string; readonly pattern: RegExp }[] = [];
  app.addHook('onRoute', (route) => {
    const pattern = new RegExp(`^${route.url.replace(/:[a-z]+/g, '[^/]+')}/?$`);
    for (const method of [route.method].flat()) book.push({ method, pattern });
  });
  app.setNotFoundHandler((request: FastifyRequest, reply: FastifyReply) => {
    const path = (request.url.split('?')[0] ?? '').replace(/\/{2,}/g, '/');
    const methods = book.filter((entry) => entry.pattern.test(path)).map((entry) => entry.method);
    const fault = methods.length === 0 ? nothingAt(path) : notWith(request.method, methods);
    if (methods.length > 0) reply.header('allow', [...new Set(methods)].join(', '));
    return reply.code(fault.status).type(jsonType).send(errorBody(fault, request));
  });
}

function nothingAt(path: string): Fault {
  return new Fault('not_found', `There is nothing at ${path.slice(0, 200)}.`, {
    cure: 'Check the address; /v2/docs tells which there are.',
  });
}

function notWith(method: string, methods: readonly string[]): Fault {
  return new Fault('method_not_allowed', `${method.slice(0, 20)} is not possible here.`, {
    cure: `Use ${[...new Set(methods)].join(', ')}.`,
  });
}
