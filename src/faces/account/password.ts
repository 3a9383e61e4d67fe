// /account/password: a new password ends every session of the person, in all browsers, and begins a new one here.
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Fault } from '../../kernel/fault.ts';
import type { Actor } from '../../tenancy/actor.ts';
import { field, formProblem, isMendable, problemAt } from '../pages/field.ts';
import { formToken, requireOwnForm } from '../pages/form-guard.ts';
import { html } from '../pages/html.ts';
import { sendPage } from '../pages/layout.ts';
import {
  type AccountHouse,
  browserOf,
  personOrSignIn,
  secretOf,
  setCookies,
  signedInAside,
} from './exchange.ts';
import { newPasswordField } from './setup.ts';

export function registerPassword(scope: FastifyInstance, house: AccountHouse): void {
  scope.get('/account/password', async (request, reply) => {
    const actor = await personOrSignIn(house, request, reply);
    return actor === null ? reply : showForm(house, request, reply, actor, null);
  });
  scope.post('/account/password', async (request, reply) => {
    const actor = await personOrSignIn(house, request, reply);
    if (actor === null) return reply;
    requireOwnForm(request, house.publicUrl());
    try {
      const change = {
        current: secretOf(request, 'currentPassword'),
        next: secretOf(request, 'newPassword'),
      };
      const { cookies } = await house.accounts.changePassword(actor, change, browserOf(request));
      setCookies(reply, cookies);
      return reply.redirect('/account', 303);
    } catch (error) {
      if (!isMendable(error)) throw error;
      return showForm(house, request, reply, actor, error);
    }
  });
}

function showForm(
  house: AccountHouse,
  request: FastifyRequest,
  reply: FastifyReply,
  actor: Actor,
  fault: Fault | null,
): FastifyReply {
  if (fault?.retryAfterSeconds != null) reply.header('retry-after', String(fault.retryAfterSeconds));
  const form = formToken(request, reply, house.publicUrl());
  const body = html`<div class="head"><h1>Change your password</h1>
<p class="lead">All your other browsers are signed out. API tokens stay.</p></div>
<form class="card" method="post" action="/account/password">${form}
${formProblem(fault, ['currentPassword', 'newPassword'])}
<input class="hidden" type="email" name="email" value="${actor.email}" autocomplete="username" tabindex="-1" aria-hidden="true" readonly>
${field({
  name: 'currentPassword',
  label: 'Current password',
  type: 'password',
  problem: problemAt(fault, 'currentPassword', 'The current password'),
  autocomplete: 'current-password',
})}
${newPasswordField('newPassword', 'New password', fault)}
<div class="actions"><button>Change password</button><a class="button quiet" href="/account">Cancel</a></div>
</form>`;
  return sendPage(reply, {
    title: 'Change your password',
    aside: signedInAside(actor, form),
    body,
    status: fault?.status ?? 200,
  });
}
