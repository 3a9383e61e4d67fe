// /reset-password: whoever holds the operator's link chooses a new password, without a session. GET shows the form and changes
// nothing, so that a mail scanner or a preview uses nothing up; the link's secret goes on in the form, not in an address.
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Fault } from '../../kernel/fault.ts';
import { requireSameOrigin } from '../http/same-origin.ts';
import { formProblem, isMendable } from '../pages/field.ts';
import { formToken, requireOwnForm } from '../pages/form-guard.ts';
import { html } from '../pages/html.ts';
import { sendPage } from '../pages/layout.ts';
import { type AccountHouse, browserOf, isJson, secretOf, setCookies, textOf } from './exchange.ts';
import { newPasswordField } from './setup.ts';

type LinkQuery = { readonly Querystring: { readonly token?: string | readonly string[] } };

export function registerResetPassword(scope: FastifyInstance, house: AccountHouse): void {
  scope.get<LinkQuery>('/reset-password', async (request, reply) => {
    const token = typeof request.query.token === 'string' ? request.query.token : '';
    return await showForm(house, request, reply, token, null);
  });
  scope.post('/reset-password', async (request, reply) => {
    if (isJson(request)) requireSameOrigin(request, house.publicUrl());
    else requireOwnForm(request, house.publicUrl());
    const token = textOf(request, 'token');
    try {
      const cookies = await house.accounts.resetPassword(
        token,
        secretOf(request, 'newPassword'),
        browserOf(request),
      );
      setCookies(reply, cookies);
      if (!isJson(request)) return reply.redirect('/sign-in?after=reset', 303);
      return reply.code(204).send();
    } catch (error) {
      if (isJson(request) || !isMendable(error)) throw error;
      return await showForm(house, request, reply, token, error);
    }
  });
}

async function showForm(
  house: AccountHouse,
  request: FastifyRequest,
  reply: FastifyReply,
  token: string,
  fault: Fault | null,
): Promise<FastifyReply> {
  const person = await house.accounts.personOfResetLink(token);
  if (fault?.retryAfterSeconds != null) reply.header('retry-after', String(fault.retryAfterSeconds));
  const body = html`<div class="head"><h1>Choose a new password</h1>
<p class="lead">For ${person.email}. All browsers that are signed in with this e-mail are signed out.</p></div>
<form class="card" method="post" action="/reset-password">
${formToken(request, reply, house.publicUrl())}<input type="hidden" name="token" value="${token}">
${formProblem(fault, ['newPassword'])}
<input class="hidden" type="email" name="email" value="${person.email}" autocomplete="username" tabindex="-1" aria-hidden="true" readonly>
${newPasswordField('newPassword', 'New password', fault)}
<p class="hint">API tokens stay as they are. If somebody else may know the old password, revoke the tokens that are not yours after you have signed in.</p>
<button>Set password</button>
</form>`;
  return sendPage(reply, { title: 'Choose a new password', body, status: fault?.status ?? 200 });
}
