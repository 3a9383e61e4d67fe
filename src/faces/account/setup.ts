// /setup: the first owner. GET shows the form and changes nothing, so that a mail scanner or a preview uses nothing up.
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { minPasswordLength } from '../../accounts/password-rule.ts';
import type { Fault } from '../../kernel/fault.ts';
import { requireSameOrigin } from '../http/same-origin.ts';
import { field, formProblem, isMendable, problemAt } from '../pages/field.ts';
import { formToken, requireOwnForm } from '../pages/form-guard.ts';
import { type Html, html } from '../pages/html.ts';
import { sendPage } from '../pages/layout.ts';
import { type AccountHouse, browserOf, isJson, secretOf, setCookies, textOf } from './exchange.ts';

type LinkQuery = { readonly Querystring: { readonly token?: string | readonly string[] } };

export function registerSetup(scope: FastifyInstance, house: AccountHouse): void {
  scope.get<LinkQuery>('/setup', async (request, reply) => {
    const token = typeof request.query.token === 'string' ? request.query.token : '';
    await house.accounts.requireLiveSetupLink(token);
    return showForm(house, request, reply, token, null);
  });
  scope.post('/setup', async (request, reply) => {
    if (isJson(request)) requireSameOrigin(request, house.publicUrl());
    else requireOwnForm(request, house.publicUrl());
    const token = textOf(request, 'token');
    try {
      const { cookies, actor } = await house.accounts.setUp(
        {
          token,
          organization: textOf(request, 'organization'),
          name: textOf(request, 'name'),
          email: textOf(request, 'email'),
          password: secretOf(request, 'password'),
        },
        browserOf(request),
      );
      setCookies(reply, cookies);
      if (!isJson(request)) return reply.redirect('/account', 303);
      return reply.code(201).send({ organizationId: actor.tenant, principalId: actor.principalId });
    } catch (error) {
      if (isJson(request) || !isMendable(error)) throw error;
      return showForm(house, request, reply, token, error);
    }
  });
}

const fields = ['organization', 'name', 'email', 'password'];

function showForm(
  house: AccountHouse,
  request: FastifyRequest,
  reply: FastifyReply,
  token: string,
  fault: Fault | null,
): FastifyReply {
  const body = html`<div class="head"><h1>Set up Latchkey</h1>
<p class="lead">You become the owner of this installation’s first organization. This page can be used once.</p></div>
<form class="card" method="post" action="/setup">
${formToken(request, reply, house.publicUrl())}<input type="hidden" name="token" value="${token}">
${formProblem(fault, fields)}
${field({
  name: 'organization',
  label: 'Organization',
  value: textOf(request, 'organization'),
  hint: 'The company whose customers will connect their accounts.',
  problem: problemAt(fault, 'organization', 'The name'),
  autocomplete: 'organization',
  maxLength: 200,
  autofocus: fault === null,
})}
${field({
  name: 'name',
  label: 'Your name',
  value: textOf(request, 'name'),
  problem: problemAt(fault, 'name', 'Your name'),
  autocomplete: 'name',
  maxLength: 200,
})}
${field({
  name: 'email',
  label: 'E-mail',
  type: 'email',
  value: textOf(request, 'email'),
  hint: 'You sign in with it.',
  problem: problemAt(fault, 'email', 'This'),
  autocomplete: 'username',
  maxLength: 254,
})}
${newPasswordField('password', 'Password', fault)}
<button>Create organization</button>
</form>`;
  return sendPage(reply, { title: 'Set up', body, status: fault?.status ?? 200 });
}

/** The hint turns when the password is long enough; by style alone, no script runs here. */
export function newPasswordField(name: string, label: string, fault: Fault | null): Html {
  return field({
    name,
    label,
    type: 'password',
    hint: html`<span class="too-short">At least ${minPasswordLength} characters.</span><span class="long-enough">✓ Long enough.</span> A few random words are stronger than one clever word.`,
    problem: problemAt(fault, name, 'The password'),
    autocomplete: 'new-password',
    minLength: minPasswordLength,
  });
}
