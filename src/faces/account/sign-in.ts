// /sign-in and /sign-out. The way on after signing in is an address of ours and nothing else.
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Fault } from '../../kernel/fault.ts';
import { requireSameOrigin } from '../http/same-origin.ts';
import { field, formProblem, isMendable } from '../pages/field.ts';
import { formToken, requireOwnForm } from '../pages/form-guard.ts';
import { html } from '../pages/html.ts';
import { sendPage } from '../pages/layout.ts';
import { type AccountHouse, browserOf, isJson, secretOf, setCookies, textOf } from './exchange.ts';

type NextQuery = {
  readonly Querystring: { readonly next?: string | readonly string[]; readonly after?: unknown };
};

const home = '/account';

export function registerSignIn(scope: FastifyInstance, house: AccountHouse): void {
  scope.get<NextQuery>('/sign-in', async (request, reply) => {
    const next = ownPath(request.query.next);
    if ((await house.actorBySession(request)) !== null) return reply.redirect(next, 303);
    return showForm(house, request, reply, next, {
      isAfterReset: request.query.after === 'reset',
      fault: null,
    });
  });
  scope.post('/sign-in', async (request, reply) => {
    if (isJson(request)) requireSameOrigin(request, house.publicUrl());
    else requireOwnForm(request, house.publicUrl());
    const next = ownPath(textOf(request, 'next'));
    try {
      const email = textOf(request, 'email');
      const { cookies, actor } = await house.accounts.signIn(
        email,
        secretOf(request, 'password'),
        browserOf(request),
      );
      setCookies(reply, cookies);
      if (!isJson(request)) return reply.redirect(next, 303);
      return reply.send({ organizationId: actor.tenant, principalId: actor.principalId });
    } catch (error) {
      if (isJson(request) || !isMendable(error)) throw error;
      return showForm(house, request, reply, next, { isAfterReset: false, fault: error });
    }
  });
  scope.post('/sign-out', async (request, reply) => {
    if (isJson(request)) requireSameOrigin(request, house.publicUrl());
    else requireOwnForm(request, house.publicUrl());
    setCookies(reply, await house.accounts.signOut(browserOf(request)));
    if (isJson(request)) return reply.code(204).send();
    return reply.redirect('/sign-in', 303);
  });
}

/** A path of this server; `//host`, `/\host` and whole addresses lead elsewhere and become the account page. */
export function ownPath(next: unknown): string {
  if (typeof next !== 'string' || !next.startsWith('/') || next.length > 2_000) return home;
  const base = 'http://own.invalid';
  if (!URL.canParse(next, base)) return home;
  const { origin, pathname, search } = new URL(next, base);
  return origin === base && !pathname.startsWith('//') ? `${pathname}${search}` : home;
}

function showForm(
  house: AccountHouse,
  request: FastifyRequest,
  reply: FastifyReply,
  next: string,
  { isAfterReset, fault }: { readonly isAfterReset: boolean; readonly fault: Fault | null },
): FastifyReply {
  if (fault?.retryAfterSeconds != null) reply.header('retry-after', String(fault.retryAfterSeconds));
  const body = html`<div class="head"><h1>Sign in</h1></div>
<form class="card" method="post" action="/sign-in">
${formToken(request, reply, house.publicUrl())}<input type="hidden" name="next" value="${next}">
${isAfterReset && html`<div class="notice good" role="status"><p>Your password is set. Sign in with it.</p></div>`}
${formProblem(fault, [])}
${field({
  name: 'email',
  label: 'E-mail',
  type: 'email',
  value: textOf(request, 'email'),
  autocomplete: 'username',
  maxLength: 254,
  autofocus: fault === null,
})}
${field({
  name: 'password',
  label: 'Password',
  type: 'password',
  autocomplete: 'current-password',
  autofocus: fault !== null,
})}
<button>Sign in</button>
</form>`;
  // 401 would make browsers ask for a password in a dialog of their own.
  const status = fault === null ? 200 : fault.status === 401 ? 400 : fault.status;
  return sendPage(reply, { title: 'Sign in', body, status });
}
