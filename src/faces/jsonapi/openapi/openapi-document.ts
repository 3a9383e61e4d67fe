// The OpenAPI 3.1 document of this face, made from the declarations of the routes that are registered.
import { type FaultCode, faultTable } from '../../../kernel/fault.ts';
import { maxTextLength, type QueryParameter } from '../query.ts';
import { errorShown } from './error-shown.ts';
import { createSchemaBook, type JsonNode, type SchemaBook } from './json-schema.ts';
import type { Operation } from './operation.ts';
import type { BookedRoute } from './route-book.ts';

export type OpenApiDocument = {
  readonly openapi: '3.1.1';
  readonly info: { readonly title: string; readonly version: string; readonly description: string };
  readonly tags: readonly { readonly name: string }[];
  readonly paths: Readonly<Record<string, Readonly<Record<string, OpenApiOperation>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, JsonNode>> };
};

export type OpenApiOperation = {
  readonly operationId: string;
  readonly tags: readonly string[];
  readonly summary: string;
  readonly description?: string;
  readonly security?: readonly [];
  readonly parameters?: readonly OpenApiParameter[];
  readonly requestBody?: { readonly required: true; readonly content: OpenApiContent };
  readonly responses: Readonly<Record<string, OpenApiResponse>>;
};

export type OpenApiParameter = {
  readonly name: string;
  readonly in: 'path' | 'query' | 'header';
  readonly description: string;
  readonly required: boolean;
  readonly schema: JsonNode;
};

export type OpenApiContent = Readonly<
  Record<string, { readonly schema: JsonNode; readonly example?: unknown }>
>;

export type OpenApiResponse = {
  readonly description: string;
  readonly headers?: Readonly<Record<string, { readonly description: string; readonly schema: JsonNode }>>;
  readonly content?: OpenApiContent;
};

const description =
  'Auth clients and secrets, as the clients of elastic.io know them. Send an API token as `Authorization: Bearer`, or as the password of HTTP Basic with your e-mail as user. Bodies and answers are `application/json`. Errors say in `errors[0].code` what happened and in `detail` the cure.';

export function openApiDocument(routes: readonly BookedRoute[]): OpenApiDocument {
  const book = createSchemaBook();
  const errorRef = book.add(errorShown, 'output');
  const paths: Record<string, Record<string, OpenApiOperation>> = {};
  const groups = new Set<string>();
  for (const { method, path, operation } of routes) {
    if (operation === null) continue;
    groups.add(operation.group);
    const address = path.replace(/:([A-Za-z]+)/g, '{$1}');
    const node = operationNode({ operation, path, book, errorRef });
    paths[address] = { ...paths[address], [method.toLowerCase()]: node };
  }
  const components = {
    securitySchemes: {
      token: { type: 'http', scheme: 'bearer', description: 'An API token.' },
      basic: { type: 'http', scheme: 'basic', description: 'E-mail and API token.' },
    },
    schemas: Object.fromEntries(book.components),
  };
  return {
    openapi: '3.1.1',
    info: { title: 'Latchkey', version: '2', description },
    servers: [{ url: '/' }],
    security: [{ token: [] }, { basic: [] }],
    tags: [...groups].map((name) => ({ name })),
    paths,
    components,
  } as OpenApiDocument;
}

type Context = {
  readonly operation: Operation;
  readonly path: string;
  readonly book: SchemaBook;
  readonly errorRef: JsonNode;
};

function operationNode(context: Context): OpenApiOperation {
  const { operation, path, book } = context;
  const { body, about } = operation;
  const parameters = parametersOf(operation, path);
  return {
    operationId: operation.id,
    tags: [operation.group],
    summary: operation.summary,
    ...(about === undefined ? {} : { description: about }),
    ...(operation.isPublic === true ? { security: [] } : {}),
    ...(parameters.length === 0 ? {} : { parameters }),
    ...(body === undefined
      ? {}
      : {
          requestBody: {
            required: true,
            content: {
              'application/json': { schema: book.add(body.schema, 'input'), example: body.example },
            },
          },
        }),
    responses: { [operation.answer.status]: answerNode(operation, book), ...errorNodes(context) },
  };
}

