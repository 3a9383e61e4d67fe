// Holds what really went over the wire against the OpenAPI document, with a JSON Schema validator that is not ours.
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import formats from 'ajv-formats';
import type { OpenApiDocument, OpenApiOperation } from '../src/faces/jsonapi/openapi/openapi-document.ts';

type Exchange = {
  readonly method: string;
  /** From the root: `/v2/...`. */
  readonly url: string;
  readonly sent?: unknown;
  readonly status: number;
  readonly contentType: string | null;
  /** Parsed JSON, or the text of a page; null where there is no body. */
  readonly body: unknown;
};

export type OpenApiJudge = {
  /** What the document does not say about this exchange; empty = all of it is as declared. */
  readonly judge: (exchange: Exchange) => readonly string[];
  /** Why a body may not be sent by this operation; empty = it may. */
  readonly judgeBody: (operationId: string, body: unknown) => readonly string[];
  /** `operationId status`, of everything judged. */
  readonly seen: ReadonlySet<string>;
};

type Content = Readonly<Record<string, { readonly schema: object }>>;

export function createOpenApiJudge(document: OpenApiDocument): OpenApiJudge {
  const { schemas } = document.components;
  const ajv = new Ajv2020({ strict: true, strictTypes: false, strictRequired: false, allErrors: false });
  formats.default(ajv);
  ajv.addVocabulary(['components']);
  const compiled = new Map<object, ValidateFunction>();
  const seen = new Set<string>();

  function problems(schema: object, value: unknown, what: string): readonly string[] {
    const check = compiled.get(schema) ?? ajv.compile({ ...schema, components: { schemas } });
    compiled.set(schema, check);
    if (check(value)) return [];
    return (check.errors ?? []).map((error) => `${what}${error.instancePath} ${error.message}`);
  }

  function judgeSent(operation: OpenApiOperation, body: unknown): readonly string[] {
    const schema = operation.requestBody?.content['application/json']?.schema;
    return schema === undefined ? [`${operation.operationId} takes no body`] : problems(schema, body, 'sent');
  }

  function judge(exchange: Exchange): readonly string[] {
    const operation = find(document, exchange.method, exchange.url);
    if (operation === null) return [`${exchange.method} ${exchange.url} is not declared`];
    seen.add(`${operation.operationId} ${exchange.status}`);
    const answer = operation.responses[exchange.status];
    if (answer === undefined) return [`${operation.operationId} does not declare ${exchange.status}`];
    const isSentWrong = exchange.status >= 400 || exchange.sent === undefined;
    return [
      ...(isSentWrong ? [] : judgeSent(operation, exchange.sent)),
      ...judgeContent(answer.content, exchange),
    ];
  }

  function judgeContent(content: Content | undefined, { contentType, body }: Exchange): readonly string[] {
    if (content === undefined) return body === null ? [] : ['a body where none is declared'];
    const type = (contentType ?? '').split(';')[0] ?? '';
    const declared = content[type];
    return declared === undefined
      ? [`content type ${type} is not declared`]
      : problems(declared.schema, body, 'answer');
  }

  return {
    judge,
    judgeBody: (operationId, body) => {
      const operations = Object.values(document.paths).flatMap((item) => Object.values(item));
      const operation = operations.find((candidate) => candidate.operationId === operationId);
      return operation === undefined ? [`${operationId} is not declared`] : judgeSent(operation, body);
    },
    seen,
  };
}

function find(document: OpenApiDocument, method: string, url: string): OpenApiOperation | null {
  const path = url.split('?')[0] ?? '';
  for (const [template, item] of Object.entries(document.paths)) {
    const pattern = new RegExp(`^${template.replaceAll('.', '\\.').replace(/\{[^}]+\}/g, '[^/]+')}$`);
    const operation = item[method.toLowerCase()];
    if (operation !== undefined && pattern.test(path)) return operation;
  }
  return null;
}
