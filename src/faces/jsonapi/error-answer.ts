// How this dialect says an error: `errors[0]` with the fields that its clients print. Rooms below name fields in the words
// of the house; here they become the caller's.
import type { FastifyRequest } from 'fastify';
import { type Fault, faultTable } from '../../kernel/fault.ts';
import type { ErrorDialect } from '../http/server.ts';

export const jsonType = 'application/json; charset=utf-8';

const credentials = 'data.attributes.credentials';

const callersWords: Readonly<Record<string, string>> = {
  name: 'data.attributes.name',
  label: 'data.attributes.name',
  description: 'data.attributes.description',
  document: 'data.attributes.graph',
  unit: 'data.relationships.workspace',
  customer: 'data.relationships.contract',
  authClient: 'data.relationships.auth_client',
  accessToken: `${credentials}.access_token`,
  refreshToken: `${credentials}.refresh_token`,
  'values.api_key': `${credentials}.headerValue`,
  'values.header_name': `${credentials}.headerName`,
  'values.scopes': `${credentials}.scope`,
  'values.extra_fields': `${credentials}.fields`,
};

export const jsonApiErrors: ErrorDialect = (fault, request) => ({
  type: jsonType,
  body: errorBody(fault, request),
});

export function errorBody(fault: Fault, request: FastifyRequest): Readonly<Record<string, unknown>> {
  const field = fault.field === null ? null : callersField(fault.field);
  return {
    errors: [
      {
        id: request.id,
        status: fault.status,
        code: fault.code,
        title: faultTable[fault.code].title,
        detail: field === null ? fault.public : inCallersWords(fault, field),
        ...(field === null ? {} : { source: sourceOf(field) }),
      },
    ],
    meta: {},
  };
}

function callersField(field: string): string {
  if (Object.hasOwn(callersWords, field)) return callersWords[field] ?? field;
  return field.startsWith('values.') ? `${credentials}.${field.slice('values.'.length)}` : field;
}

function inCallersWords(fault: Fault, field: string): string {
  const prefix = `${fault.field}:`;
  return fault.public.startsWith(prefix) ? `${field}:${fault.public.slice(prefix.length)}` : fault.public;
}

/** Members of the body are pointed at (RFC 6901); headers are named; everything else is a parameter of the query. */
function sourceOf(field: string): Readonly<Partial<Record<'pointer' | 'parameter' | 'header', string>>> {
  if (field.startsWith('X-')) return { header: field };
  if (field !== 'data' && !field.startsWith('data.')) return { parameter: field };
  const parts = field.split('.').map((part) => part.replaceAll('~', '~0').replaceAll('/', '~1'));
  return { pointer: `/${parts.join('/')}` };
}