function parametersOf(operation: Operation, path: string): readonly OpenApiParameter[] {
  const inPath = [...path.matchAll(/:([A-Za-z]+)/g)].map(([, name = '']) => ({
    name,
    in: 'path' as const,
    description: operation.path?.[name] ?? '',
    required: true,
    schema: { type: 'string' },
  }));
  const inQuery = (operation.query ?? []).map((parameter) => ({
    name: parameter.name,
    in: 'query' as const,
    description: parameter.about,
    required: false,
    schema: querySchema(parameter),
  }));
  const inHeader = (operation.headers ?? []).map(({ name, about, pattern }) => ({
    name,
    in: 'header' as const,
    description: about,
    required: false,
    schema: { type: 'string', pattern: pattern.source },
  }));
  return [...inPath, ...inQuery, ...inHeader];
}

function querySchema({ range, isId }: QueryParameter): JsonNode {
  if (range !== undefined) return { type: 'integer', minimum: range.least, maximum: range.most };
  return isId === true ? { type: 'string', format: 'uuid' } : { type: 'string', maxLength: maxTextLength };
}

function answerNode({ answer }: Operation, book: SchemaBook): OpenApiResponse {
  const { schema, example, headers, mediaType = 'application/json' } = answer;
  return {
    description: answer.about,
    ...(headers === undefined ? {} : { headers: headerNodes(headers) }),
    ...(schema === null
      ? {}
      : {
          content: {
            [mediaType]: {
              schema: book.add(schema, 'output'),
              ...(example === undefined ? {} : { example }),
            },
          },
        }),
  };
}

function headerNodes(headers: Readonly<Record<string, string>>): NonNullable<OpenApiResponse['headers']> {
  return Object.fromEntries(
    Object.entries(headers).map(([name, about]) => [
      name,
      { description: about, schema: { type: 'string' } },
    ]),
  );
}

/** What any operation can answer, by what it takes. */
function codesOf(operation: Operation, path: string): readonly FaultCode[] {
  const { isPublic = false, body, query, answer, errors = [] } = operation;
  const codes: readonly FaultCode[] = [
    ...(body === undefined
      ? []
      : (['bad_request', 'invalid_field', 'too_large', 'unsupported_media_type'] as const)),
    ...(query === undefined ? [] : (['invalid_field'] as const)),
    ...(isPublic ? [] : (['not_authenticated'] as const)),
    ...(path.includes(':') ? (['not_found'] as const) : []),
    ...(answer.mediaType === undefined ? (['not_acceptable'] as const) : []),
    ...errors,
    'internal',
    'unavailable',
  ];
  return [...new Set(codes)];
}

const errorHeaders: Readonly<Partial<Record<number, Readonly<Record<string, string>>>>> = {
  401: { 'WWW-Authenticate': 'The two ways to authenticate.' },
  503: { 'Retry-After': 'Seconds after which it is worth trying again, where they are known.' },
};

function errorNodes({ operation, path, errorRef }: Context): Readonly<Record<string, OpenApiResponse>> {
  const possible = codesOf(operation, path);
  const nodes: Record<string, OpenApiResponse> = {};
  for (const status of new Set(possible.map((code) => faultTable[code].status).sort((a, b) => a - b))) {
    const codes = possible.filter((code) => faultTable[code].status === status);
    const headers = errorHeaders[status];
    const ofCode = { type: 'object', properties: { code: { enum: codes } } };
    nodes[status] = {
      description: codes.map((code) => `\`${code}\`: ${faultTable[code].title}.`).join(' '),
      ...(headers === undefined ? {} : { headers: headerNodes(headers) }),
      content: {
        'application/json': {
          schema: { allOf: [errorRef, { properties: { errors: { items: ofCode } } }] },
        },
      },
    };
  }
  return nodes;
}
