// An error as a page: what is wrong, the cure, and the number to give to the operator.
import type { FastifyInstance } from 'fastify';
import { faultTable } from '../../kernel/fault.ts';
import type { ErrorDialect } from '../http/server.ts';
import { html } from './html.ts';
import { page, pageHeaders } from './layout.ts';

/** For routes that people see: `{ config: { errorDialect: errorPage } }`, in a scope with `dressErrorPages`. */
export const errorPage: ErrorDialect = (fault, request) => {
  const { title } = faultTable[fault.code];
  const body = html`<div class="head"><h1>${title}</h1></div>
<div class="card"><div class="notice bad"><p>${fault.message}</p></div>
${fault.cure !== null && html`<p>${fault.cure}</p>`}
<p class="small muted">Request <code>${request.id}</code></p></div>`;
  return { type: 'text/html; charset=utf-8', body: page({ title, body }) };
};

/** Error answers leave with the headers of data, under which a page could not even load its stylesheet. */
export function dressErrorPages(scope: FastifyInstance): void {
  scope.addHook('onSend', async (_request, reply) => {
    const isPage = String(reply.getHeader('content-type') ?? '').startsWith('text/html');
    if (isPage && reply.statusCode >= 400) reply.headers(pageHeaders([]));
  });
}
