// What an operation of this API takes and answers, in one declaration beside its route: the OpenAPI document and the page
// for people are made from it, and tests hold real answers against it.
import type { z } from 'zod';
import type { FaultCode } from '../../../kernel/fault.ts';
import { jsonApiErrors } from '../error-answer.ts';
import type { QueryParameter } from '../query.ts';

export type Operation = {
  /** `operationId`, and the anchor on the page. */
  readonly id: string;
  /** Heading that it stands under. */
  readonly group: string;
  readonly summary: string;
  /** What one must know beside that; a few sentences. */
  readonly about?: string;
  readonly isPublic?: boolean;
  /** What the parts `:name` of the address are. */
  readonly path?: Readonly<Record<string, string>>;
  readonly query?: readonly QueryParameter[];
  readonly headers?: readonly HeaderParameter[];
  /** Absent: no body is needed, and one that comes is not read. */
  readonly body?: { readonly schema: z.ZodType; readonly example: unknown };
  readonly answer: Answer;
  /**
   * Beside those that every operation has: of authentication, of our own trouble, and of a body, a query and a path where
   * there is one.
   */
  readonly errors?: readonly FaultCode[];
};

type Answer = {
  readonly status: 200 | 201 | 202 | 204;
  readonly about: string;
  /** Null: an answer without a body. */
  readonly schema: z.ZodType | null;
  readonly example?: unknown;
  /** Absent: JSON. */
  readonly mediaType?: 'text/html';
  readonly headers?: Readonly<Record<string, string>>;
};

export type HeaderParameter = { readonly name: string; readonly about: string; readonly pattern: RegExp };

declare module 'fastify' {
  interface FastifyContextConfig {
    operation?: Operation;
  }
}

/** Options of a route, for `scopes.json.get(path, declared(listThings), handler)`. */
export function declared(operation: Operation) {
  return { config: { errorDialect: jsonApiErrors, operation } } as const;
}

export function parameterNames(operation: Operation): readonly string[] {
  return (operation.query ?? []).map((parameter) => parameter.name);
}
