// The HTTP server beneath all faces: limits, headers, request ids, one way to turn an error into an answer. Routes are
// registered by the faces; each face may say errors in its own dialect.
import Fastify, {
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
  type FastifyServerOptions,
} from 'fastify';
import { Fault, type FaultCode, faultTable, isFault } from '../../kernel/fault.ts';
import { newId } from '../../kernel/ids.ts';
import { errorFields, type Log } from '../../kernel/log.ts';
import { endConnectionsOnClose } from './end-connections.ts';

export type HttpOptions = {
  readonly log: Log;
  readonly trustedHops: number;
  readonly tls: { readonly cert: Buffer; readonly key: Buffer } | null;
  readonly isHttps: boolean;
};

/** How a face says an error: body and content type. The status and Retry-After are the server's. */
export type ErrorDialect = (
  fault: Fault,
  request: FastifyRequest,
) => { readonly type: string; readonly body: unknown };

declare module 'fastify' {
  interface FastifyContextConfig {
    errorDialect?: ErrorDialect;
  }
  interface FastifyInstance {
    /** By first part of the path ('/v2'): for addresses beneath it that reach no route. */
    readonly strayDialects: Map<string, ErrorDialect>;
  }
}

const bodyLimitBytes = 2 * 1024 * 1024;
/** Slow senders may not hold a connection for ever. */
const requestTimeoutMs = 30_000;

// Pages override what they need (forms, styles of their own); everything else is data and may load nothing at all.
const headers = {
  'cache-control': 'no-store',
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
  'cross-origin-resource-policy': 'same-origin',
} as const;

export function createHttpServer(options: HttpOptions): FastifyInstance {
  const { log, tls } = options;
  const settings: FastifyServerOptions = {
    logger: false,
    bodyLimit: bodyLimitBytes,
    requestTimeout: requestTimeoutMs,
    trustProxy: (_address, hop) => hop < options.trustedHops,
    genReqId: () => newId<never>() as string,
    // Addresses that reach no route, and so no hook: one that cannot be decoded, one with an over-long part.
    frameworkErrors: (error, request, reply) => {
      dress(request, reply, options.isHttps);
      const dialect = app.strayDialects.get(/^\/[^/?]*/.exec(request.url)?.[0] ?? '');
      answerError(strayFault(error), request, reply, { log, dialect });
    },
    schemaController: { compilersFactory: { buildValidator: noSchemas, buildSerializer: noSchemas } },
    routerOptions: { ignoreTrailingSlash: true, maxParamLength: 400, ignoreDuplicateSlashes: true },
  };
  // The two servers differ in type only by their listener; nothing beneath looks at it.
  const app: FastifyInstance =
    tls === null
      ? Fastify(settings)
      : (Fastify({ ...(settings as object), https: tls }) as unknown as FastifyInstance);

  app.decorate('strayDialects', new Map<string, ErrorDialect>());
  endConnectionsOnClose(app);
  // With a callback: a promise per request would cost as much as the headers.
  app.addHook('onRequest', (request, reply, done) => {
    dress(request, reply, options.isHttps);
    done();
  });
  app.setErrorHandler((error, request, reply) => answerError(toFault(error), request, reply, { log }));
  app.setNotFoundHandler((request, reply) =>
    answerError(
      new Fault(
        'not_found',
        `There is nothing at ${request.method} ${request.url.split('?')[0]?.slice(0, 200)}.`,
        {
          cure: 'Check the address.',
        },
      ),
      request,
      reply,
      { log },
    ),
  );
  return app;
}

/** Faces read their input themselves. Without this the framework loads two schema compilers at every start. */
function noSchemas(): never {
  throw new Fault('internal', 'Routes have no schemas here.');
}

function dress(request: FastifyRequest, reply: FastifyReply, isHttps: boolean): void {
  reply.headers(headers);
  reply.header('x-request-id', request.id);
  if (isHttps) reply.header('strict-transport-security', 'max-age=63072000; includeSubDomains');
}

function answerError(
  fault: Fault,
  request: FastifyRequest,
  reply: FastifyReply,
  { log, dialect }: { readonly log: Log; readonly dialect?: ErrorDialect | undefined },
): void {
  if (fault.status >= 500) {
    log.error('request failed', {
      ...errorFields(fault),
      method: request.method,
      route: request.routeOptions.url,
      request: request.id,
    });
  }
  if (fault.retryAfterSeconds !== null) reply.header('retry-after', String(fault.retryAfterSeconds));
  if (fault.code === 'not_authenticated')
    reply.header('www-authenticate', 'Bearer, Basic realm="latchkey", charset="UTF-8"');
  const say = dialect ?? request.routeOptions.config.errorDialect ?? plainDialect;
  const { type, body } = say(fault, request);
  void reply.code(fault.status).type(type).send(body);
}

/** What routes without a dialect of their own answer. */
export const plainDialect: ErrorDialect = (fault, request) => ({
  type: 'application/json; charset=utf-8',
  body: { error: { code: fault.code, message: fault.public, field: fault.field, requestId: request.id } },
});

const codeByStatus: Readonly<Record<number, FaultCode>> = {
  400: 'bad_request',
  404: 'not_found',
  405: 'method_not_allowed',
  406: 'not_acceptable',
  413: 'too_large',
  414: 'not_found',
  415: 'unsupported_media_type',
};

/** Errors of the framework are callers' mistakes with words of their own; anything unknown is ours and stays inside. */
export function toFault(error: unknown): Fault {
  if (isFault(error)) return error;
  const status = error instanceof Error && 'statusCode' in error ? error.statusCode : undefined;
  const code = typeof status === 'number' ? codeByStatus[status] : undefined;
  if (code !== undefined) return new Fault(code, frameworkWords(code), { cause: error });
  return new Fault('internal', 'Something went wrong on our side.', {
    cure: 'Try again; if it lasts, give the operator the request id.',
    cause: error,
  });
}

/** Of an address that reaches no route. */
function strayFault(error: unknown): Fault {
  const fault = toFault(error);
  switch (fault.code) {
    case 'bad_request':
      return new Fault('bad_request', 'The address is not percent-encoded UTF-8.', {
        cure: 'Encode each part of it.',
        cause: error,
      });
    case 'not_found':
      return new Fault('not_found', 'There is nothing at an address this long.', {
        cure: 'Check the address.',
        cause: error,
      });
    default:
      return fault;
  }
}

function frameworkWords(code: FaultCode): string {
  switch (code) {
    case 'too_large':
      return `The body is larger than is taken here: ${bodyLimitBytes} bytes, and much less of a form. Send less.`;
    case 'unsupported_media_type':
      return 'The body’s content type is not supported here. Send application/json, or a form to a page.';
    case 'bad_request':
      return 'The request could not be read. Check that the body is valid JSON and that the content type says so.';
    default:
      return `${faultTable[code].title}.`;
  }
}
